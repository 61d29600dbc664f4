"""The writer's side of online features: what look-ups answer now and from known moments on, kept in the online store.

It runs the very look-ups that training runs, over recent histories and for the entities whose rows changed, and writes what became
other. It has no clock and reads no tables: histories and times are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from flyball.core.duration import EPOCH, MICROSECOND, floor_time, microseconds
from flyball.data import Join
from flyball.data.model import ARRIVAL, EVENT_TIME
from flyball.features.errors import OnlineStoreError
from flyball.features.featureset import FeatureSet
from flyball.features.lookup import Steps, ViewLookup
from flyball.features.online import OnlineStore, Revision, TableWrite
from flyball.features.packing import KEPT, OnlineLookup, OnlineTable, physical
from flyball.features.recent import Change, Need, Recent
from flyball.features.sources import Entities, gather
from flyball.features.windowing import WindowLookup
from flyball.kernels import Boundaries

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values = Mapping[bytes, bytes | None]


class Materialiser:
    """Keeps the look-ups of one feature set in the online store; several of them may share a store, and tables in it.

    The histories that it is given have all rows whose event time is not further back than `horizon` says; KNOWN_UNTIL is that of the
    whole history, so that a version whose correction lies further back is still superseded. `partners` says how long before the left
    side's event time the right side's may lie at most in a join; without it any row of a right side may matter for ever.
    Not thread-safe. A write that fails is made up for by the next call.

    Raises:
        OnlineTypeError: a view has a value of a nested type.
    """

    def __init__(self, features: FeatureSet, store: OnlineStore, *, partners: timedelta | None = None) -> None:
        self._store = store
        self._views: dict[OnlineTable, ViewLookup] = {}
        self._windows: dict[OnlineTable, WindowLookup] = {}
        for lookup in features.lookups:
            if isinstance(lookup, ViewLookup):
                self._views[OnlineTable.of(lookup, features.schema)] = lookup
            elif isinstance(lookup, WindowLookup):
                self._windows[OnlineTable.of(lookup, features.schema)] = lookup
        lookups: list[OnlineLookup] = [*self._views.values(), *self._windows.values()]
        self._recent = Recent([_need(lookup) for lookup in lookups], partners=partners)
        self._published: dict[str, dict[bytes, bytes]] = {}
        self._closed: dict[str, datetime] = {}
        self._written, self._behind, self._robbed = Revision(), True, False

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of its tables, for `OnlineStore.keep`."""
        return tuple(table.name for table in (*self._views, *self._windows))

    def horizon(self, dataset: str) -> timedelta | None:
        """How far before now the event time of a row may lie that still matters; None: without limit. Zero: no look-up reads it."""
        return self._recent.back(dataset)

    def open(self, histories: Mapping[str, pl.DataFrame], now: datetime) -> None:
        """Begin with these histories: afterwards the store answers as of `now`, whatever it held before.

        Raises:
            UnknownNameError: a history is missing.
            OnlineStoreError: the store cannot be read or written.
        """
        self._recent.load(histories, now)
        self._publish_all(now)

    def apply(self, dataset: str, history: pl.DataFrame, *, now: datetime) -> None:
        """Take over the dataset's history with new rows, and publish what they change from when they are known on.

        A boundary that is due is closed. Rows that come after a boundary was closed, and were known by it, change its value.

        Raises:
            OnlineStoreError: the store cannot be written; the next call makes up for it.
        """
        self._advance(self._recent.renew(dataset, history, now=now), now)

    def next_boundary(self, now: datetime) -> datetime | None:
        """The next boundary that `close_boundaries` has to close, not after `now` where one is due; None without window views."""
        ends = (floor_time(self._closed.get(table.name, now), every) + every for table, every in self._lengths())
        return min(ends, default=None)

    def close_boundaries(self, now: datetime) -> None:
        """Publish the window views' values at the last boundary that is not after `now`; boundaries in between are closed with it.

        Raises:
            OnlineStoreError: the store cannot be written; the next call makes up for it.
        """
        self._advance({}, now)

    def lacks(self, found: Revision) -> bool:
        """Whether a store that is as far as `found` may lack something, or it was not told yet that it did."""
        return bool(self.tables) and (self._behind or self._robbed or self._is_other(found))

    def restore(self, now: datetime) -> bool:
        """Publish what the store lacks; whether it had lost something since it was asked last.

        Raises:
            OnlineStoreError: the store cannot be read or written; the next call makes up for it.
        """
        if self._look():
            self._publish_all(now)
        robbed, self._robbed = self._robbed, False
        return robbed

    def _is_other(self, found: Revision) -> bool:
        return found.store != self._written.store or found.number < self._written.number

    def _look(self) -> bool:
        """Whether all must be published, not only what is new: readers would take what is new for all that a new store has."""
        if self.tables and self._is_other(self._store.revision()):
            self._robbed = self._behind = True
        return self._behind

    def _advance(self, changes: Mapping[str | Join, Change], now: datetime) -> None:
        if self._behind:
            self._publish_all(now)
            return
        due = {table.name: last for table, every in self._lengths() if (last := floor_time(now, every)) > self._closed[table.name]}
        writes: dict[str, Values] = {}
        for table, view in self._views.items():
            change = changes.get(view.feature.source.name)
            if change is not None:
                writes[table.name] = self._view_changes(table, view, change=change, now=now)
        for table, window in self._windows.items():
            source = window.feature.source
            change = changes.get(source if isinstance(source, Join) else source.name)
            if table.name in due:
                values = _window_values(table, window, history=self._history(window), last=due[table.name])
                writes[table.name] = self._replaced(table.name, values)
            elif change is not None and change.since <= microseconds(self._closed[table.name]):
                writes[table.name] = self._window_changes(table, window, change=change)
        if due or any(writes.values()):
            self._write_new(writes, now=now, closed=due)

    def _lengths(self) -> Iterator[tuple[OnlineTable, timedelta]]:
        return ((table, window.feature.every) for table, window in self._windows.items())

    def _history(self, lookup: OnlineLookup) -> pl.DataFrame:
        return self._recent.of(lookup.feature.source)

    def _publish_all(self, now: datetime) -> None:
        """Make the store hold what it must, by writing what differs from what it holds."""
        self._behind = True
        held = self._store.changes_after(Revision(), self.tables)
        self._written = held.revision
        self._published = {name: {} for name in self.tables}
        for name, found in held.tables.items():
            self._published[name] = {entity: value for entity, value in found.values.items() if value is not None}
        closed = {table.name: floor_time(now, every) for table, every in self._lengths()}
        writes = {table.name: _view_values(table, view.steps(self._history(view)), now=now) for table, view in self._views.items()}
        for table, window in self._windows.items():
            writes[table.name] = _window_values(table, window, history=self._history(window), last=closed[table.name])
        self._write({name: self._replaced(name, values) for name, values in writes.items()}, now=now, closed=closed)

    def _view_changes(self, table: OnlineTable, view: ViewLookup, *, change: Change, now: datetime) -> Values:
        steps = view.steps(self._history(view), changed=change.rows[ARRIVAL].to_numpy())
        found = _view_values(table, steps, now=now)
        asked = map(table.pack_key, table.keys(steps.entities.frame.get_columns()))
        return self._different(table.name, {entity: found.get(entity) for entity in asked})

    def _window_changes(self, table: OnlineTable, window: WindowLookup, *, change: Change) -> Values:
        entities = Entities.of(change.rows.select(window.feature.entity))
        history = self._history(window).join(entities.frame, on=list(window.feature.entity), how="semi")
        found = _window_values(table, window, history=history, last=self._closed[table.name])
        asked = map(table.pack_key, table.keys(entities.frame.get_columns()))
        return self._different(table.name, {entity: found.get(entity) for entity in asked})

    def _different(self, name: str, values: Values) -> Values:
        held = self._published[name]
        return {entity: value for entity, value in values.items() if held.get(entity) != value}

    def _replaced(self, name: str, values: Mapping[bytes, bytes]) -> Values:
        gone = dict.fromkeys(self._published[name].keys() - values.keys())
        return {**self._different(name, values), **gone}

    def _write_new(self, writes: Mapping[str, Values], *, now: datetime, closed: Mapping[str, datetime]) -> None:
        try:
            whole = not self._look()
        except OnlineStoreError:
            self._behind = True
            raise
        if whole:
            self._write(writes, now=now, closed=closed)
        else:
            self._publish_all(now)

    def _write(self, writes: Mapping[str, Values], *, now: datetime, closed: Mapping[str, datetime]) -> None:
        ends = {name: microseconds(last) for name, last in closed.items()}
        try:
            revision = self._store.set({name: TableWrite(values, ends.get(name)) for name, values in writes.items()})
        except OnlineStoreError:
            self._behind = True
            raise
        for name, values in writes.items():
            self._remember(name, values)
        self._closed.update(closed)
        self._behind, self._written = revision.store != self._written.store, revision
        if self._behind:  # somebody removed the store; it was made anew and lacks all that was not written just now
            self._publish_all(now)

    def _remember(self, name: str, values: Values) -> None:
        held = self._published[name]
        for entity, value in values.items():
            if value is None:
                held.pop(entity, None)
            else:
                held[entity] = value


