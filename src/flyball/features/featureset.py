"""A model's features, checked against the schemas once and then computed for any rows: training, batch and requests alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, assert_never

import polars as pl

from flyball.core.canonical import digest
from flyball.core.errors import UnknownNameError
from flyball.core.ids import Digest
from flyball.data import Columns, Dataset
from flyball.data.model import PREDICTION_TIME
from flyball.features.definitions import definition
from flyball.features.errors import DuplicateFeatureError, FeatureDefinitionError
from flyball.features.lookup import ColumnLookup, ViewLookup
from flyball.features.model import Feature, OnDemand, View, WindowView
from flyball.features.ondemand import Computation, Names, bind
from flyball.features.rowwise import evaluate
from flyball.features.sources import empty_history, plain, schema_of
from flyball.features.windowing import WindowLookup


class Lookup(Protocol):
    """A feature whose values are looked up: from the rows or from histories, never from other features."""

    @property
    def dtypes(self) -> Mapping[str, pl.DataType]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    def compute(self, rows: pl.DataFrame, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame: ...


@dataclass(frozen=True)
class FeatureSet:
    """Features that fit the schemas they were compiled against.

    `dtypes` names all features in the order of their declaration, with their types; `schema` are the rows' columns; a value of
    this class can be used from any number of threads.
    """

    features: tuple[Feature, ...]
    rows: Dataset
    schema: pl.Schema = field(repr=False)
    lookups: tuple[Lookup, ...] = field(repr=False)
    computations: tuple[Computation, ...] = field(repr=False)
    dtypes: Mapping[str, pl.DataType] = field(repr=False)

    @classmethod
    def compile(cls, features: Sequence[Feature], rows: Dataset, *, schemas: Mapping[str, pl.Schema]) -> FeatureSet:
        """The features, each checked against the schemas of `rows` and of the datasets they come from; reads no data.

        Raises:
            UnknownNameError: a column, entity, dataset or argument that is not there; the near one is named.
            NotRowWiseError: a view or expression that looks at other rows.
            AmbiguousArgumentError, CircularFeatureError, DuplicateFeatureError, EntityTypeError, FeatureFunctionError: see there.
        """
        _check_labels(features, rows)
        schema = schema_of(rows.name, schemas)
        lookups = tuple(_lookup(feature, rows, schema=schema, schemas=schemas) for feature in features if not isinstance(feature, OnDemand))
        looked_up = [name for lookup in lookups for name in lookup.dtypes]
        names = Names(rows.name, schema.names(), looked_up)
        computed = bind([feature for feature in features if isinstance(feature, OnDemand)], names)
        made = [f"{item.feature.name}.{name}" for item in computed for name in item.outputs]
        _check_distinct([*looked_up, *made], schema)
        frame = empty_history(schema).select(schema.names()).with_columns(
            pl.lit(None, dtype=dtype).alias(name) for lookup in lookups for name, dtype in lookup.dtypes.items()
        )  # fmt: skip
        for item in computed:
            frame = item.compute(frame, names)
        order = _declared_order(features, lookups, computed=computed)
        return cls(tuple(features), rows, schema, lookups, tuple(computed), {name: frame.schema[name] for name in order})

    @property
    def names(self) -> tuple[str, ...]:
        """The full names of all features, in the order of their declaration."""
        return tuple(self.dtypes)

    @cached_property
    def fingerprint(self) -> Digest:
        """Equal for definitions of equal meaning; data, file names and layout do not count."""
        return digest({"rows": self.rows.definition(), "features": [definition(feature) for feature in self.features]})

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The rows' columns that a request must carry: key, entities, columns used as features, inputs of on-demand features."""
        used = {*self.rows.key, *(name for lookup in self.lookups for name in lookup.inputs)}
        used |= {self.bound_names.column(full) for item in self.computations for full in item.arguments.values()}
        return tuple(name for name in self.schema.names() if name in used)

    @property
    def bound_names(self) -> Names:
        """What arguments of on-demand features may stand for before any of these is computed."""
        return Names(self.rows.name, self.schema.names(), [name for lookup in self.lookups for name in lookup.dtypes])

    def compute(self, rows: pl.DataFrame, histories: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The features of each row as of its PREDICTION_TIME; same order of rows, columns `names`.

        A row's values follow from that row and from what was known at its prediction time, and from nothing else: neither from
        the other rows that are computed with it, nor from what the histories hold beyond.

        Raises:
            UnknownNameError: a column of `inputs` or a history is missing.
            PredictionTimeError: a row has no prediction time.
            FeatureFunctionError: a column cannot be read as its type in the schema.
        """
        for name in (*self.inputs, PREDICTION_TIME):
            if name not in rows.columns:
                raise UnknownNameError("column", name, known=rows.columns, where="the rows")
        columns = [pl.col(name).cast(self.schema[name]) for name in self.inputs]
        request = evaluate("The type of a column", lambda: plain(rows).select(*columns, PREDICTION_TIME), columns=rows.columns)
        parts = [lookup.compute(request, histories) for lookup in self.lookups]
        frame = pl.concat([request, *parts], how="horizontal")
        for item in self.computations:
            frame = item.compute(frame, self.bound_names)
        return frame.select(pl.col(name).cast(dtype) for name, dtype in self.dtypes.items())


def _lookup(feature: Columns | View | WindowView, rows: Dataset, *, schema: pl.Schema, schemas: Mapping[str, pl.Schema]) -> Lookup:
    match feature:
        case Columns():
            if feature.dataset.name != rows.name:
                where = f"{feature.dataset.name}[{', '.join(map(repr, feature.names))}]"
                raise FeatureDefinitionError(where, f"only columns of the predicted rows ({rows.name!r}) are known without a view")
            return ColumnLookup.compile(feature, schema)
        case View():
            return ViewLookup.compile(feature, schema, schemas=schemas)
        case WindowView():
            return WindowLookup.compile(feature, schema, schemas=schemas)
    assert_never(feature)


def _check_labels(features: Sequence[Feature], rows: Dataset) -> None:
    # The label tells whose a feature is, everywhere behind; columns of the rows carry the dataset's name.
    seen = {rows.name}
    for feature in features:
        if not isinstance(feature, Columns):
            if feature.label in seen:
                raise DuplicateFeatureError(feature.label)
            seen.add(feature.label)


def _check_distinct(names: Sequence[str], schema: pl.Schema) -> None:
    seen = set(schema.names())
    for name in names:
        if name in seen:
            raise DuplicateFeatureError(name)
        seen.add(name)


def _declared_order(features: Sequence[Feature], lookups: Sequence[Lookup], *, computed: Sequence[Computation]) -> list[str]:
    looked_up, made = iter(lookups), {item.feature.name: item for item in computed}
    order: list[str] = []
    for feature in features:
        if isinstance(feature, OnDemand):
            order += [f"{feature.name}.{name}" for name in made[feature.name].outputs]
        else:
            order += next(looked_up).dtypes
    return order
