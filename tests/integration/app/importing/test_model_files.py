"""Models that were built elsewhere, imported from a file or a directory: versions that answer as they did there."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]  # it ships no types
import lightgbm
import numpy as np
import onnx
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types
from typer.testing import CliRunner

from flyball.app.importing.modelfile import ModelPathError, read_model
from flyball.app.importing.registering import CodeNotTrustedError, Imported, import_model
from flyball.app.importing.target import Importer
from flyball.app.keeping import open_keeping
from flyball.app.stores import Stores
from flyball.cli.main import app
from flyball.core.clock import WallClock
from flyball.core.errors import FlyballError
from flyball.core.ids import RandomIds
from flyball.runtimes import load
from flyball.runtimes.declared import parse_declared
from flyball.runtimes.errors import UnknownModelFileError
from flyball.runtimes.model import Predictor
from flyball.storage._localblobs import LocalBlobs
from tests.loggedmodels import columns_signature, leaves, logged_pickle, pipeline, visits

ROWS = visits().drop("vip")
NUMBERS = ROWS.select("age", "visits")
MATRIX = NUMBERS.to_numpy().astype(float)
PIPELINE = pipeline(LogisticRegression()).fit(ROWS, leaves(ROWS))
SIGNATURE = "age: double, visits: long, plan: string"
FUNCTION = "import polars as pl\n\n\ndef price(rows: pl.DataFrame) -> pl.Series:\n    return rows['age'] * 2 + rows['visits']\n"


def imported(place: Path, source: str, *, signature: str = "", run_code: bool = True) -> Imported:
    brought = read_model(source, parse_declared(signature))
    importer = Importer("user:ada", run_code)
    return import_model(place / "home", "leaver", brought=brought, told_from=Path(source).name, importer=importer)


def model_of(found: Imported, place: Path) -> Predictor:
    """What answers after the conversion."""
    assert found.conversion is not None
    if found.conversion.digest is not None:
        return load(LocalBlobs(place / "home" / "blobs").open_path(found.conversion.digest))
    (place / "packed.bin").write_bytes(found.packed.archived())
    return load(place / "packed.bin", allow_code=True)


def boosters() -> dict[str, bytes]:
    data = lightgbm.Dataset(MATRIX, leaves(ROWS), feature_name=["age", "visits"])
    text = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5).model_to_string()
    trees: Any = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(MATRIX, leaves(ROWS)).get_booster()
    return {"b.txt": text.encode(), "b.lgb": text.encode(), "x.ubj": bytes(trees.save_raw("ubj")), "x.json": bytes(trees.save_raw("json"))}


@pytest.mark.parametrize("name", ["b.txt", "b.lgb", "x.ubj", "x.json"])
def test_boosters_of_both_libraries_are_what_they_were(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(boosters()[name])
    found = imported(tmp_path, str(tmp_path / name), signature="age: double, visits: long -> probabilities(stays, leaves)", run_code=False)
    assert found.conversion is not None
    assert (found.conversion.verdict, found.version.number) == ("native", 1)
    assert found.conversion.cost is not None
    model = model_of(found, tmp_path)
    assert model.manifest.classes == ("stays", "leaves")
    own = lightgbm.Booster(model_str=boosters()["b.txt"].decode()).predict(MATRIX) if name.startswith("b") else None
    if own is not None:
        assert model.predict(NUMBERS)[:, 2].tolist() == np.asarray(own).tolist()
    assert model.predict(NUMBERS).shape == (len(MATRIX), 3)


def pickled(name: str) -> bytes:
    if name.endswith(".joblib"):
        buffer = io.BytesIO()
        joblib.dump(PIPELINE, buffer, compress=3)
        return buffer.getvalue()
    return pickle.dumps(PIPELINE)


@pytest.mark.parametrize("signature", [SIGNATURE, ""], ids=["signature", "as fitted"])
@pytest.mark.parametrize("name", ["churn.pkl", "churn.joblib"])
def test_a_pickle_is_converted_where_it_is_trusted_and_nothing_is_made_where_not(tmp_path: Path, name: str, signature: str) -> None:
    (tmp_path / name).write_bytes(pickled(name))
    with pytest.raises(CodeNotTrustedError, match="--run-code"):
        imported(tmp_path, str(tmp_path / name), signature=signature, run_code=False)
    assert not (tmp_path / "home").exists()
    found = imported(tmp_path, str(tmp_path / name), signature=signature)
    assert found.conversion is not None
    assert (found.conversion.verdict, found.conversion.form) == ("converted", "onnx"), found.conversion.reason
    said = model_of(found, tmp_path).predict(ROWS)
    assert np.abs(said[:, 1:] - PIPELINE.predict_proba(ROWS)).max() < 1e-5


@pytest.mark.parametrize(("gives", "task"), [("", "values"), (" -> double", "regression")], ids=["anything", "a number"])
def test_a_function_answers_what_was_declared(tmp_path: Path, gives: str, task: str) -> None:
    (tmp_path / "price.py").write_text(FUNCTION)
    found = imported(tmp_path, f"{tmp_path / 'price.py'}:price", signature=f"age: double, visits: long{gives}")
    assert found.packed.manifest.task == task
    assert found.conversion is not None
    assert (found.conversion.verdict, found.packed.manifest.apart) == ("kept", True)
    assert found.conversion.cost is not None, "it is asked as it is, and that was measured"
    said = model_of(found, tmp_path).predict(NUMBERS)
    assert said.tolist() == (NUMBERS["age"] * 2 + NUMBERS["visits"]).to_list()


def test_a_second_import_is_the_next_version_of_the_same_model(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(boosters()["b.txt"])
    assert [imported(tmp_path, str(tmp_path / "b.txt")).version.number for _ in range(2)] == [1, 2]
    stores = Stores.at_home(tmp_path / "home", clock=WallClock(), ids=RandomIds())
    keeping = open_keeping(stores, LocalBlobs(tmp_path / "home" / "blobs"))
    version = keeping.registry.get_version("leaver", 2)
    run = keeping.tracking.runs.get(str(version.run))
    stores.close()
    assert (version.user, version.origin.may_run_code) == ("user:ada", True)
    assert (run.tags["flyball.imported-from"], run.head.status) == ("b.txt", "finished")


def linear(weights: np.ndarray) -> onnx.ModelProto:
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, list(weights.shape), weights.astype(np.float32).tobytes(), raw=True)
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, weights.shape[0]])]
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, weights.shape[1]])]
    graph = onnx.helper.make_graph([node], "linear", inputs, outputs, [tensor])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


def test_onnx_brings_what_it_keeps_beside_itself_and_means_what_was_declared(tmp_path: Path) -> None:
    graph = linear(np.array([[1.0, -1.0], [0.5, 0.5]]))
    onnx.save(graph, str(tmp_path / "net.onnx"), save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    assert (tmp_path / "net.onnx.data").exists()
    found = imported(tmp_path, str(tmp_path / "net.onnx"), signature="age: float, visits: float -> logits(no, yes)", run_code=False)
    said = model_of(found, tmp_path).predict(NUMBERS)
    logits = MATRIX @ np.array([[1.0, -1.0], [0.5, 0.5]])
    assert said[:, 2] == pytest.approx(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), abs=1e-6)


def test_a_signature_of_another_width_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(linear(np.ones((2, 1))).SerializeToString())
    with pytest.raises(FlyballError, match="takes 2 columns, but its signature names 1"):
        imported(tmp_path, str(tmp_path / "net.onnx"), signature="age: float", run_code=False)
    assert not (tmp_path / "home").exists()


def write(place: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def test_a_directory_of_mlflow_s_is_taken_as_it_is(tmp_path: Path) -> None:
    place = write(tmp_path / "model", logged_pickle(PIPELINE, columns_signature(ROWS)))
    found = imported(tmp_path, str(place))
    assert found.conversion is not None
    assert found.conversion.verdict == "converted"
    assert [column.name for column in found.packed.takes or ()] == ["age", "visits", "plan"]


def test_a_directory_with_one_model_is_that_model_and_others_are_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "folder", {"b.lgb": boosters()["b.txt"], "readme.md": b"x"})
    assert read_model(str(place), parse_declared("")).words == "LightGBM's own text"
    write(place, {"x.ubj": b"x"})
    with pytest.raises(UnknownModelFileError, match=r"several: b\.lgb, x\.ubj"):
        read_model(str(place), parse_declared(""))
    with pytest.raises(UnknownModelFileError, match="no MLmodel"):
        read_model(str(write(tmp_path / "empty", {"readme.md": b"x"})), parse_declared(""))
    with pytest.raises(ModelPathError, match="no file or directory"):
        read_model(str(tmp_path / "nothing.onnx"), parse_declared(""))


@pytest.mark.parametrize("name", ["net.onnx", "x.ubj", "b.lgb"])
def test_damaged_files_leave_nothing(tmp_path: Path, name: str) -> None:
    # XGBoost ends the process that reads half of a file.
    whole = {"net.onnx": linear(np.ones((2, 1))).SerializeToString(), "x.ubj": boosters()["x.ubj"], "b.lgb": boosters()["b.txt"]}[name]
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FlyballError):
        imported(tmp_path, str(tmp_path / name))
    assert not (tmp_path / "home").exists()


def ask(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["import", "model", *words])
    return done.exit_code, done.output


def test_the_command_says_what_came_of_it(tmp_path: Path) -> None:
    home = ["--name", "leaver", "--home", str(tmp_path / "home")]
    (tmp_path / "b.txt").write_bytes(boosters()["b.txt"])
    code, said = ask(str(tmp_path / "b.txt"), *home)
    assert (code, "models:/leaver/1 was imported: LightGBM's own text" in said) == (0, True), said
    assert "answers as trees, without code" in said
    assert "µs for a row alone" in said
    assert f"serve it with: flyball serve models:/leaver/1 --home {tmp_path / 'home'}" in said
    code, said = ask(str(tmp_path / "b.txt"), *home, "--json", "--signature", "visits: long, age: double")
    told = json.loads(said)
    assert (code, told["uri"], told["conversion"]["form"]) == (0, "models:/leaver/2", "trees")
    assert [column["name"] for column in told["takes"]] == ["age", "visits"]  # as the file has them
    assert ask(str(tmp_path / "b.txt"), *home, "--signature", "@nowhere")[0] == 4
    (tmp_path / "price.py").write_text(FUNCTION)
    (tmp_path / "signature.txt").write_text("age: double")
    code, said = ask(f"{tmp_path / 'price.py'}:prise", *home, "--run-code", "--signature", f"@{tmp_path / 'signature.txt'}")
    assert code == 1
    assert "cannot be asked here" in said
    assert "has no function 'prise'; it has price" in said
    code, said = ask(f"{tmp_path / 'price.py'}:price", *home, "--signature", "age: double")
    assert (code, "carries code (the Python function price)" in said) == (2, True), said
