"""Window views: aggregates of an entity's rows at the last closed boundary before the prediction time.

Only boundaries that are asked for are computed. The sums are exact and rounded once, so a value does not depend on which other
rows are computed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, assert_never

import numpy as np
import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.core.errors import UnknownNameError
from flyball.data import Dataset, Join, join_histories
from flyball.features.errors import FeatureDefinitionError
from flyball.features.filling import filled, fills_of
from flyball.features.model import Aggregate, WindowView
from flyball.features.rowexpressions import check_rowwise
from flyball.features.rowwise import evaluate
from flyball.features.sources import (
    Entities,
    Versions,
    bound_types,
    check_entity,
    empty_history,
    gather,
    history_of,
    plain,
    prediction_times,
    schema_of,
)
from flyball.kernels import (
    Boundaries,
    Windows,
    boundaries,
    last_boundary,
    plan_windows,
    rank_rows,
    window_count,
    window_mean,
    window_pick,
    window_sum,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EMPTY = {"count": 0, "sum": 0}


@dataclass(frozen=True)
class WindowLookup:
    """A window view's aggregates, as of the last boundary that was closed at the prediction time."""

    feature: WindowView
    dtypes: Mapping[str, pl.DataType]

    @classmethod
    def compile(cls, feature: WindowView, rows: pl.Schema, *, schemas: Mapping[str, pl.Schema]) -> WindowLookup:
        """The aggregates with their types, found by evaluating their expressions on no rows.

        Raises:
            UnknownNameError: a column, the entity or a dataset is not there.
            NotRowWiseError, FeatureDefinitionError, EntityTypeError: see there.
        """
        where = f"Window view {feature.label!r}"
        history = _empty(feature.source, schemas)
        for name in feature.entity:
            if name not in history.columns:
                raise UnknownNameError("column", name, known=_users(history), where=f"{where}, where it is the entity")
        check_entity(where, {name: history.schema[name] for name in feature.entity}, bound=bound_types(where, feature.bound, rows=rows))
        for aggregate in feature.aggregates.values():
            if aggregate.expression is not None:
                check_rowwise(aggregate.expression, where)
        values = _values(feature, history)
        types = {name: _dtype(f"{where}, {name!r}", aggregate, values=values[name]) for name, aggregate in feature.aggregates.items()}
        found = cls(feature, {f"{feature.label}.{name}": dtype for name, dtype in types.items()})
        _ = found.fills
        return found

    @cached_property
    def fills(self) -> Mapping[str, pl.Series]:
        """The declared defaults by full name, each a series of one value.

        Raises:
            UnknownNameError, FeatureDefinitionError: as `fills_of`.
        """
        return fills_of(f"Window view {self.feature.label!r}", self.feature.default, dtypes=self.dtypes)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.feature.bound

    def compute(self, rows: pl.DataFrame, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        feature = self.feature
        history = history_of(feature.source, histories)
        entities = Entities.of(history.select(feature.entity))
        asked = entities.codes(plain(rows.select(feature.bound)))
        known = rows.select(pl.all_horizontal(pl.col(feature.bound).is_not_null())).to_series().to_numpy()
        # An entity without any row has a window too, an empty one; a null entity has none.
        asked = np.where(known & (asked < 0), entities.frame.height, asked)
        distinct, index = boundaries(asked, last_boundary(prediction_times(rows), self.every))
        return filled(gather(self.at(history, entities, asked=distinct).values, index), self.fills)

    @property
    def every(self) -> int:
        """How far boundaries lie apart, in microseconds."""
        return self.feature.every // MICROSECOND

    @property
    def over(self) -> int:
        """How far a window reaches back, in microseconds."""
        return self.feature.over // MICROSECOND

    @property
    def empty(self) -> list[float | None]:
        """The aggregates of a window without rows."""
        operations = (aggregate.operation for aggregate in self.feature.aggregates.values())
        return [_EMPTY.get(operation) for operation in operations]

    def at(self, history: pl.DataFrame, entities: Entities, *, asked: Boundaries) -> Aggregates:
        """The aggregates of `history` at the boundaries that are asked for; `asked.entity` are codes of `entities`."""
        feature, versions = self.feature, Versions.of(history)
        codes = entities.codes(history.select(feature.entity))
        windows = plan_windows(
            asked, codes, event=versions.event, known=versions.known, until=versions.until, over=self.over
        )  # fmt: skip
        values, rank = _values(feature, history), rank_rows(versions.event, versions.known, arrival=versions.arrival)
        columns = [
            _aggregated(windows, aggregate, values=values[key], rank=rank).cast(dtype).alias(name)
            for (key, aggregate), (name, dtype) in zip(feature.aggregates.items(), self.dtypes.items(), strict=True)
        ]
        return Aggregates(pl.DataFrame(columns), window_count(windows))


@dataclass(frozen=True)
class Aggregates:
    """One row of `values` and one number of `rows` aggregated for each boundary that was asked for."""

    values: pl.DataFrame
    rows: NDArray[np.int64]


def _empty(source: Dataset | Join, schemas: Mapping[str, pl.Schema]) -> pl.DataFrame:
    if isinstance(source, Join):
        left, right = _empty(source.left, schemas), _empty(source.right, schemas)
        where = f"Join of {source.left.name!r} and {source.right.name!r}"
        return evaluate(where, lambda: join_histories(left, right, on=source.on), columns=_users(left))
    return empty_history(schema_of(source.name, schemas))


def _users(history: pl.DataFrame) -> list[str]:
    return [name for name in history.columns if not name.startswith("__")]


def _values(feature: WindowView, history: pl.DataFrame) -> pl.DataFrame:
    """The value that each row brings to each aggregate; true where an aggregate is over the rows themselves."""
    where = f"Window view {feature.label!r}"
    expressions = []
    for name, aggregate in feature.aggregates.items():
        expression = pl.lit(True) if aggregate.expression is None else aggregate.expression
        expressions.append(expression.alias(name))
    names = _users(history)
    users = history.lazy().select(names)
    return evaluate(where, lambda: users.with_columns(expressions).select(list(feature.aggregates)).collect(), columns=names)


def _dtype(where: str, aggregate: Aggregate, *, values: pl.Series) -> pl.DataType:
    match aggregate.operation, values.dtype:
        case "count", _:
            return pl.Int64()
        case "mean", dtype if _is_number(dtype):
            return pl.Float64()
        case "sum", dtype if _is_number(dtype):
            return pl.Float64() if dtype.is_float() else pl.Int64()
        case (("min" | "max" | "last"), dtype) if not dtype.is_nested():
            return dtype
    raise FeatureDefinitionError(where, f"there is no {aggregate.operation} of values of type {values.dtype}")


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_float() or dtype == pl.Boolean or (dtype.is_integer() and dtype != pl.UInt64)


def _aggregated(windows: Windows, aggregate: Aggregate, *, values: pl.Series, rank: np.ndarray) -> pl.Series:
    valid = (values.is_not_null() & ~values.is_nan() if values.dtype.is_float() else values.is_not_null()).to_numpy()
    match aggregate.operation:
        case "count":
            return pl.Series(window_count(windows, valid=valid))
        case "sum":
            return pl.Series(window_sum(windows, _numbers(values), valid=valid))
        case "mean":
            return pl.Series(window_mean(windows, _numbers(values), valid=valid), nan_to_null=True)
        case "last":
            order = rank
        case "max":
            order = _order(values)
        case "min":
            order = -_order(values)
        case _:
            assert_never(aggregate.operation)
    return gather(values.to_frame(), window_pick(windows, order, valid=valid)).to_series()


def _numbers(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64 if values.dtype.is_float() else pl.Int64).fill_null(0).to_numpy()


def _order(values: pl.Series) -> np.ndarray:
    return values.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
