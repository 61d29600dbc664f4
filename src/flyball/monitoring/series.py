"""One watched column as histograms: bins that the reference fixes once, and counts that can be kept, added and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import polars as pl

from flyball.kernels.arrays import Floats, Ints, Numbers
from flyball.kernels.distances import LEVELS, bin_numeric, categorical_counts, numeric_edges

KNOWN_LEVELS = 1000
"""A column with more distinct texts than this is no category; unknown ones are not counted."""

Kind = Literal["numeric", "categorical"]


def _kind(dtype: pl.DataType) -> Kind:
    return "numeric" if dtype.is_numeric() or dtype.is_temporal() else "categorical"


def _numbers(column: pl.Series) -> Floats:
    """The column as float64; nulls and what is no number are NaN."""
    if column.dtype.is_temporal():
        column = column.to_physical()
    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _texts(column: pl.Series) -> pl.Series:
    return column.cast(pl.String)


@dataclass(frozen=True, slots=True)
class SeriesReference:
    """How a column was distributed: over all reference rows (`total`) and in each reference window (`windows`).

    Numeric columns have `edges` and the bins of `kernels.distances.bin_numeric`; categorical ones have `levels`, the most frequent first,
    and the bins of `categorical_counts` over the first 30. The last bin is nulls in both. `low` and `high` are the least and greatest
    finite value. `complete` says that `levels` are all texts that occurred.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    complete: bool
    low: float | None
    high: float | None
    total: tuple[int, ...]
    windows: tuple[tuple[int, ...], ...]

    @classmethod
    def fit(cls, column: pl.Series, bounds: Ints) -> SeriesReference:
        """The reference of a column whose window w is the rows from `bounds[w]` to `bounds[w + 1]`; the rows before belong to none."""
        kind = _kind(column.dtype)
        edges: tuple[float, ...] = ()
        levels: tuple[str, ...] = ()
        low, high, complete = None, None, True
        if kind == "numeric":
            values = _numbers(column)
            finite = values[np.isfinite(values)]
            edges = tuple(map(float, numeric_edges(values)))
            if len(finite):
                low, high = float(finite.min()), float(finite.max())
        else:
            texts = _texts(column).alias("text").drop_nulls()  # a column may be called anything, also what we call the count
            found = texts.value_counts(name="rows").sort(["rows", "text"], descending=[True, False])
            levels = tuple(found["text"].head(KNOWN_LEVELS).to_list())
            complete = len(found) <= KNOWN_LEVELS
        bins = cls(column.name, kind, edges, levels, complete=complete, low=low, high=high, total=(), windows=())
        places = bins._places(column)
        windows = [bins._counts(places[start:stop]) for start, stop in pairwise(bounds.tolist())]
        total = _plain(bins._counts(places))
        return replace(bins, total=total, windows=tuple(map(_plain, windows)))

    def count(self, column: pl.Series) -> Ints:
        """The rows of `column` in each bin; they sum to its length."""
        return self._counts(self._places(column))

    def _places(self, column: pl.Series) -> Numbers:
        """What is counted: the numbers themselves, or the codes of the texts."""
        return _numbers(column) if self.kind == "numeric" else self._codes(column)

    def _counts(self, places: Numbers) -> Ints:
        if self.kind == "numeric":
            return bin_numeric(places, np.array(self.edges, dtype=np.float64))
        return categorical_counts(places, np.arange(min(LEVELS, len(self.levels)), dtype=np.int64))

    def unknown(self, column: pl.Series) -> int | None:
        """How many rows hold a text that the reference does not know; None where it could not keep them all, or for numbers."""
        if self.kind == "numeric" or not self.complete:
            return None
        return int((self._codes(column) == len(self.levels)).sum())

    def outside(self, column: pl.Series) -> int | None:
        """How many rows hold a finite number below or above all that the reference saw; None for categories."""
        if self.low is None or self.high is None:
            return None
        values = _numbers(column)
        return int((np.isfinite(values) & ((values < self.low) | (values > self.high))).sum())

    def _codes(self, column: pl.Series) -> Ints:
        texts, unknown = _texts(column), len(self.levels)
        codes = np.full(len(texts), unknown, dtype=np.int64)
        if unknown:
            mapped = texts.replace_strict(list(self.levels), list(range(unknown)), default=unknown, return_dtype=pl.Int64)
            codes = mapped.fill_null(unknown).to_numpy().copy()
        codes[texts.is_null().to_numpy()] = -1
        return codes

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "name": self.name, "kind": self.kind, "edges": list(self.edges), "levels": list(self.levels), "complete": self.complete,
            "low": self.low, "high": self.high, "total": list(self.total), "windows": [list(counts) for counts in self.windows],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesReference:
        """The reference that `to_json` wrote."""
        return cls(
            name=data["name"], kind=data["kind"], edges=tuple(data["edges"]), levels=tuple(data["levels"]), complete=data["complete"],
            low=data["low"], high=data["high"], total=tuple(data["total"]), windows=tuple(map(tuple, data["windows"])),
        )  # fmt: skip


def _plain(counts: Ints) -> tuple[int, ...]:
    return tuple(map(int, counts))
