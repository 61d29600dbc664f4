"""The features of rows on their way to a model: as columns where a model takes columns, as a frame where it takes a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import polars as pl

from flyball.serving.columns import Column, to_columns
from flyball.serving.rowform import Rows
from flyball.serving.vectorform import as_features

Values: TypeAlias = "list[Any] | pl.Series"
"""A column: a series, or, where its type is plain, its values in physical form."""
Times: TypeAlias = "Mapping[str, list[int | None]]"


class Vector(Protocol):
    """The features of rows: `values` has a column for each, `frame` the same with the features' types.

    `value_times` says per look-up when each value that was used came to be (µs); nothing is known of features that were sent.
    """

    @property
    def values(self) -> Mapping[str, Values]: ...
    @property
    def frame(self) -> pl.DataFrame: ...
    @property
    def value_times(self) -> Times: ...


@dataclass(frozen=True, eq=False)
class Looked:
    """Features that were looked up and computed as a frame."""

    frame: pl.DataFrame
    value_times: Times

    @cached_property
    def values(self) -> Mapping[str, Values]:
        return {series.name: series for series in self.frame.get_columns()}


@dataclass(frozen=True, eq=False)
class Given:
    """Features that were sent: the columns of the request, which become a frame of `dtypes` if a model asks for one."""

    rows: Rows
    dtypes: Mapping[str, pl.DataType] | None = None
    value_times: Times = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, Values]:
        return self.rows.columns

    @cached_property
    def frame(self) -> pl.DataFrame:
        frame = self.rows.frame()
        return frame if self.dtypes is None else as_features(frame, self.dtypes)


def taken(vector: Vector, rows: Sequence[int]) -> Vector:
    """These rows of it alone."""
    if isinstance(vector, Given):
        return Given(vector.rows.take(rows), vector.dtypes)
    return Looked(vector.frame[rows], {label: [times[row] for row in rows] for label, times in vector.value_times.items()})


def kept(vector: Vector) -> dict[str, Column]:
    """The features as a record has them."""
    return {name: found if isinstance(found, list) else _kept(name, found) for name, found in vector.values.items()}


def _kept(name: str, series: pl.Series) -> Column:
    return to_columns(series.to_frame(name))[name]
