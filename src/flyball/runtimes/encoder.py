"""Features as numbers, fitted on training rows alone and kept as JSON.

A number, boolean or time becomes a float64 with NaN for null; a text becomes the code of its level, where levels are ordered by
their frequency in the training rows, then by name. A level never seen in training has the code after the last; null is NaN.
Polars' own categoricals are never used: their codes depend on what else the process has read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.runtimes.columns import Columns, is_text
from flyball.runtimes.errors import FeatureTypeError
from flyball.runtimes.model import Floats

Kind = Literal["number", "category"]
_FEW = 4096
"""Up to so many rows a dictionary finds codes faster than Polars sets itself up: 5 microseconds for a request, not 300."""


@dataclass(frozen=True)
class Column:
    """How one feature is encoded; `median` fills nulls where a model cannot take them, `levels` are a category's."""

    name: str
    dtype: str
    kind: Kind
    median: float = 0.0
    levels: tuple[str, ...] = ()

    @cached_property
    def codes(self) -> dict[str | None, float]:
        """The code of each level, and NaN for null; what is not there is unknown."""
        return {**{level: float(code) for code, level in enumerate(self.levels)}, None: float("nan")}


@dataclass(frozen=True)
class Encoder:
    """The encoding of a row depends on that row and the training rows alone. Immutable."""

    columns: tuple[Column, ...]

    @staticmethod
    def fit(frame: pl.DataFrame, max_levels: int = 1000) -> Encoder:
        """The encoder of the columns of `frame`, in their order; of more than `max_levels` levels the rarer count as unknown.

        Raises:
            FeatureTypeError: a column's type cannot be encoded.
        """
        return Encoder(tuple(_fit(series, max_levels) for series in frame.iter_columns()))

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def categories(self) -> list[int]:
        """The positions of the categories."""
        return [index for index, column in enumerate(self.columns) if column.kind == "category"]

    def transform(self, frame: pl.DataFrame) -> Floats:
        """The encoded features, ``(n_rows, n_features)`` float64 in column order; NaN where null.

        Raises:
            UnknownNameError: a feature is missing.
        """
        result = np.empty((frame.height, len(self.columns)), dtype=np.float64, order="F")
        there = {series.name: series for series in frame.get_columns()}
        for index, column in enumerate(self.columns):
            if column.name not in there:
                raise UnknownNameError("feature", column.name, known=frame.columns, where="the rows to predict")
            result[:, index] = _encode(column, there[column.name])
        np.copyto(result, np.nan, where=~np.isfinite(result))  # once for all columns: a request waits for each call
        return result

    def encode(self, columns: Columns, n_rows: int) -> Floats:
        """As `transform`, of so many rows whose columns these are.

        Raises:
            UnknownNameError: a feature is missing.
        """
        try:
            found = [columns[column.name] for column in self.columns]
        except KeyError as error:
            raise UnknownNameError("feature", str(error.args[0]), known=columns, where="the rows to predict") from error
        parts = [
            _encode(column, values) if isinstance(values, pl.Series) else _few_numbers(column, values)
            for column, values in zip(self.columns, found, strict=True)
        ]
        result = np.array(parts, dtype=np.float64).reshape(len(parts), n_rows).T  # at once: each call of numpy costs a lone row as much
        np.copyto(result, np.nan, where=~np.isfinite(result))
        return result

    def to_json(self) -> list[dict[str, Any]]:
        """The columns as JSON."""
        return [{"name": c.name, "dtype": c.dtype, "kind": c.kind, "median": c.median, "levels": list(c.levels)} for c in self.columns]

    @staticmethod
    def from_json(data: Sequence[Mapping[str, Any]]) -> Encoder:
        """The encoder that `to_json` wrote."""
        return Encoder(tuple(Column(c["name"], c["dtype"], c["kind"], c["median"], tuple(c["levels"])) for c in data))


def _fit(series: pl.Series, max_levels: int) -> Column:
    dtype = series.dtype
    if dtype == pl.String or isinstance(dtype, pl.Enum | pl.Categorical):
        counts = series.cast(pl.String).drop_nulls().value_counts().rows()
        levels = [level for level, _ in sorted(counts, key=lambda found: (-found[1], found[0]))]
        return Column(series.name, "String", "category", levels=tuple(levels[:max_levels]))
    numbers = _numbers(series)
    finite = numbers[np.isfinite(numbers)]
    return Column(series.name, str(dtype), "number", median=float(np.median(finite)) if len(finite) else 0.0)


def _encode(column: Column, series: pl.Series) -> Floats:
    if column.kind == "number":
        return _numbers(series)
    return _few_codes(series, column.codes) if len(series) <= _FEW else _codes(series, column.levels)


def _numbers(series: pl.Series) -> Floats:
    dtype = series.dtype
    if dtype.is_temporal():
        series = series.cast(pl.Int64)
    elif not (dtype.is_numeric() or dtype in {pl.Boolean, pl.Null}):
        raise FeatureTypeError(series.name, str(dtype))
    numbers: Floats = (series if dtype == pl.Float64 else series.cast(pl.Float64)).to_numpy()  # a null is NaN there
    return numbers


def _few_numbers(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """The numbers of values in physical form, None for null."""
    if column.kind == "number":
        if is_text(values):
            raise FeatureTypeError(column.name, "String")
        return values
    texts = values if is_text(values) else pl.Series(values).cast(pl.String).to_list()
    codes, unknown = column.codes, float(len(column.codes) - 1)
    return [codes.get(value, unknown) for value in texts]


def _few_codes(series: pl.Series, codes: Mapping[str | None, float]) -> Floats:
    unknown = float(len(codes) - 1)
    return np.array([codes.get(value, unknown) for value in series.cast(pl.String).to_list()], dtype=np.float64)


def _codes(series: pl.Series, levels: Sequence[str]) -> Floats:
    codes = series.cast(pl.String).replace_strict(
        list(levels), list(range(len(levels))), default=len(levels), return_dtype=pl.Float64
    ) if levels else pl.Series([0.0] * len(series), dtype=pl.Float64)  # fmt: skip
    found: Floats = codes.set(series.is_null(), None).fill_null(float("nan")).to_numpy(writable=False)
    return found
