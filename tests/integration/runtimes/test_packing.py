"""What a logged model is packed as, and that it then answers as the fitted object does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, external_data_helper
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]  # it ships no types
from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]  # it ships no types

from flyball.core.errors import UnknownNameError
from flyball.runtimes import CodeNotAllowedError, ModelFileError, UnservableError, describe, load
from flyball.runtimes.errors import CodeCarryingError
from flyball.runtimes.model import Predictor
from flyball.runtimes.packing import Packed, TakenColumn, pack
from tests.loggedmodels import array_signature, columns_signature, leaves, logged_booster, logged_pickle, mlmodel, pipeline, visits


def loaded(files: Mapping[str, bytes], place: Path) -> tuple[Predictor, Packed]:
    packed = pack(files, may_run_code=True)
    path = place / "model.bin"
    path.write_bytes(packed.archived())
    assert Packed.parse(path.read_bytes()) == packed
    return load(path, allow_code=True), packed


def test_a_pickle_answers_as_the_fitted_object_and_only_apart(tmp_path: Path) -> None:
    rows = visits()
    fitted = pipeline(LogisticRegression()).fit(rows, leaves(rows))
    model, packed = loaded(logged_pickle(fitted, columns_signature(rows)), tmp_path)
    assert (packed.manifest.format, packed.manifest.carries_code, packed.manifest.apart) == ("mlflow", True, True)
    said = model.predict(rows)
    assert said[:, 0].tolist() == fitted.predict(rows).tolist()
    assert said[:, 1:].tobytes() == fitted.predict_proba(rows).tobytes()
    assert describe(model).classes == (0, 1)
    with pytest.raises(CodeCarryingError):
        load(tmp_path / "model.bin")
    with pytest.raises(UnknownNameError, match="'plan'"):
        model.predict(rows.drop("plan"))


def test_who_may_not_run_code_is_told_why_and_what_would_allow_it() -> None:
    rows = visits()
    files = logged_pickle(LinearRegression().fit(rows.select("age"), rows["visits"]))
    with pytest.raises(CodeNotAllowedError, match=r"a pickle of scikit-learn's.*principal who may.*ONNX"):
        pack(files, may_run_code=False)


def test_an_array_s_model_is_given_an_array(tmp_path: Path) -> None:
    rows = visits()
    matrix = rows.select("age", "visits").to_numpy().astype(float)
    fitted = RandomForestClassifier(5, random_state=0).fit(matrix, rows["plan"].to_numpy())
    model, packed = loaded(logged_pickle(fitted, array_signature(2)), tmp_path)
    assert packed.takes == (TakenColumn("0", "Float64"), TakenColumn("1", "Float64"))
    said = model.predict(pl.DataFrame(matrix, schema=["0", "1"]))
    classes = describe(model).classes
    assert [classes[int(place)] for place in said[:, 0]] == fitted.predict(matrix).tolist()


@pytest.mark.parametrize("kind", ["binary", "regression", "multiclass"])
def test_lightgbm_s_own_text_carries_no_code_and_answers_to_the_bit(tmp_path: Path, kind: str) -> None:
    rows = visits()
    target = {"binary": leaves(rows), "regression": rows["visits"].to_numpy(), "multiclass": rows["visits"].to_numpy() % 3}[kind]
    more = {"num_class": 3} if kind == "multiclass" else {}
    matrix = rows.select("age", "visits").to_numpy().astype(float)
    data = lightgbm.Dataset(matrix, target, feature_name=["age", "visits"])
    booster = lightgbm.train({"objective": kind, "verbose": -1, "num_threads": 1, **more}, data, 5)
    model, packed = loaded(logged_booster(booster.model_to_string()), tmp_path)
    assert (packed.manifest.format, packed.manifest.apart) == ("trees", False)
    said, own = model.predict(rows), np.asarray(booster.predict(matrix))
    assert (said[:, 1:] if kind == "multiclass" else said).tobytes() == own.tobytes()
    assert describe(model).task == ("classes" if kind == "multiclass" else "regression")


def test_categories_of_pandas_are_read_from_the_text(tmp_path: Path) -> None:
    text = (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=regression\n"
        "feature_names=age plan\nfeature_infos=[0:9] 1:0\ntree_sizes=400\n\n"
    )
    from flyball.runtimes.forest import _columns

    found = _columns(text + 'pandas_categorical:[["basic", "full"]]\n', [])
    assert [(column.name, column.levels) for column in found] == [("age", None), ("plan", ("basic", "full"))]
    with pytest.raises(UnservableError, match="never split on"):
        _columns(text + 'pandas_categorical:[["basic"], ["x"]]\n', [])
    assert not list(tmp_path.iterdir())


def linear_graph() -> onnx.ModelProto:
    weights = onnx.helper.make_tensor("w", TensorProto.FLOAT, [2, 1], np.array([2.0, -1.0], np.float32).tobytes(), raw=True)
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    inputs = [onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
    outputs = [onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])]
    graph = onnx.helper.make_graph([node], "linear", inputs, outputs, [weights])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


def logged_onnx(graph: onnx.ModelProto, **files: bytes) -> dict[str, bytes]:
    return {"MLmodel": mlmodel({"onnx": {"data": "model.onnx"}}, array_signature(2)), "model.onnx": graph.SerializeToString(), **files}


def test_onnx_runs_in_the_server(tmp_path: Path) -> None:
    model, packed = loaded(logged_onnx(linear_graph()), tmp_path)
    assert (packed.manifest.format, packed.manifest.apart) == ("onnx", False)
    assert model.predict(pl.DataFrame({"0": [1.0, 3.0], "1": [1.0, 4.0]})).tolist() == [1.0, 2.0]
    assert model.predict(pl.DataFrame(schema={"0": pl.Float64, "1": pl.Float64})).shape == (0,)


def outside(graph: onnx.ModelProto, location: str) -> onnx.ModelProto:
    tensor = graph.graph.initializer[0]
    external_data_helper.set_external_data(tensor, location, length=8)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    return graph


def test_what_onnx_keeps_beside_its_file_is_taken_in(tmp_path: Path) -> None:
    data = np.array([2.0, -1.0], np.float32).tobytes()
    model, _ = loaded(logged_onnx(outside(linear_graph(), "weights.bin"), **{"weights.bin": data}), tmp_path)
    assert model.predict(pl.DataFrame({"0": [1.0], "1": [1.0]})).tolist() == [1.0]


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "folder/weights.bin", ".."])
def test_what_onnx_keeps_elsewhere_is_never_opened(location: str) -> None:
    with pytest.raises(UnservableError, match="not beside it"):
        pack(logged_onnx(outside(linear_graph(), location)), may_run_code=True)


def test_damaged_files_are_refused() -> None:
    with pytest.raises(ModelFileError, match="was not logged with it"):
        pack(logged_onnx(outside(linear_graph(), "weights.bin")), may_run_code=True)
    with pytest.raises(ModelFileError, match="shorter than it says"):
        pack(logged_onnx(outside(linear_graph(), "weights.bin"), **{"weights.bin": b"x"}), may_run_code=True)
    with pytest.raises(ModelFileError):
        pack({**logged_onnx(linear_graph()), "model.onnx": b"garbage"}, may_run_code=True)
    with pytest.raises(ModelFileError):
        pack(logged_booster("no model"), may_run_code=True)
    with pytest.raises(ModelFileError):
        Packed.parse(b"no archive")


def test_a_pickle_of_what_does_not_predict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnservableError, match="is a dict, which has no `predict`"):
        loaded(logged_pickle({"not": "a model"}), tmp_path)


def program(*inside: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in inside:
            archive.writestr(f"net/{name}", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("file", "inside", "form"),
    [
        ("model.pt2", ("archive_format", "models/model.json"), "exported"),
        ("model.pth", ("code/__torch__.py", "data.pkl"), "torchscript"),
    ],
    ids=["exported", "script"],
)
def test_programs_that_mlflow_logged_count_as_code_and_need_their_columns(file: str, inside: Sequence[str], form: str) -> None:
    flavors = {"pytorch": {"model_data": "data", "pytorch_version": "2.13.0"}, "python_function": {"loader_module": "mlflow.pytorch"}}
    files = {"MLmodel": mlmodel(flavors, columns_signature(visits().select("age"))), f"data/{file}": program(*inside)}
    packed = pack(files, may_run_code=True)
    assert (packed.manifest.format, packed.manifest.carries_code, packed.manifest.features) == (form, True, ("age",))
    with pytest.raises(CodeNotAllowedError, match="program"):
        pack(files, may_run_code=False)
    with pytest.raises(UnservableError, match="--signature"):
        pack({**files, "MLmodel": mlmodel(flavors)}, may_run_code=True)


def test_a_pickled_module_of_mlflow_s_is_left_to_mlflow() -> None:
    files = {"MLmodel": mlmodel({"pytorch": {"model_data": "data"}}), "data/model.pth": program("data.pkl", "version")}
    assert pack(files, may_run_code=True).manifest.format == "mlflow"
