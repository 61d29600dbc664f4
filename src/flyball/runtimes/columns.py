"""Rows as columns, for models that need no frame: a frame costs a lone row more than most models' arithmetic does.

A column is a series, or its values in physical form: numbers, booleans, texts and None. What a model says does not depend on which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.runtimes.errors import FeatureTypeError
from flyball.runtimes.model import Floats, ModelManifest

Values: TypeAlias = "list[Any] | pl.Series"
Columns: TypeAlias = Mapping[str, Values]


ByColumns: TypeAlias = Callable[[Columns, int], Floats]


def by_columns(model: Any) -> ByColumns | None:
    """How a `Predictor` is asked for so many rows by their columns, which answers as its `predict` does; None where it takes frames alone.

    Columns of times are for frames: what they are as numbers is said by their types.
    """
    manifest: ModelManifest = model.manifest
    if any(dtype.startswith(("Date", "Time", "Duration")) for dtype in manifest.dtypes):
        return None
    if any(by_columns(member) is None for member in getattr(model, "members", ())):
        return None
    return getattr(model, "predict_columns", None)


def columns_of(frame: pl.DataFrame) -> Columns:
    """The frame's columns by name."""
    return {series.name: series for series in frame.get_columns()}


def list_of(values: Values) -> list[Any]:
    """The values as a list."""
    return values if isinstance(values, list) else values.to_list()


def has_nulls(values: Values) -> bool:
    """Whether a value is missing."""
    return None in values if isinstance(values, list) else bool(values.null_count())


def is_text(values: Sequence[Any]) -> bool:
    """Whether the values are texts, as far as there are any."""
    first = values[0] if values else None
    if first is None:
        first = next((value for value in values if value is not None), None)
    return isinstance(first, str | bytes)


def whole_numbers_of(name: str, values: Values) -> npt.NDArray[np.int64]:
    """The numbers of a column without what follows the point, 0 where one is missing.

    Raises:
        FeatureTypeError: it holds no numbers.
    """
    if isinstance(values, list):
        if isinstance(values[0], int) and None not in values:
            return np.array(values, dtype=np.int64)
        series = pl.Series(name, values, strict=False)
    else:
        series = values
    if not (series.dtype.is_numeric() or series.dtype in {pl.Boolean, pl.Null}):
        raise FeatureTypeError(name, str(series.dtype))
    return series.cast(pl.Int64).fill_null(0).to_numpy()


def numbers_of(name: str, values: Values) -> Floats:
    """The numbers of a column, NaN where one is missing.

    Raises:
        FeatureTypeError: it holds no numbers.
    """
    if isinstance(values, list):
        if is_text(values):
            raise FeatureTypeError(name, "String")
        return np.array(values, dtype=np.float64)
    if not (values.dtype.is_numeric() or values.dtype in {pl.Boolean, pl.Null}):
        raise FeatureTypeError(name, str(values.dtype))
    return (values if values.dtype == pl.Float64 else values.cast(pl.Float64)).to_numpy()
