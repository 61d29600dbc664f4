"""One ONNX graph and how columns are given to it. What its answers mean is told elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import numpy as np

from flyball.core.errors import UnknownNameError
from flyball.core.optional import extra
from flyball.runtimes.columns import Columns, Values, has_nulls, list_of, numbers_of, whole_numbers_of
from flyball.runtimes.errors import BeyondError, MissingValueError, ModelFileError, RowsRejectedError, UnservableError

with extra("onnx"):
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

onnxruntime.disable_telemetry_events()

Element = Literal["float", "double", "int64", "int32", "string", "bool"]
ELEMENTS: Mapping[str, Element] = {
    "tensor(float)": "float", "tensor(double)": "double", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(string)": "string",
    "tensor(bool)": "bool",
}  # fmt: skip
_NUMPY: Mapping[str, Any] = {
    "float": np.float32, "double": np.float64, "int64": np.int64, "int32": np.int32, "bool": np.bool_, "string": object,
}  # fmt: skip
GREATEST = float(np.finfo(np.float32).max)
"""Beyond lies infinity in single precision."""
FEW = 64
"""Of more rows a numpy array for each column costs less than a look at each value."""
_LIST, _NUMBER, _TEXT = frozenset({list}), frozenset({float, int, type(None)}), frozenset({str})


@dataclass(frozen=True)
class OnnxInput:
    """One input of the graph: the columns that stand side by side in it."""

    name: str
    columns: tuple[str, ...]
    element: Element


@dataclass(frozen=True, slots=True)
class Rejections:
    """The columns for whose sake rows are refused: without a value in `never_null`, beyond single precision in `bounded`."""

    never_null: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ()


@dataclass(frozen=True)
class OnnxUse:
    """How a graph is asked: its inputs, the outputs that are read, and what it is never given."""

    inputs: tuple[OnnxInput, ...]
    outputs: tuple[str, ...]
    rejections: Rejections = Rejections()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it takes, in order."""
        return tuple(name for found in self.inputs for name in found.columns)

    def to_json(self) -> dict[str, Any]:
        inputs = [{"name": found.name, "columns": list(found.columns), "element": found.element} for found in self.inputs]
        return {"inputs": inputs, "outputs": list(self.outputs), **{name: list(names) for name, names in asdict(self.rejections).items()}}

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> OnnxUse:
        """The value that `to_json` gave."""
        inputs = tuple(OnnxInput(found["name"], tuple(found["columns"]), found["element"]) for found in facts["inputs"])
        rejections = Rejections(tuple(facts.get("never_null", ())), tuple(facts.get("bounded", ())))
        return OnnxUse(inputs, tuple(facts["outputs"]), rejections)


