"""A model that was logged with MLflow as one of ours: how it is loaded is decided here, once, from its files alone.

Forms without code come first: ONNX, LightGBM's and XGBoost's own text, skops as far as our list goes. What is left carries code, and
is packed only for who may run it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from flyball.core.canonical import canonical
from flyball.core.errors import FlyballError
from flyball.runtimes.declared import Declared
from flyball.runtimes.errors import CodeNotAllowedError, UnservableError
from flyball.runtimes.files import archived, read_archive
from flyball.runtimes.graphfile import FLAVOR, graph_manifest
from flyball.runtimes.mlmodel import Mlmodel, Signature, parse
from flyball.runtimes.model import Files, Format, ModelManifest, Predictor
from flyball.runtimes.naming import check_named
from flyball.runtimes.ownforms import own_manifest

POLARS: Mapping[str, str] = {
    "boolean": "Boolean", "integer": "Int32", "long": "Int64", "float": "Float32", "double": "Float64", "string": "String",
    "datetime": "Datetime(time_unit='us', time_zone=None)", "binary": "Binary",
}  # fmt: skip
"""Polars' names of MLflow's types."""

_ELEMENTS = {"string": "String", "int64": "Int64", "int32": "Int32", "bool": "Boolean"}
MOST_COLUMNS = 10_000
TAKES = "takes.json"


class StepTask(Protocol):
    """A step's task, as far as it is asked here."""

    inputs: dict[str, Path]
    parameters: Any

    def output(self, name: str) -> Path: ...


@dataclass(frozen=True, slots=True)
class TakenColumn:
    """A column that a model takes, by Polars' name of its type."""

    name: str
    dtype: str
    required: bool = True


@dataclass(frozen=True)
class Packed:
    """A model's manifest and files, and the columns that it takes; None: whatever comes."""

    manifest: ModelManifest
    files: Files
    takes: tuple[TakenColumn, ...] | None

    def archived(self) -> bytes:
        """The model as one archive, from which `parse` reads what it takes."""
        takes = None if self.takes is None else [asdict(column) for column in self.takes]
        return archived(self.manifest, {**self.files, TAKES: canonical(takes).encode()})

    @staticmethod
    def parse(data: bytes) -> Packed:
        """The model that `archived` wrote.

        Raises:
            ModelFileError: it is damaged, or none.
        """
        manifest, files = read_archive(data)
        takes = json.loads(files.get(TAKES, b"null"))
        columns = None if takes is None else tuple(TakenColumn(found["name"], found["dtype"], found["required"]) for found in takes)
        return Packed(manifest, {name: content for name, content in files.items() if name != TAKES}, columns)


def pack(files: Files, *, may_run_code: bool) -> Packed:
    """The model in the files of an MLflow directory; nothing of it is run.

    Raises:
        MlmodelError: they are no MLflow model.
        UnservableError: it takes or gives what no request or answer can say.
        CodeNotAllowedError: it carries code, and that may not be run.
        ModelFileError: a file is damaged or not there.
        MissingExtraError: the library that reads its form is not installed.
    """
    told = parse(files)
    takes = columns_of(told.signature)
    if FLAVOR in told.flavors:
        columns = [(column.name, column.dtype) for column in takes or ()]
        return Packed(*graph_manifest(told, files, columns=columns, may_run_code=may_run_code), takes)
    own = own_manifest(told, files, columns=[(column.name, column.dtype) for column in takes or ()], may_run_code=may_run_code)
    if own is not None:
        return Packed(*own, takes)
    for flavor, form in _FORMS.items():
        if flavor in told.flavors:
            packed = form(told, files, takes=takes)
            if packed is not None:
                return packed
    reason = _code_in(told)
    if not may_run_code:
        raise CodeNotAllowedError(reason)
    manifest = _manifest("mlflow", takes, carries_code=True)
    return Packed(manifest, {f"mlflow/{name}": data for name, data in files.items()}, takes)


def step(task: StepTask) -> dict[str, str]:
    """Pack the files in the archive "files" into "packed.bin" among the outputs; the code and the words of what refused them, if any."""
    with zipfile.ZipFile(task.inputs["files"]) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    try:
        packed = pack(files, may_run_code=task.parameters["may_run_code"])
    except FlyballError as error:
        return {"code": error.code, "words": str(error)}
    task.output("packed.bin").write_bytes(packed.archived())
    return {"code": "", "words": ""}


def columns_of(signature: Signature | None) -> tuple[TakenColumn, ...] | None:
    """The columns that a signature asks for; those of an array are called "0", "1", … Without one, None.

    Raises:
        UnservableError: an array that rows of JSON cannot hold.
    """
    if signature is None or not (signature.columns or signature.tensors):
        return None
    if signature.columns:
        return tuple(TakenColumn(column.name, POLARS[column.type], column.required) for column in signature.columns)
    if len(signature.tensors) > 1 or len(signature.tensors[0].shape) != 2:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in signature.tensors)
        raise UnservableError(f"it takes arrays of shape {shapes}; rows hold one array of shape [-1, columns]")
    width = signature.tensors[0].shape[1]
    if width < 0:
        return None
    if width > MOST_COLUMNS:
        raise UnservableError(f"it takes {width:,} columns; at most {MOST_COLUMNS:,} are served")
    return tuple(TakenColumn(str(place), "Float64") for place in range(width))


