"""One column's sketches, and how values of each kind enter them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, assert_never

import numpy as np
import polars as pl

from flyball.data.profiles.errors import KindsDifferError
from flyball.kernels.arrays import Ints, Numbers
from flyball.kernels.sketches import Distinct, Frequent, Keys, Moments, Quantiles, hash_numbers, hash_texts, runs

LONGEST = 200
"""Texts are told apart by so many characters and their length."""
EXAMPLES = 3
SMALL = (512, 512, 64)
"""Values kept exactly, distinct ones counted exactly, values counted at once; in tables of very many columns."""


class Kind(StrEnum):
    """What is kept of a column's values; of `other` ones only how many are missing."""

    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"
    TEXT = "text"
    OTHER = "other"

    @classmethod
    def of(cls, dtype: pl.DataType) -> Kind:
        """The kind of the values of a Polars type."""
        if dtype.is_numeric() or dtype == pl.Duration:
            return cls.NUMBER
        if isinstance(dtype, pl.Datetime | pl.Date):
            return cls.TIME
        if dtype == pl.Boolean:
            return cls.BOOLEAN
        return cls.TEXT if isinstance(dtype, pl.String | pl.Categorical | pl.Enum) else cls.OTHER


@dataclass
class ColumnSketch:
    """What is kept of one column. Numbers of a text are its length in characters, of a time microseconds since 1970 UTC.

    `names` has the value of each key that `frequent` counts. `low` and `high` are exact, also for integers that no double holds.
    """

    type: str
    kind: Kind
    rows: int = 0
    nulls: int = 0
    nans: int = 0
    infinities: tuple[int, int] = (0, 0)
    low: float | int | None = None
    high: float | int | None = None
    examples: list[Any] = field(default_factory=list)
    names: dict[int, Any] = field(default_factory=dict)
    moments: Moments = field(default_factory=Moments)
    quantiles: Quantiles = field(default_factory=Quantiles)
    distinct: Distinct = field(default_factory=Distinct)
    frequent: Frequent = field(default_factory=Frequent)

    @classmethod
    def of(cls, dtype: pl.DataType, *, rows: int = 0, small: bool = False) -> Self:
        """The sketch of a column of so many rows that are null; a small one takes a sixth of the room, and is as much coarser."""
        made = cls(str(dtype), Kind.of(dtype), rows=rows, nulls=rows)
        if small:
            made.quantiles.most, made.distinct.most, made.frequent.most = SMALL
        return made

    def add(self, values: pl.Series) -> None:
        """Add values of this column's kind."""
        self.rows += len(values)
        self.nulls += values.null_count()
        found = values.drop_nulls() if values.null_count() else values
        if not len(found):
            return
        match self.kind:
            case Kind.NUMBER | Kind.TIME:
                self._add_numbers(_numbers(found))
            case Kind.TEXT:
                self._add_texts(found.cast(pl.String))
            case Kind.BOOLEAN:
                trues = int(found.sum())
                counts = np.array([len(found) - trues, trues])
                self._exemplify(found.head(64).unique(maintain_order=True).to_list())
                self._count(
                    np.arange(2, dtype=np.uint64)[counts > 0], counts[counts > 0], values=[False, True] if counts.all() else [trues > 0]
                )
            case Kind.OTHER:
                pass
            case _:
                assert_never(self.kind)

    def merge(self, other: ColumnSketch, *, name: str) -> None:
        """Add what the other holds.

        Raises:
            KindsDifferError: its values are of another kind.
        """
        if self.kind is not other.kind:
            raise KindsDifferError(name, self.type, other=other.type)
        self.rows, self.nulls, self.nans = self.rows + other.rows, self.nulls + other.nulls, self.nans + other.nans
        self.infinities = (self.infinities[0] + other.infinities[0], self.infinities[1] + other.infinities[1])
        self._widen(other.low, other.high)
        self._exemplify(other.examples)
        self.moments.merge(other.moments)
        self.quantiles.merge(other.quantiles)
        self.distinct.merge(other.distinct)
        self.frequent.merge(other.frequent)
        self._forget(other.names)

    def _add_numbers(self, values: Numbers) -> None:
        if len(self.examples) < EXAMPLES:
            self._exemplify(list(dict.fromkeys(value for value in values[:64].tolist() if np.isfinite(value))))
        if values.dtype.kind == "f":
            values = self._finite(values)
        if not len(values):
            return
        ordered = np.sort(values)
        self._widen(ordered[0].item(), ordered[-1].item())
        doubles = ordered.astype(np.float64, copy=False)
        self.moments.add(doubles)
        self.quantiles.add(doubles)
        starts, counts = runs(ordered)
        distinct = ordered[starts]
        self._count(hash_numbers(distinct), counts, values=distinct)

    def _finite(self, values: Numbers) -> Numbers:
        finite = np.isfinite(values)
        if finite.all():
            return values
        below, above = int(np.isneginf(values).sum()), int(np.isposinf(values).sum())
        self.infinities = (self.infinities[0] + below, self.infinities[1] + above)
        self.nans += len(values) - int(finite.sum()) - below - above
        return values[finite]

    def _add_texts(self, values: pl.Series) -> None:
        lengths = values.str.len_chars().to_numpy().astype(np.float64)
        lengths.sort()
        self._widen(int(lengths[0]), int(lengths[-1]))
        self.moments.add(lengths)
        self.quantiles.add(lengths)
        if lengths[-1] > LONGEST:
            values = _shortened(values)
        if len(self.examples) < EXAMPLES:
            self._exemplify(values.head(64).unique(maintain_order=True).to_list())
        counted = values.alias("text").to_frame().group_by("text").len("rows")
        texts = counted["text"]
        keys = hash_texts(texts.str.join("").item().encode(), texts.str.len_bytes().to_numpy().astype(np.int64))
        self._count(keys, counted["rows"].to_numpy().astype(np.int64), values=texts)

    def _count(self, keys: Keys, counts: Ints, *, values: Any) -> None:
        self.distinct.add(keys)
        self.frequent.add(keys, counts)
        order = np.argsort(keys) if len(keys) < 2 * len(self.frequent.keys) else None
        places = _places(keys, self.frequent.keys, order=order)
        found = {int(keys[place]): _item(values, int(place)) for place in places if int(keys[place]) not in self.names}
        self._forget(found)

    def _forget(self, found: dict[int, Any]) -> None:
        known = {**found, **self.names}
        self.names = {key: known[key] for key in self.frequent.keys.tolist()}

    def _exemplify(self, found: list[Any]) -> None:
        fresh = [value for value in found if value not in self.examples]
        self.examples = [*self.examples, *fresh][:EXAMPLES]

    def _widen(self, low: float | None, high: float | None) -> None:
        self.low = min((value for value in (self.low, low) if value is not None), default=None)
        self.high = max((value for value in (self.high, high) if value is not None), default=None)