@dataclass(frozen=True)
class OnnxGraph:
    """A graph that is ready to run. Thread-safe; never changes.

    Raises:
        ModelFileError: it is no graph that ONNX Runtime can run.
    """

    data: bytes
    use: OnnxUse

    def __post_init__(self) -> None:
        _ = self._session

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return open_session(self.data)

    def run(self, columns: Columns, n_rows: int) -> Sequence[Any]:
        """What the outputs are for so many rows, whose columns these are.

        Raises:
            UnknownNameError: a column is missing.
            MissingValueError, BeyondError, RowsRejectedError: the rows hold what it does not take.
        """
        given = self._plain(columns, n_rows)
        if given is None and self._single:
            with np.errstate(over="ignore"):  # beyond single precision lies infinity, as in the graph itself
                given = {found.name: self._tensor(found, columns, n_rows=n_rows) for found in self.use.inputs}
        elif given is None:
            given = {found.name: self._tensor(found, columns, n_rows=n_rows) for found in self.use.inputs}
        try:
            said: Sequence[Any] = self._session.run(self._outputs, given)
        except Exception as error:  # as in `open_session`
            reason = str(error).rpartition("Status Message: ")[2]
            raise RowsRejectedError(" ".join(reason.split())[:300]) from error
        return said

    def refusing(self, rejections: Rejections) -> OnnxGraph:
        """The same graph, which refuses these rows besides."""
        before = self.use.rejections
        both = Rejections((*before.never_null, *rejections.never_null), (*before.bounded, *rejections.bounded))
        return OnnxGraph(self.data, replace(self.use, rejections=both))

    @cached_property
    def _outputs(self) -> list[str]:
        return list(self.use.outputs)

    @cached_property
    def _alone(self) -> tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]] | None:
        """The inputs that are numbers in double precision with their columns, and those that are texts; None where there are others."""
        if self._wary or any(len(found.columns) > 1 or found.element not in {"double", "string"} for found in self.use.inputs):
            return None
        numbers, texts = ([found for found in self.use.inputs if found.element == element] for element in ("double", "string"))
        return (
            [found.name for found in numbers], [found.columns[0] for found in numbers],
            [found.name for found in texts], [found.columns[0] for found in texts],
        )  # fmt: skip

    def _plain(self, there: Columns, n_rows: int) -> dict[str, Any] | None:
        """The inputs of few rows as parts of two arrays, which cost less than one for each; None where values are not plain."""
        if self._alone is None or n_rows > FEW:
            return None
        names, columns, text_names, text_columns = self._alone
        numbers: list[Any] = [there.get(name) for name in columns]
        texts: list[Any] = [there.get(name) for name in text_columns]
        if not _LIST.issuperset(map(type, chain(numbers, texts))):
            return None
        if not (_NUMBER.issuperset(map(type, chain.from_iterable(numbers))) and _TEXT.issuperset(map(type, chain.from_iterable(texts)))):
            return None
        given = dict(zip(names, np.array(numbers, np.float64).reshape(len(names), n_rows, 1), strict=True))
        if texts:
            given |= zip(text_names, np.array(texts, object).reshape(len(text_names), n_rows, 1), strict=True)
        return given

    @cached_property
    def _single(self) -> bool:
        """Whether an input is in single precision."""
        return any(found.element == "float" for found in self.use.inputs)

    def _tensor(self, found: OnnxInput, there: Columns, *, n_rows: int) -> Any:
        try:
            columns = [self._values(name, there[name], element=found.element) for name in found.columns]
        except KeyError as error:
            raise UnknownNameError("feature", str(error.args[0]), known=there, where="the rows to predict") from error
        tensor = _side_by_side(columns, _NUMPY[found.element], n_rows=n_rows)
        if self._wary and found.element in {"float", "double"}:
            self._check(tensor, found.columns)
        return tensor

    @cached_property
    def _wary(self) -> bool:
        return self.use.rejections != Rejections()

    def _values(self, name: str, values: Values, *, element: Element) -> Any:
        if element in {"float", "double"}:
            return numbers_of(name, values)
        if name in self.use.rejections.never_null and has_nulls(values):
            raise MissingValueError(name)
        if element == "string":
            found = list_of(values)
            return found if _TEXT.issuperset(map(type, found)) else ["" if value is None else str(value) for value in found]
        return whole_numbers_of(name, values)

    def _check(self, tensor: Any, columns: Sequence[str]) -> None:
        """A missing value is NaN here, whatever it was."""
        rejections = self.use.rejections
        if rejections.never_null and np.isnan(tensor).any():
            for place, name in enumerate(columns):
                if name in rejections.never_null and np.isnan(tensor[:, place]).any():
                    raise MissingValueError(name)
        if rejections.bounded and (np.abs(tensor) > GREATEST).any():
            for place, name in enumerate(columns):
                if name in rejections.bounded and (np.abs(tensor[:, place]) > GREATEST).any():
                    raise BeyondError(name, GREATEST)


def _side_by_side(columns: Sequence[Any], dtype: Any, *, n_rows: int) -> Any:
    if len(columns) == 1:
        return np.asarray(columns[0], dtype=dtype).reshape(n_rows, 1)
    tensor = np.empty((n_rows, len(columns)), dtype=dtype)
    for place, values in enumerate(columns):
        tensor[:, place] = values
    return tensor


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


def describe_graph(data: bytes, names: Sequence[str]) -> OnnxUse:
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
        inputs: tuple[OnnxInput, ...] = (_single(given[0], names),)
    else:
        inputs = tuple(OnnxInput(found.name, (found.name,), ELEMENTS[found.type]) for found in given)
    outputs = tuple(found.name for found in session.get_outputs() if found.type in ELEMENTS)
    if len(outputs) != len(session.get_outputs()) or len(outputs) > 2:
        wanted = "neither one value nor a label and a tensor of probabilities; convert it with zipmap=False"
        raise UnservableError(f"its ONNX outputs are {wanted}")
    return OnnxUse(inputs, outputs)


def _single(found: Any, names: Sequence[str]) -> OnnxInput:
    width = found.shape[1]
    if isinstance(width, int) and names and len(names) != width:
        raise UnservableError(f"its ONNX input {found.name!r} takes {width} columns, but its signature names {len(names)}")
    columns = tuple(names) or tuple(str(place) for place in range(width if isinstance(width, int) else 0))
    if not columns:
        raise UnservableError(f"its ONNX input {found.name!r} does not say how many columns it takes, and it has no signature")
    return OnnxInput(found.name, columns, ELEMENTS[found.type])
