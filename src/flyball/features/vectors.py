"""The reader's side of online features: vectors for requests, from the online store's tables held in memory.

A model server imports this module, so neither it nor anything behind it may need a database or a table library. The values are those
of `FeatureSet.compute` over all that the writer has published; when the store is gone, those of before stay.

Columns stay plain lists as long as they can: only what on-demand features compute with becomes a frame, once for all rows, because a
frame costs a lone row more than all look-ups together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.data.model import PREDICTION_TIME, TIME
from flyball.features.errors import OnlineStoreError
from flyball.features.featureset import FeatureSet
from flyball.features.lookup import ColumnLookup
from flyball.features.mirror import Found, Lack, Mirror, Reader, reader_of
from flyball.features.online import OnlineStore, Revision
from flyball.features.packing import Makers, OnlineLookup, OnlineTable, Values, is_plain, logical, physical
from flyball.features.rowwise import evaluate
from flyball.features.sources import prediction_times
from flyball.features.stages import stages_of


class Vector:
    """Features of some rows; `values` has a column for each, under its full name and in the order of their declaration.

    `value_times` says per view and window view, by label, of when each row's values are: the event time of the row that answered, or
    the boundary; microseconds since 1970 UTC, None where nothing answered. `lacks` say by label and row why there is nothing fresh.
    """

    def __init__(
        self, values: Mapping[str, Values], value_times: Mapping[str, list[int | None]], *,
        lacks: Mapping[str, Mapping[int, Lack]], makers: Makers,
    ) -> None:  # fmt: skip
        self.values, self.value_times, self.lacks = values, value_times, lacks
        self._makers = makers

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The values as a frame, with the features' types."""
        columns = self.values.items()
        return pl.DataFrame([found if isinstance(found, pl.Series) else self._makers[name](found) for name, found in columns])


@dataclass(frozen=True, slots=True)
class _Looking:
    """How a look-up reads: `direct` where the values of its one input are keys as they are, `plain` where its values stay lists."""

    label: str
    names: tuple[str, ...]
    inputs: tuple[str, ...]
    reader: Reader
    direct: bool
    plain: bool

    @staticmethod
    def of(lookup: OnlineLookup, mirror: Mirror) -> _Looking:
        entity = mirror.table.entity
        direct = len(entity) == 1 and is_plain(entity[0]) and not entity[0].is_float()
        plain = all(map(is_plain, lookup.dtypes.values()))
        return _Looking(lookup.feature.label, tuple(lookup.dtypes), lookup.inputs, reader_of(lookup, mirror), direct, plain)

    def read(self, request: Mapping[str, Values], times: list[int]) -> Found:
        """What answers each row of the request."""
        first = request[self.inputs[0]]
        if self.direct and isinstance(first, list):
            return self.reader.read(first, times)
        return self.reader.read(self.reader.mirror.table.keys([request[name] for name in self.inputs]), times)


