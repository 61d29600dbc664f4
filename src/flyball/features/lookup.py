"""Features that are looked up: columns of the rows themselves, and views by the join law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.core.errors import UnknownNameError
from flyball.data import Columns
from flyball.data.model import ARRIVAL, SYSTEM_COLUMNS
from flyball.features.errors import FeatureFunctionError
from flyball.features.filling import filled, fills_of
from flyball.features.model import View
from flyball.features.rowwise import RowFrame
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
from flyball.features.usercode import call
from flyball.kernels import Timeline, look_up, winner_timeline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ColumnLookup:
    """Columns of the predicted rows, as they stood at the prediction time."""

    feature: Columns
    dtypes: Mapping[str, pl.DataType]

    @classmethod
    def compile(cls, feature: Columns, rows: pl.Schema) -> ColumnLookup:
        """The columns with their types.

        Raises:
            UnknownNameError: the rows lack a column.
        """
        for name in feature.names:
            if name not in rows:
                raise UnknownNameError("column", name, known=rows, where=f"dataset {feature.dataset.name!r}")
        return cls(feature, {f"{feature.dataset.name}.{name}": rows[name] for name in feature.names})

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.feature.names

    def compute(self, rows: pl.DataFrame, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        del histories
        return plain(rows.select(self.feature.names)).rename(dict(zip(self.feature.names, self.dtypes, strict=True)))


@dataclass(frozen=True)
class ViewLookup:
    """A view's columns, looked up by the join law: as of the prediction time, the entity's latest row not older than the ttl."""

    feature: View
    dtypes: Mapping[str, pl.DataType]

    @classmethod
    def compile(cls, feature: View, rows: pl.Schema, *, schemas: Mapping[str, pl.Schema]) -> ViewLookup:
        """The view's columns with their types, found by running its function on no rows.

        Raises:
            UnknownNameError: a column, the entity or the dataset is not there.
            NotRowWiseError, FeatureFunctionError, EntityTypeError: see there.
        """
        where = f"View {feature.label!r}"
        history = empty_history(schema_of(feature.source.name, schemas))
        values, kept = run_view(feature, history)
        bound = bound_types(where, feature.bound, rows=rows)
        check_entity(where, {name: kept.schema[name] for name in feature.entity}, bound=bound)
        found = cls(feature, {f"{feature.label}.{name}": dtype for name, dtype in values.schema.items()})
        _ = found.fills
        return found

    @cached_property
    def fills(self) -> Mapping[str, pl.Series]:
        """The declared defaults by full name, each a series of one value.

        Raises:
            UnknownNameError, FeatureDefinitionError: as `fills_of`.
        """
        return fills_of(f"View {self.feature.label!r}", self.feature.default, dtypes=self.dtypes)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.feature.bound

    def compute(self, rows: pl.DataFrame, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        steps = self.steps(history_of(self.feature.source, histories))
        asked = steps.entities.codes(plain(rows.select(self.feature.bound)))
        found = look_up(steps.line, steps.event, entity=asked, time=prediction_times(rows), ttl=self.ttl)
        return filled(gather(steps.values, found).rename(dict(zip(steps.values.columns, self.dtypes, strict=True))), self.fills)

    @property
    def ttl(self) -> int | None:
        """How old a row may be that still answers, in microseconds."""
        return None if self.feature.ttl is None else self.feature.ttl // MICROSECOND

    def steps(self, history: pl.DataFrame, *, changed: NDArray[np.int64] | None = None) -> Steps:
        """Who answers for each entity from when on; with `changed`, only for the entities that rows of these arrival numbers have."""
        values, kept = run_view(self.feature, history)
        if changed is not None:
            entity = list(self.feature.entity)
            touched = kept.filter(pl.col(ARRIVAL).is_in(pl.Series(changed).implode())).select(entity).unique()
            kept = kept.with_row_index("__row").join(touched, on=entity, how="semi")
            values, kept = values[kept["__row"]], kept.drop("__row")
        entities = Entities.of(kept.select(self.feature.entity))
        versions = Versions.of(kept)
        codes = entities.codes(kept.select(self.feature.entity))
        line = winner_timeline(codes, versions.event, known=versions.known, until=versions.until, arrival=versions.arrival)
        return Steps(entities, line, versions.event, values)


@dataclass(frozen=True)
class Steps:
    """The answers of a view over time: `line` says which row of `values` and `event` stands for which of `entities`, and since when."""

    entities: Entities
    line: Timeline
    event: NDArray[np.int64]
    values: pl.DataFrame


def run_view(view: View, history: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the view's function selects of `history`, and beside it the entity and the system columns; rows correspond.

    Key, entity and event time say which row it is and are no features; under another name they may be.

    Raises:
        UnknownNameError: a column or the entity is not there.
        NotRowWiseError: the function does more than look at one row.
        FeatureFunctionError: the function fails, returns something else or selects nothing.
    """
    where, dataset = f"View {view.name!r}", view.source
    users = history.drop(SYSTEM_COLUMNS)
    identity = dict.fromkeys((*view.entity, *dataset.key, dataset.event_time))
    kept = history.select([name for name in identity if name in users.columns] + list(SYSTEM_COLUMNS))
    result: object = call(where, view.function, RowFrame(where, users, kept=kept, entity=view.entity))
    if not isinstance(result, RowFrame):
        raise FeatureFunctionError(where, f"its function returns {type(result).__name__}; return the rows it was given, after select")
    values, kept = result.parts()
    for name in view.entity:
        if name not in kept.columns:
            raise UnknownNameError("column", name, known=users.columns, where=f"{where}, where it is the entity")
    names = [name for name in values.columns if name not in identity]
    if not names:
        raise FeatureFunctionError(where, "it selects no column beside key, entity and event time")
    return values.select(names), kept
