"""The features of rows on their way to a model: as columns where a model takes columns, as a frame where it takes a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import msgspec
import polars as pl

from flyball.features.mirror import Lack
from flyball.serving.columns import Column, to_columns
from flyball.serving.rowform import Rows
from flyball.serving.vectorform import as_features

Values: TypeAlias = "list[Any] | pl.Series"
"""A column: a series, or, where its type is plain, its values in physical form."""
Times: TypeAlias = "Mapping[str, list[int | None]]"
Ages: TypeAlias = "Mapping[str, Sequence[float | None]]"
Lacks: TypeAlias = "Mapping[str, Mapping[int, Lack]]"


class Vector(Protocol):
    """The features of rows: `values` has a column for each, `frame` the same with the features' types.

    `value_times` says per look-up when each value that was used came to be (µs), `lacks` of single rows why there is nothing fresh;
    nothing is known of features that were sent.
    """

    @property
    def values(self) -> Mapping[str, Values]: ...
    @property
    def frame(self) -> pl.DataFrame: ...
    @property
    def value_times(self) -> Times: ...
    @property
    def lacks(self) -> Lacks: ...


@dataclass(frozen=True, eq=False)
class Framed:
    """Features that are a frame already."""

    frame: pl.DataFrame
    value_times: Times = field(default_factory=dict)
    lacks: Lacks = field(default_factory=dict)

    @cached_property
    def values(self) -> Mapping[str, Values]:
        return {series.name: series for series in self.frame.get_columns()}


class Given(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Features that were sent: the columns of the request, which become a frame of `dtypes` if a model asks for one."""

    rows: Rows
    dtypes: Mapping[str, pl.DataType] | None = None
    value_times: Times = {}
    lacks: Lacks = {}

    @property
    def values(self) -> Mapping[str, Values]:
        return self.rows.columns

    @cached_property
    def frame(self) -> pl.DataFrame:
        frame = self.rows.frame()
        return frame if self.dtypes is None else as_features(frame, self.dtypes)


@dataclass(frozen=True, eq=False)
class _Taken:
    """Some rows of a vector, in their own order."""

    whole: Vector
    rows: Sequence[int]

    @cached_property
    def values(self) -> Mapping[str, Values]:
        return {
            name: found[self.rows] if isinstance(found, pl.Series) else [found[row] for row in self.rows]
            for name, found in self.whole.values.items()
        }

    @cached_property
    def frame(self) -> pl.DataFrame:
        return self.whole.frame[self.rows]

    @cached_property
    def value_times(self) -> Times:
        return {label: [times[row] for row in self.rows] for label, times in self.whole.value_times.items()}

    @cached_property
    def lacks(self) -> Lacks:
        found = {label: {place: of[row] for place, row in enumerate(self.rows) if row in of} for label, of in self.whole.lacks.items()}
        return {label: of for label, of in found.items() if of}


def taken(vector: Vector, rows: Sequence[int]) -> Vector:
    """These rows of it alone."""
    if isinstance(vector, Given):
        return Given(vector.rows.take(rows), vector.dtypes)
    return _Taken(vector, rows)


def ages_of(vector: Vector, *, time: int) -> dict[str, list[float | None]]:
    """By look-up how many seconds old the value of each row is at `time` (µs), None where it has none."""
    return {label: [None if at is None else (time - at) / 1e6 for at in times] for label, times in vector.value_times.items()}


def kept(vector: Vector) -> dict[str, Column]:
    """The features as a record has them."""
    return {name: found if isinstance(found, list) else _kept(name, found) for name, found in vector.values.items()}


def _kept(name: str, series: pl.Series) -> Column:
    return to_columns(series.to_frame(name))[name]