class Vectors:
    """The features of requests, by the tables of an online store; thread-safe.

    It answers from memory and looks at the store's version once per call, or, where it is `followed`, when it is told to. Without a
    store that can be read it goes on with what it has.
    """

    def __init__(self, features: FeatureSet, store: OnlineStore, *, followed: bool = False) -> None:
        self._features, self._store, self._followed = features, store, followed
        self._mirrors: dict[str, Mirror] = {}
        self._looking: list[_Looking] = []
        self._copied: list[tuple[str, str]] = []
        for lookup in features.lookups:
            if isinstance(lookup, ColumnLookup):
                self._copied += zip(lookup.feature.names, lookup.dtypes, strict=True)
            elif isinstance(lookup, OnlineLookup):
                self._looking.append(_Looking.of(lookup, self._mirror(lookup)))
        self._stages = stages_of(features)
        self._dtypes = {name: features.schema[name] for name in features.inputs}
        self._makers = {name: logical(name, dtype) for name, dtype in {**self._dtypes, **features.dtypes}.items()}
        self._plain = frozenset(name for name, dtype in {**self._dtypes, **features.dtypes}.items() if is_plain(dtype))
        self._alike: Mapping[str, pl.DataType] | None = None  # the last schema of requests in which nothing had to be cast
        self._lock, self._revision = Lock(), Revision()
        self._version: Hashable = None

    def _mirror(self, lookup: OnlineLookup) -> Mirror:
        table = OnlineTable.of(lookup, self._features.schema)
        fills = tuple(physical(lookup.fills[name])[0] if name in lookup.fills else None for name in lookup.dtypes) if lookup.fills else ()
        return self._mirrors.setdefault(table.name, Mirror(table, fills))

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that it reads."""
        return tuple(self._mirrors)

    @property
    def ready(self) -> bool:
        """Whether the store has had each of its tables; before, look-ups give nulls."""
        self._look()
        return all(mirror.written for mirror in self._mirrors.values())

    def compute(self, rows: pl.DataFrame) -> Vector:
        """The features of each row as of its PREDICTION_TIME, as `FeatureSet.compute` has them; columns and types alike.

        Raises:
            UnknownNameError: a column of the feature set's `inputs` is missing.
            PredictionTimeError: a row has no prediction time.
            FeatureFunctionError: a column cannot be read as its type in the schema, or an on-demand feature fails.
            OnlineSchemaError: the store holds a value of other columns.
        """
        columns = {series.name: series for series in rows.get_columns()}
        for name in (*self._dtypes, PREDICTION_TIME):
            if name not in columns:
                raise UnknownNameError("column", name, known=rows.columns, where="the rows")
        request = {name: columns[name] for name in self._dtypes}
        other = {name: series for name, series in request.items() if series.dtype != self._dtypes[name]}
        return self._compute({**request, **self._cast(other)}, times=prediction_times(rows).tolist())

    def compute_columns(self, columns: Mapping[str, list[Any]], schema: Mapping[str, pl.DataType], *, times: list[int]) -> Vector:
        """The features of the rows of a request, which has a column for each of `inputs`, with values of `schema` in physical form.

        The features are those of `compute`; `times` are in microseconds since 1970 UTC, one for each row.

        Raises:
            UnknownNameError, FeatureFunctionError, OnlineSchemaError: as `compute`.
        """
        if schema is not self._alike:
            if any(name not in schema or schema[name] != dtype or name not in self._plain for name, dtype in self._dtypes.items()):
                return self.compute(_frame(columns, schema, times=times))
            self._alike = schema
        return self._compute({name: columns[name] for name in self._dtypes}, times=times)

    def _compute(self, request: Mapping[str, Values], *, times: list[int]) -> Vector:
        if not self._followed:
            self._look()
        columns: dict[str, Values] = {full: _named(full, request[own]) for own, full in self._copied}
        value_times: dict[str, list[int | None]] = {}
        lacks: dict[str, Mapping[int, Lack]] = {}
        for looking in self._looking:
            steps, missing = looking.read(request, times)
            parts = [list(part) for part in zip(*steps, strict=True)] if steps else [[] for _ in range(2 + len(looking.names))]
            value_times[looking.label] = parts[1]
            if missing:
                lacks[looking.label] = missing
            if looking.plain:
                columns |= zip(looking.names, parts[2:], strict=True)
            else:
                columns |= {name: self._column(name, part) for name, part in zip(looking.names, parts[2:], strict=True)}
        for stage in self._stages:
            columns |= stage.compute(times, columns, beside=request, makers=self._makers)
        own = {name: columns[name] for name in self._features.names}
        return Vector(own, value_times, lacks=lacks, makers=self._makers)

    def _column(self, name: str, values: list[Any]) -> Values:
        return values if name in self._plain else self._makers[name](values)

    def refresh(self) -> None:
        """Take over what the store has new.

        Raises:
            OnlineStoreError: it cannot be read now; what was read before stays.
        """
        version = self._store.version()
        if version == self._version:
            return
        with self._lock:
            changes = self._store.changes_after(self._revision, self._mirrors.keys())
            for name, found in changes.tables.items():
                self._mirrors[name].take(found.values, closed=found.closed, fresh=found.fresh)
            self._version, self._revision = version, changes.revision

    def _look(self) -> None:
        with suppress(OnlineStoreError):
            self.refresh()

    def _cast(self, columns: Mapping[str, pl.Series]) -> Mapping[str, pl.Series]:
        """The columns in their types."""
        if not columns:
            return columns
        rows = pl.DataFrame(list(columns.values()))
        casts = [pl.col(name).cast(self._dtypes[name]) for name in columns]
        frame = evaluate("The type of a column", lambda: rows.select(casts), columns=rows.columns)
        return {name: frame[name] for name in columns}


def _named(name: str, values: Values) -> Values:
    return values.alias(name) if isinstance(values, pl.Series) else values


def _frame(columns: Mapping[str, Sequence[Any]], schema: Mapping[str, pl.DataType], *, times: list[int]) -> pl.DataFrame:
    asked = [logical(name, schema[name])(values) for name, values in columns.items()]
    return pl.DataFrame([*asked, pl.Series(PREDICTION_TIME, times, dtype=pl.Int64).cast(TIME)])
