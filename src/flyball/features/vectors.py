"""The reader's side of online features: vectors for requests, from the online store's tables held in memory.

A model server imports this module, so neither it nor anything behind it may need a database or a table library. The values are those
of `FeatureSet.compute` over all that the writer has published; when the store is gone, those of before stay.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeAlias

import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.data.model import PREDICTION_TIME
from flyball.features.errors import OnlineStoreError
from flyball.features.featureset import FeatureSet
from flyball.features.lookup import ColumnLookup, ViewLookup
from flyball.features.ondemand import Computation
from flyball.features.online import OnlineStore, Revision
from flyball.features.packing import KEPT, Key, OnlineLookup, OnlineTable, Step, logical
from flyball.features.rowexpressions import has_selectors
from flyball.features.rowwise import evaluate
from flyball.features.sources import prediction_times
from flyball.features.windowing import WindowLookup

_Columns: TypeAlias = Mapping[str, Callable[[Sequence[Any]], pl.Series]]


@dataclass(frozen=True, slots=True)
class Vector:
    """Features of some rows. `value_times` says per view and window view, by label, of when each row's values are.

    That is the event time of the row that answered, or the boundary; microseconds since 1970 UTC, None where nothing answered.
    """

    frame: pl.DataFrame
    value_times: Mapping[str, list[int | None]]


@dataclass(slots=True)
class _Entry:
    """An entity's value, unpacked when it is first asked for. A new value is a new entry, so that no thread unpacks an old one over it."""

    value: bytes | list[Step]


@dataclass
class _Mirror:
    """A table of the store in memory."""

    table: OnlineTable
    entries: dict[Key, _Entry] = field(default_factory=dict)
    closed: int | None = None

    def steps(self, key: Key) -> list[Step]:
        entry = self.entries.get(key)
        if entry is None:
            return []
        if isinstance(entry.value, bytes):
            entry.value = self.table.unpack(entry.value)
        return entry.value

    def take(self, values: Mapping[bytes, bytes | None], *, closed: int | None, fresh: bool) -> None:
        held = {} if fresh else self.entries
        for entity, value in values.items():
            key = self.table.unpack_key(entity)
            if value is None:
                held.pop(key, None)
            else:
                held[key] = _Entry(value)
        self.entries, self.closed = held, closed


@dataclass(frozen=True)
class _ViewReader:
    lookup: ViewLookup
    mirror: _Mirror
    columns: _Columns

    def read(self, keys: Sequence[Key], times: Sequence[int]) -> list[Step]:
        """The step that answers for each row, if it is not older than the ttl."""
        nothing: Step = (None,) * (2 + len(self.columns))
        ttl, found = self.lookup.ttl, []
        for key, time in zip(keys, times, strict=True):
            steps = self.mirror.steps(key)
            step = next((step for step in reversed(steps) if step[0] <= time), nothing)
            fits = step[1] is not None and (ttl is None or step[1] >= time - ttl)
            found.append(step if fits else nothing)
        return found


@dataclass(frozen=True)
class _WindowReader:
    lookup: WindowLookup
    mirror: _Mirror
    columns: _Columns

    def read(self, keys: Sequence[Key], times: Sequence[int]) -> list[Step]:
        """The values at the last boundary that is closed, of no row where the entity has none; nothing for a null entity."""
        nothing: Step = (None,) * (2 + len(self.columns))
        every, closed, empty = self.lookup.every, self.mirror.closed, tuple(self.lookup.empty)
        if closed is None:
            return [nothing] * len(keys)
        oldest, found = closed - KEPT * every, []
        for key, time in zip(keys, times, strict=True):
            end = min(time - time % every, closed)
            if key is None or end < oldest:
                found.append(nothing)
                continue
            steps = self.mirror.steps(key)
            found.append(next((step for step in reversed(steps) if step[0] == end), (end, end, *empty)))
        return found