def _numbers(values: pl.Series) -> Numbers:
    dtype = values.dtype
    if dtype == pl.Duration:
        return np.asarray(values.dt.total_microseconds().to_numpy() / 1e6, dtype=np.float64)
    if isinstance(dtype, pl.Datetime | pl.Date):
        return np.asarray(values.cast(pl.Datetime("us", getattr(dtype, "time_zone", None))).to_physical().to_numpy(), dtype=np.int64)
    if dtype.is_integer() and not isinstance(dtype, pl.UInt64 | pl.Int128):
        return np.asarray(values.to_numpy(), dtype=np.int64)
    return np.asarray(values.cast(pl.Float64).to_numpy(), dtype=np.float64) + 0.0


def _shortened(values: pl.Series) -> pl.Series:
    cell = pl.col("text")
    cut = pl.format("{}… ({} characters)", cell.str.slice(0, LONGEST), cell.str.len_chars())
    return values.alias("text").to_frame().select(pl.when(cell.str.len_chars() > LONGEST).then(cut).otherwise(cell).alias("text"))["text"]


def _places(keys: Keys, wanted: Keys, *, order: Ints | None) -> Ints:
    """Where in `keys` those stand that are wanted; `wanted` ascends."""
    if not len(wanted):
        return np.zeros(0, dtype=np.int64)
    if order is not None:
        near = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
        places = order[near]
        return np.asarray(places[keys[places] == wanted], dtype=np.int64)
    near = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    return np.flatnonzero(wanted[near] == keys)


def _item(values: Any, place: int) -> Any:
    value = values[place]
    return value.item() if isinstance(value, np.generic) else value