def _onnx(told: Mlmodel, files: Files, *, takes: Sequence[TakenColumn] | None) -> Packed | None:
    from flyball.runtimes.onnxfile import classes_in, whole
    from flyball.runtimes.onnxgraph import OnnxGraph, describe_graph
    from flyball.runtimes.onnxmodel import OnnxPredictor

    data = whole(told.get_path("onnx", "data"), files)
    use = describe_graph(data, [column.name for column in takes or ()])
    declared = Declared.of(told)
    classes = declared.classes or (classes_in(data) if len(use.outputs) == 2 else ())
    if len(use.outputs) == 2 and not classes:
        raise UnservableError("its ONNX graph has two outputs and names no classes. Import it with a --signature that names them")
    dtypes = {found.name: found.dtype for found in takes or ()}
    kinds = {name: dtypes.get(name, _ELEMENTS.get(found.element, "Float64")) for found in use.inputs for name in found.columns}
    manifest = ModelManifest(
        format="onnx", features=use.columns, dtypes=tuple(kinds[name] for name in use.columns), classes=classes,
        task="classes" if classes else "regression",
    )  # fmt: skip
    return _without_code(OnnxPredictor(manifest, OnnxGraph(data, use), declared.gives), takes)


def _lightgbm(told: Mlmodel, files: Files, *, takes: Sequence[TakenColumn] | None) -> Packed | None:
    path = told.get_path("lightgbm", "data")
    if path.endswith(".skops"):
        return _skops_file(path, files, takes=takes)
    if not path.endswith((".lgb", ".txt")) or path not in files:
        return None
    from flyball.runtimes.forest import forest

    dtypes = {column.name: column.dtype for column in takes or ()}
    return _without_code(forest(files[path].decode(), list(dtypes), dtypes=dtypes, classes=Declared.of(told).classes), takes)


def _xgboost(told: Mlmodel, files: Files, *, takes: Sequence[TakenColumn] | None) -> Packed | None:
    path = told.get_path("xgboost", "data")
    if path.endswith(".skops"):
        return _skops_file(path, files, takes=takes)
    if not path.endswith((".ubj", ".json", ".xgb")) or path not in files:
        return None
    from flyball.runtimes.xgboosted import boosted

    kind = str(told.flavors["xgboost"].get("model_class") or "")
    names = [column.name for column in takes or ()]
    return _without_code(boosted(files[path], names, kind=kind, classes=Declared.of(told).classes), takes)


def _sklearn(told: Mlmodel, files: Files, *, takes: Sequence[TakenColumn] | None) -> Packed | None:
    if told.flavors["sklearn"].get("serialization_format") != "skops":
        return None
    return _skops_file(told.get_path("sklearn", "pickled_model"), files, takes=takes)


def _skops_file(path: str, files: Files, *, takes: Sequence[TakenColumn] | None) -> Packed | None:
    if path not in files:
        return None
    from flyball.runtimes.skopsfile import untrusted

    if untrusted(files[path]):
        return None
    return Packed(_manifest("skops", takes), {"model.skops": files[path]}, None if takes is None else tuple(takes))


_FORMS: Mapping[str, Callable[..., Packed | None]] = {
    "onnx": _onnx, "lightgbm": _lightgbm, "xgboost": _xgboost, "sklearn": _sklearn,
}  # fmt: skip


def _without_code(model: Predictor, takes: Sequence[TakenColumn] | None) -> Packed:
    manifest = model.manifest
    known = {column.name: column for column in takes or ()}
    check_named(manifest.features, tuple(known))
    found = tuple(known.get(name, TakenColumn(name, dtype)) for name, dtype in zip(manifest.features, manifest.dtypes, strict=True))
    return Packed(manifest, model.dump(), found or None)


def _manifest(form: Format, takes: Sequence[TakenColumn] | None, *, carries_code: bool = False) -> ModelManifest:
    names, dtypes = tuple(column.name for column in takes or ()), tuple(column.dtype for column in takes or ())
    # Classes or values: it says so itself when it is loaded.
    return ModelManifest(format=form, features=names, dtypes=dtypes, task="values", carries_code=carries_code)


def _code_in(told: Mlmodel) -> str:
    for flavor, words in {"sklearn": "a pickle of scikit-learn's", "lightgbm": "a pickle", "xgboost": "a pickle"}.items():
        if flavor in told.flavors:
            skops = told.flavors[flavor].get("serialization_format") == "skops"
            return "a skops file with types beyond our list" if skops else words
    return "a Python function of MLflow's"
