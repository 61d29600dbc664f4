"""PyTorch's exported programs and TorchScript: loaded in a process of their own, on one thread.

A program that takes one table is given the columns side by side; one that takes as many tensors as there are columns is given each by
itself. A program that was exported for so many rows at once is asked with so many, the last ones filled up.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.core.optional import extra
from flyball.runtimes.answering import Gives, answered
from flyball.runtimes.errors import FeatureTypeError, MissingValueError, PredictionError, UnservableError
from flyball.runtimes.model import Description, Files, Floats, ModelManifest
from flyball.runtimes.ownforms import read_facts

with extra("torch"):
    import torch  # type: ignore[import-not-found,unused-ignore]  # it may not be there


@dataclass(frozen=True)
class _Argument:
    """One tensor that a program takes: PyTorch's type of it, its rank where that is known, and the rows it is bound to, None: any."""

    dtype: Any
    rank: int | None = None
    rows: int | None = None


class TorchPredictor:
    """A `Predictor` of one program."""

    def __init__(self, manifest: ModelManifest, program: Any, *, arguments: Sequence[_Argument], gives: Gives, files: Files) -> None:
        self.manifest, self._program, self._arguments, self._gives, self._files = manifest, program, tuple(arguments), gives, files
        if len(arguments) not in {1, len(manifest.features)}:
            raise UnservableError(f"it takes {len(arguments)} tensors, but its signature names {len(manifest.features)} columns")
        classes = manifest.classes
        self.description = Description(task="classes" if classes else "regression", classes=classes, features=manifest.features)

    def predict(self, frame: pl.DataFrame) -> Floats:
        if not frame.height:
            return np.empty((0, 1 + len(self.manifest.classes)) if self.manifest.classes else 0)
        columns = [_column(frame, name) for name in self.manifest.features]
        single = len(self._arguments) == 1 and (self._arguments[0].rank != 1 or len(columns) > 1)
        given = [np.column_stack(columns)] if single else columns
        step = next((found.rows for found in self._arguments if found.rows is not None), frame.height)
        parts = [self._ask([values[start : start + step] for values in given], step) for start in range(0, frame.height, step)]
        return answered(np.concatenate(parts), frame.height, gives=self._gives, classes=self.manifest.classes)

    def dump(self) -> Files:
        return self._files

    def _ask(self, given: Sequence[Floats], rows: int) -> Floats:
        n_rows = len(given[0])
        tensors = []
        for found, values in zip(self._arguments, given, strict=True):
            whole = np.concatenate([values, np.repeat(values[-1:], rows - n_rows, axis=0)]) if n_rows < rows else values
            whole = whole.reshape(rows, 1) if found.rank == 2 and whole.ndim == 1 else whole
            self._check(found, whole)
            tensors.append(torch.from_numpy(np.ascontiguousarray(whole)).to(found.dtype))
        with torch.inference_mode():
            said = self._program(*tensors)
        said = next(iter(said.values())) if isinstance(said, dict) else said[0] if isinstance(said, tuple | list) else said
        if not isinstance(said, torch.Tensor) or said.shape[:1] != (rows,):
            raise PredictionError(f"it returned {type(said).__name__} of shape {list(getattr(said, 'shape', []))} for {rows} rows.")
        found_values: Floats = said.detach().to(torch.float64).numpy()[:n_rows]
        return found_values

    def _check(self, found: _Argument, values: Floats) -> None:
        if not found.dtype.is_floating_point and np.isnan(values).any():
            column = 0 if values.ndim == 1 else int(np.isnan(values).any(axis=0).argmax())
            place = self._arguments.index(found) if len(self._arguments) > 1 else column
            raise MissingValueError(self.manifest.features[place])


def parse_torch(manifest: ModelManifest, files: Files) -> TorchPredictor:
    """The program that was imported or logged. Runs the code that it carries.

    Raises:
        UnservableError: it is none that this PyTorch reads, or takes what no row holds.
    """
    torch.set_num_threads(1)
    facts, inner = read_facts(files)
    data = io.BytesIO(inner[facts["data"]])
    try:
        program, arguments = _exported(data) if manifest.format == "exported" else _scripted(data)
    except (RuntimeError, ValueError, OSError, KeyError, AssertionError, NotImplementedError) as error:
        raise UnservableError(f"PyTorch {torch.__version__} does not read it: {str(error).strip().splitlines()[0][:300]}") from error
    return TorchPredictor(manifest, program, arguments=arguments, gives=facts["gives"], files=files)


def _exported(data: io.BytesIO) -> tuple[Any, list[_Argument]]:
    program = torch.export.load(data)
    wanted = set(program.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted]
    odd = next((value for value in values if not isinstance(value, torch.Tensor) or value.dim() not in {1, 2}), None)
    if odd is not None or not values:
        raise UnservableError(f"it takes {getattr(odd, 'shape', odd)}, which is no table of rows")
    return program.module(), [_Argument(value.dtype, value.dim(), _bound(value.shape[0])) for value in values]


def _bound(rows: Any) -> int | None:
    return rows if isinstance(rows, int) else None  # a symbol stands for any number


def _scripted(data: io.BytesIO) -> tuple[Any, list[_Argument]]:
    program = torch.jit.load(data, map_location="cpu").eval()
    dtype = next((found.dtype for found in program.parameters() if found.dtype.is_floating_point), torch.float32)
    taken = [found for found in program.forward.schema.arguments if found.name != "self" and not found.has_default_value()]
    return program, [_Argument(dtype) for _ in taken]


def _column(frame: pl.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        raise UnknownNameError("feature", name, known=frame.columns, where="the rows to predict")
    series = frame[name]
    if not (series.dtype.is_numeric() or series.dtype in {pl.Boolean, pl.Null}):
        raise FeatureTypeError(name, str(series.dtype))
    return series.cast(pl.Float64).to_numpy()
