"""The forms without code that a fitted object may be written in, the most exact first; which answers the same is asked elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import polars as pl

from flyball.runtimes.errors import NotConvertibleError
from flyball.runtimes.estimator import EstimatorPredictor
from flyball.runtimes.model import Format, Label, ModelManifest, Predictor, Task
from flyball.runtimes.packing import TakenColumn

TOLERANCE = 1e-5
"""Of probabilities, and of values relative to their size: what arithmetic in single precision costs."""
TYPES: Mapping[str, pl.DataType] = {
    str(dtype): dtype
    for dtype in (
        pl.Boolean(), pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(), pl.Float32(),
        pl.Float64(), pl.String(), pl.Date(), pl.Datetime("us"), pl.Datetime("us", "UTC"),
    )
}  # fmt: skip
"""The types of columns by Polars' names; a model that takes others is not compared."""


class Original(Predictor, Protocol):
    """A model around a fitted object."""

    @property
    def fitted(self) -> Any: ...


@dataclass(frozen=True)
class Form:
    """A form to try: its name, how far it may differ, and what makes it or raises."""

    name: str
    tolerance: float
    make: Callable[[], Predictor]


@dataclass(frozen=True)
class Wanted:
    """What every form must say: the columns in their order, the task, and the classes in the order of their probabilities."""

    takes: Sequence[TakenColumn]
    task: Task
    classes: Sequence[Label]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns' types.

        Raises:
            NotConvertibleError: a column has a type that no rows are drawn of.
        """
        odd = next((column for column in self.takes if column.dtype not in TYPES), None)
        if odd is not None:
            raise NotConvertibleError(f"its column {odd.name!r} is of type {odd.dtype}, and no rows of that are drawn to compare")
        return {column.name: TYPES[column.dtype] for column in self.takes}

    @property
    def dtypes(self) -> dict[str, str]:
        return {column.name: column.dtype for column in self.takes}

    def manifest(self, form: Format) -> ModelManifest:
        """The manifest of a model of that form."""
        return ModelManifest(
            format=form, features=tuple(self.dtypes), dtypes=tuple(self.dtypes.values()), task=self.task, classes=tuple(self.classes)
        )


def forms(original: Original, wanted: Wanted, *, sample: pl.DataFrame) -> Iterator[Form]:
    """The forms of a fitted object; `sample` is a row of its columns."""
    fitted, library = original.fitted, type(original.fitted).__module__.partition(".")[0]
    if library == "lightgbm":
        yield Form("LightGBM's own", 0.0, partial(_lightgbm, fitted, wanted))
    elif library == "xgboost":
        yield Form("XGBoost's own", 0.0, partial(_xgboost, fitted, wanted))
    else:
        yield from _graphs(original, wanted, sample=sample)
    if isinstance(original, EstimatorPredictor):  # one of a project is asked in another way, which skops does not know
        yield Form("skops", 0.0, partial(_skops, fitted, wanted.manifest("skops")))


def _graphs(original: Original, wanted: Wanted, *, sample: pl.DataFrame) -> Iterator[Form]:
    from flyball.runtimes.onnxconvert import graphs
    from flyball.runtimes.staged import stages

    given = original.given(sample) if isinstance(original, EstimatorPredictor) else sample
    staged = False
    for way, make in stages(original.fitted, wanted.manifest("staged"), schema=wanted.schema, sample=given):
        staged = True
        yield Form(f"its own trees behind ONNX, {way}", TOLERANCE, make)
    if not staged:
        for way, graph in graphs(original.fitted, wanted.manifest("onnx"), schema=wanted.schema):
            yield Form(f"ONNX, {way}", TOLERANCE, graph)


def _lightgbm(fitted: Any, wanted: Wanted) -> Predictor:
    from flyball.runtimes.forest import ForestPredictor, forest
    from flyball.runtimes.staged import text_of

    text = text_of(fitted)
    model = forest(text, list(wanted.dtypes), dtypes=wanted.dtypes, classes=wanted.classes)
    return ForestPredictor(replace(model.manifest, task=wanted.task), model.matrix, text=text)


def _xgboost(fitted: Any, wanted: Wanted) -> Predictor:
    from flyball.runtimes.staged import binary_of
    from flyball.runtimes.xgboosted import XgboostPredictor, boosted

    data = binary_of(fitted)
    model = boosted(data, list(wanted.dtypes), classes=wanted.classes)
    dtypes = tuple(wanted.dtypes[name] for name in model.matrix.names)
    return XgboostPredictor(replace(model.manifest, dtypes=dtypes, task=wanted.task), model.matrix, data=data)


def _skops(fitted: Any, manifest: ModelManifest) -> Predictor:
    import skops.io  # type: ignore[import-untyped]  # it ships no types

    from flyball.runtimes.skopsfile import load_skops, untrusted

    data = skops.io.dumps(fitted)
    if foreign := untrusted(data):
        raise NotConvertibleError(f"its file would name types that are not on our list: {', '.join(foreign[:6])}")
    return EstimatorPredictor(manifest, load_skops(data), files={"model.skops": data})