def _need(lookup: OnlineLookup) -> Need:
    if isinstance(lookup, WindowLookup):
        return Need(lookup.feature.source, lookup.feature.over + (KEPT + 1) * lookup.feature.every)
    ttl = lookup.feature.ttl
    # Twice, for prediction times that are behind: a row that answers them is as old as that and the ttl together.
    return Need(lookup.feature.source, None if ttl is None else 2 * ttl)


def _view_values(table: OnlineTable, steps: Steps, *, now: datetime) -> dict[bytes, bytes]:
    """The packed value of each entity that has steps: the present one, those to come, and `KEPT` before."""
    line, count = steps.line, steps.entities.frame.height
    begun = np.bincount(line.entity[line.since <= microseconds(now)], minlength=count)
    first = np.searchsorted(line.entity, np.arange(count)) + np.maximum(begun - 1 - KEPT, 0)
    kept = np.arange(len(line.entity)) >= first[line.entity]
    row = line.row[kept]
    event = [int(steps.event[index]) if index >= 0 else None for index in row.tolist()]
    return _packed(table, steps.entities, entity=line.entity[kept], steps=(line.since[kept].tolist(), event, gather(steps.values, row)))


def _window_values(table: OnlineTable, window: WindowLookup, *, history: pl.DataFrame, last: datetime) -> dict[bytes, bytes]:
    """The packed value of each entity that has rows in a window that ends at `last` or at one of the `KEPT` boundaries before."""
    ends = microseconds(last) + window.every * np.arange(-KEPT, 1)
    history = history.filter(pl.col(EVENT_TIME) > EPOCH + (int(ends[0]) - window.over) * MICROSECOND)
    entities = Entities.of(history.select(window.feature.entity))
    codes = np.arange(entities.frame.height)
    asked = Boundaries(np.repeat(codes, len(ends)), np.tile(ends, len(codes)))
    found = window.at(history, entities, asked=asked)
    held = np.flatnonzero(found.rows)
    times = asked.time[held].tolist()
    return _packed(table, entities, entity=asked.entity[held], steps=(times, times, found.values[held]))


def _packed(
    table: OnlineTable, entities: Entities, *, entity: NDArray[np.int64], steps: tuple[Sequence[int], Sequence[int | None], pl.DataFrame]
) -> dict[bytes, bytes]:
    """The steps (since, event, values), sorted by `entity`, as one packed value for each entity that has some."""
    since, event, values = steps
    columns = [physical(series.cast(dtype)) for series, dtype in zip(values.get_columns(), table.values, strict=True)]
    rows = list(zip(since, event, *columns, strict=True))
    keys = table.keys(entities.frame.get_columns())
    ends = np.searchsorted(entity, np.arange(len(keys) + 1)).tolist()
    spans = zip(keys, ends, ends[1:], strict=False)
    return {table.pack_key(key): table.pack(rows[start:stop]) for key, start, stop in spans if start < stop}
