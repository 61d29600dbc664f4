"""ONNX: arithmetic as data, run by ONNX Runtime on one thread. What lies outside of the file is taken in first or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.core.errors import UnknownNameError
from flyball.core.optional import extra
from flyball.runtimes.errors import FeatureTypeError, MissingValueError, ModelFileError, RowsRejectedError, UnservableError
from flyball.runtimes.estimator import values_of
from flyball.runtimes.forest import classed
from flyball.runtimes.model import Files, Floats, ModelManifest

with extra("onnx"):
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

onnxruntime.disable_telemetry_events()

Element = Literal["float", "double", "int64", "int32", "string", "bool"]
ELEMENTS: Mapping[str, Element] = {
    "tensor(float)": "float", "tensor(double)": "double", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(string)": "string",
    "tensor(bool)": "bool",
}  # fmt: skip
_NUMPY: Mapping[str, Any] = {"float": np.float32, "double": np.float64, "int64": np.int64, "int32": np.int32, "bool": np.bool_}


@dataclass(frozen=True)
class OnnxInput:
    """One input of the graph: the columns that stand side by side in it."""

    name: str
    columns: tuple[str, ...]
    element: Element

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "columns": list(self.columns), "element": self.element}


class OnnxPredictor:
    """A `Predictor` of one ONNX graph. `outputs` names the label and the probabilities of a classifier, or the value.

    Rows without a value in one of the columns `never_null` are refused, as the model does that the graph was made from.
    """

    def __init__(
        self, manifest: ModelManifest, data: bytes, *, inputs: Sequence[OnnxInput], outputs: Sequence[str], never_null: Sequence[str] = ()
    ) -> None:
        self.manifest, self.inputs, self.outputs, self._data = manifest, tuple(inputs), tuple(outputs), data
        self.never_null = tuple(never_null)
        self._session = open_session(data)

    def predict(self, frame: pl.DataFrame) -> Floats:
        classes = self.manifest.classes
        for name in self.manifest.features:
            if name not in frame.columns:
                raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
        for name in self.never_null:
            if frame[name].has_nulls():
                raise MissingValueError(name)
        if not frame.height:
            return np.empty((0, 1 + len(classes)) if classes else 0)
        given = {found.name: _tensor(frame.select(found.columns), found.element) for found in self.inputs}
        said = self._run(given)
        if not classes:
            return values_of(said[0], frame.height)
        probabilities = np.asarray(said[1], dtype=np.float64)
        result = classed(probabilities[:, 0] if probabilities.shape[1] == 1 < len(classes) else probabilities)
        index = {label: place for place, label in enumerate(classes)}
        result[:, 0] = [index.get(label, place) for label, place in zip(np.ravel(said[0]).tolist(), result[:, 0], strict=True)]
        return result

    def _run(self, given: Mapping[str, Any]) -> Any:
        try:
            return self._session.run(list(self.outputs), given)
        except Exception as error:  # as in `open_session`
            reason = str(error).rpartition("Status Message: ")[2]
            raise RowsRejectedError(" ".join(reason.split())[:300]) from error

    def dump(self) -> Files:
        inputs = [found.to_json() for found in self.inputs]
        facts = {"inputs": inputs, "outputs": list(self.outputs), "never_null": list(self.never_null)}
        return {"model.onnx": self._data, "onnx.json": canonical(facts).encode()}

    @staticmethod
    def parse(manifest: ModelManifest, files: Files, *, never_null: Sequence[str] = ()) -> OnnxPredictor:
        """The predictor that `dump` wrote; it refuses nulls in the columns `never_null` as well."""
        facts = json.loads(files["onnx.json"])
        inputs = [OnnxInput(found["name"], tuple(found["columns"]), found["element"]) for found in facts["inputs"]]
        return OnnxPredictor(
            manifest, files["model.onnx"], inputs=inputs, outputs=facts["outputs"], never_null=[*facts["never_null"], *never_null]
        )


def open_session(data: bytes) -> onnxruntime.InferenceSession:
    """A session of the graph, on one thread.

    Raises:
        ModelFileError: it is no graph that ONNX Runtime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it refuses is told to who asked
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it raises classes of its own that share no root
        raise ModelFileError("of ONNX", str(error)[:300]) from error


def _tensor(frame: pl.DataFrame, element: Element) -> Any:
    if element == "string":
        texts = [["" if value is None else str(value) for value in row] for row in frame.rows()]
        return np.array(texts, dtype=object)
    for series in frame.get_columns():
        if not (series.dtype.is_numeric() or series.dtype in {pl.Boolean, pl.Null}):
            raise FeatureTypeError(series.name, str(series.dtype))
    whole = element in {"int64", "int32", "bool"}
    kept = frame.select(pl.all().cast(pl.Int64).fill_null(0) if whole else pl.all().cast(pl.Float64))
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, as in the graph itself
        return kept.to_numpy().astype(_NUMPY[element])


def describe_graph(data: bytes, names: Sequence[str]) -> tuple[tuple[OnnxInput, ...], tuple[str, ...]]:
    """How rows of the columns `names` are given to a graph that somebody else made, and which outputs are read.

    Raises:
        UnservableError: its inputs are no columns, or its outputs no predictions.
        ModelFileError: it cannot be run.
    """
    session = open_session(data)
    given = session.get_inputs()
    odd = next((found for found in given if found.type not in ELEMENTS or len(found.shape) != 2), None)
    if odd is not None:
        raise UnservableError(f"its ONNX input {odd.name!r} is {odd.type} of shape {odd.shape}, no table of rows")
    if len(given) == 1:
        width = given[0].shape[1]
        columns = tuple(names) or tuple(str(place) for place in range(width if isinstance(width, int) else 0))
        inputs: tuple[OnnxInput, ...] = (OnnxInput(given[0].name, columns, ELEMENTS[given[0].type]),)
    else:
        inputs = tuple(OnnxInput(found.name, (found.name,), ELEMENTS[found.type]) for found in given)
    outputs = tuple(found.name for found in session.get_outputs() if found.type in ELEMENTS)
    if len(outputs) != len(session.get_outputs()) or len(outputs) > 2:
        wanted = "neither one value nor a label and a tensor of probabilities; convert it with zipmap=False"
        raise UnservableError(f"its ONNX outputs are {wanted}")
    return inputs, outputs