class Vectors:
    """The features of requests, by the tables of an online store; thread-safe.

    It answers from memory and looks at the store's version once per call. Without a store that can be read it goes on with what it has.
    """

    def __init__(self, features: FeatureSet, store: OnlineStore) -> None:
        self._features, self._store = features, store
        self._mirrors: dict[str, _Mirror] = {}
        self._readers: list[ColumnLookup | _ViewReader | _WindowReader] = []
        for lookup in features.lookups:
            if isinstance(lookup, ColumnLookup):
                self._readers.append(lookup)
            elif isinstance(lookup, ViewLookup):
                self._readers.append(_ViewReader(lookup, self._mirror(lookup), _columns(lookup)))
            elif isinstance(lookup, WindowLookup):
                self._readers.append(_WindowReader(lookup, self._mirror(lookup), _columns(lookup)))
        self._stages = _stages(features)
        self._lock, self._revision = Lock(), Revision()
        self._version: Hashable = None
        self._written: frozenset[str] = frozenset()

    def _mirror(self, lookup: OnlineLookup) -> _Mirror:
        table = OnlineTable.of(lookup, self._features.schema)
        return self._mirrors.setdefault(table.name, _Mirror(table))

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that it reads."""
        return tuple(self._mirrors)

    @property
    def ready(self) -> bool:
        """Whether the store has had each of its tables; before, look-ups give nulls."""
        self._refresh()
        return self._written.issuperset(self._mirrors)

    def compute(self, rows: pl.DataFrame) -> Vector:
        """The features of each row as of its PREDICTION_TIME, as `FeatureSet.compute` has them; columns and types alike.

        Raises:
            UnknownNameError: a column of the feature set's `inputs` is missing.
            PredictionTimeError: a row has no prediction time.
            FeatureFunctionError: a column cannot be read as its type in the schema, or an on-demand feature fails.
            OnlineSchemaError: the store holds a value of other columns.
        """
        self._refresh()
        request = self._request(rows)
        times = prediction_times(rows).tolist()
        columns: dict[str, pl.Series] = {}
        value_times: dict[str, list[int | None]] = {}
        for reader in self._readers:
            if isinstance(reader, ColumnLookup):
                columns |= {full: request[own].alias(full) for own, full in zip(reader.feature.names, reader.dtypes, strict=True)}
                continue
            keys = reader.mirror.table.keys([request[name] for name in reader.lookup.inputs])
            steps = reader.read(keys, times)
            value_times[reader.lookup.feature.label] = [step[1] for step in steps]
            columns |= {name: make([step[2 + index] for step in steps]) for index, (name, make) in enumerate(reader.columns.items())}
        for stage in self._stages:
            columns |= stage.compute(rows[PREDICTION_TIME], {**request, **columns})
        return Vector(pl.DataFrame([columns[name] for name in self._features.names]), value_times)

    def _refresh(self) -> None:
        try:
            version = self._store.version()
            if version == self._version:
                return
            with self._lock:
                changes = self._store.changes_after(self._revision, self._mirrors.keys())
                for name, found in changes.tables.items():
                    self._mirrors[name].take(found.values, closed=found.closed, fresh=found.fresh)
                self._version, self._revision = version, changes.revision
                self._written |= changes.tables.keys()
        except OnlineStoreError:
            return

    def _request(self, rows: pl.DataFrame) -> dict[str, pl.Series]:
        """The columns that requests carry, in their types."""
        found, there = {}, set(rows.columns)
        for name in (*self._features.inputs, PREDICTION_TIME):
            if name not in there:
                raise UnknownNameError("column", name, known=rows.columns, where="the rows")
            found[name] = rows[name]
        del found[PREDICTION_TIME]
        other = [name for name, series in found.items() if series.dtype != self._features.schema[name]]
        if other:
            casts = [pl.col(name).cast(self._features.schema[name]) for name in other]
            frame = evaluate("The type of a column", lambda: rows.select(casts), columns=rows.columns)
            found |= {name: frame[name] for name in other}
        return found


@dataclass(frozen=True)
class _Stage:
    """On-demand features that need nothing of each other: their expressions are found once and computed together."""

    where: str
    expressions: tuple[pl.Expr, ...]
    dtypes: Mapping[str, pl.DataType]
    needed: tuple[str, ...] | None  # None where a selector decides

    def compute(self, times: pl.Series, columns: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
        found = columns.values() if self.needed is None else [columns[name] for name in self.needed]
        frame = pl.DataFrame([times, *found])
        made = evaluate(self.where, lambda: frame.with_columns(self.expressions), columns=frame.columns)
        return {name: made[name].cast(dtype) for name, dtype in self.dtypes.items()}


def _columns(lookup: OnlineLookup) -> _Columns:
    return {name: logical(name, dtype) for name, dtype in lookup.dtypes.items()}


def _stages(features: FeatureSet) -> list[_Stage]:
    levels: list[list[Computation]] = []
    level_of: dict[str, int] = {}
    for item in features.computations:
        needed = [level_of[owner] for full in item.arguments.values() if (owner := full.partition(".")[0]) in level_of]
        level = level_of[item.feature.name] = max(needed, default=-1) + 1
        levels += [[]] * (level == len(levels))
        levels[level] = [*levels[level], item]
    return [_stage(features, level) for level in levels]


def _stage(features: FeatureSet, items: Sequence[Computation]) -> _Stage:
    expressions = [expression for item in items for expression in item.expressions(features.bound_names)]
    made = [f"{item.feature.name}.{name}" for item in items for name in item.outputs]
    where = f"On-demand feature {', '.join(repr(item.feature.name) for item in items)}"
    needed = None if any(map(has_selectors, expressions)) else _roots(expressions)
    return _Stage(where, tuple(expressions), {name: features.dtypes[name] for name in made}, needed)


def _roots(expressions: Sequence[pl.Expr]) -> tuple[str, ...]:
    names = dict.fromkeys(name for expression in expressions for name in expression.meta.root_names())
    return tuple(name for name in names if name != PREDICTION_TIME)
