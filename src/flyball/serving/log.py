"""The prediction log: every answered row once, from the moment its answer left until long after, in one place to ask.

Answers are journalled by the model server; this reads the journal, keeps what is new in memory and ships it to tables in
batches. It does not know what the answers are used for.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from flyball.core.clock import utc
from flyball.core.errors import InvalidError
from flyball.serving.answers import (
    ANSWER,
    BASE,
    FEATURE,
    POSITION,
    REQUEST,
    VALUE_TIME,
    Batch,
    Shape,
    check_aligned,
    endpoint_of,
    from_table,
    shape_of,
    table_of,
    to_table,
    united,
)
from flyball.serving.record import Answered, decode, encode
from flyball.serving.volume import COLUMNS, VersionVolume, volume_of
from flyball.storage.errors import JournalCorruptError
from flyball.storage.journal import Entry, Journal
from flyball.storage.positions import Positions
from flyball.storage.tables import TableStore, checked_table

SHIP_ROWS = 5_000
"""A table's commit costs as much for so many rows as for one: ship no fewer, but at the end."""

CAP_ROWS = 20_000
"""So many rows are kept in memory at most, beside those of one reading of the journal."""

UNREADABLE = "predictions-unreadable"
"""The table of what is no record: position, reason and payload, so that nothing is lost."""

SHIPPED, INTENDED = "predictions.shipped", "predictions.intended"
"""The names of the log's positions."""

_READ_ENTRIES = 64

_logger = logging.getLogger(__name__)


@dataclass
class _Waiting:
    """What is not in a table yet: batches by shape, and what is no record. Not thread-safe."""

    batches: dict[Shape, Batch] = field(default_factory=dict)
    unreadable: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(batch.rows for batch in self.batches.values())

    def add(self, position: int, record: Answered) -> None:
        batch = self.batches.setdefault(shape_of(record), Batch(record.endpoint))
        self._set_aside_all(batch.add(position, record))

    def frames(self, endpoint: str | None = None) -> dict[str, list[pl.DataFrame]]:
        """What waits, or what waits of one endpoint, by endpoint; each list's frames of one shape are neighbours."""
        found: dict[str, list[pl.DataFrame]] = defaultdict(list)
        for batch in self.batches.values():
            if endpoint in (None, batch.endpoint):
                self._set_aside_all(batch.seal())
                found[batch.endpoint] += batch.frames()
        return found

    def _set_aside_all(self, wrong: Sequence[tuple[int, Answered, str]]) -> None:
        for position, record, reason in wrong:
            self.set_aside(position, encode(record), reason=reason)

    def set_aside(self, position: int, payload: bytes, *, reason: str) -> None:
        _logger.warning("Entry %d of the prediction journal is no record and is set aside in table %r: %s", position, UNREADABLE, reason)
        self.unreadable.append({POSITION: position, "reason": reason, "payload": payload})

    def shipment(self) -> dict[str, pl.DataFrame]:
        """What waits, table by table; a table's name and content follow from the journal's entries alone."""
        parts: dict[str, list[pl.DataFrame]] = defaultdict(list)
        for batch in self.batches.values():
            self._set_aside_all(batch.seal())
            if frames := batch.frames():
                frame = to_table(united(frames))
                parts[table_of(batch.endpoint, frame.schema)].append(frame)
        found = {table: pl.concat(frames) for table, frames in parts.items()}
        if self.unreadable:
            schema = {POSITION: pl.Int64, "reason": pl.String, "payload": pl.Binary}
            found[UNREADABLE] = pl.DataFrame(self.unreadable, schema=schema)
        return found


@dataclass(frozen=True)
class _Shipment:
    """What waits to be committed under one job: the entries from `first` to `target`, and nothing else until it has succeeded."""

    first: int
    target: int
    end: int
    content: _Waiting

    @property
    def job(self) -> str:
        return f"predictions-{self.first}-{self.end}"


class PredictionLog:
    """A journalled row is read here exactly once, whatever is killed at whichever moment: from memory, then from a table.

    One log per journal and home ships. A shipment's range of positions is written down before the first table commits and is the
    name of its commits, so that after a crash the same range is shipped again, and what had been committed is found. Tables
    keep each row's position: what is beyond the last whole shipment is not read from them. Thread-safe; readers do not wait
    for shipments. `ship`, and `drain` beyond 20,000 rows, must not be called inside a transaction.
    """

    def __init__(self, journal: Journal, tables: TableStore, *, positions: Positions) -> None:
        self._journal, self._tables, self._positions = journal, tables, positions
        self._working = threading.RLock()  # one drains or ships
        self._state = threading.Lock()  # guards what readers see: `_waiting`, `_leaving` and `_shipped`, which change together
        self._waiting = _Waiting()
        self._leaving: _Shipment | None = None
        self._shipped = max(positions.get(SHIPPED), journal.acknowledged)
        self._read = self._shipped
        self._intended = positions.get(INTENDED)
        self._known = frozenset(tables.list())  # to list tables costs as much as to read one, and only this log makes its own

    @property
    def pending(self) -> int:
        """The rows that are in memory only."""
        with self._state:
            return sum(part.rows for part in self._parts())

    def _parts(self) -> list[_Waiting]:
        return [*([self._leaving.content] if self._leaving else []), self._waiting]

    def drain(self) -> int:
        """All that was journalled before the call is visible to readers afterwards; the number of rows that are new.

        Raises:
            UnavailableError: more came than may be kept in memory, and it cannot be shipped. What was read stays visible.
        """
        new = 0
        with self._working:
            while entries := self._next_entries():
                new += sum(self._take(entry) for entry in entries)
                self._read = max(self._read, entries[-1].position)
                # An interrupted shipment is repeated as it was: neither sooner nor with more.
                if self._read == self._intended or (self._read > self._intended and self.pending >= CAP_ROWS):
                    self._ship()
            if self._shipped < self._read < self._intended:  # a power cut took the end of an interrupted shipment
                self._ship()
        return new

    def _next_entries(self) -> list[Entry]:
        limit = _READ_ENTRIES
        if self._read < self._intended:
            limit = min(limit, self._intended - self._read)
        while True:
            try:
                found = self._journal.read_after(self._read, limit)
            except JournalCorruptError as error:
                _logger.warning("Answered predictions are lost. %s", error)
                self._read = max(self._read + 1, error.resume)
                continue
            return found

    def _take(self, entry: Entry) -> int:
        try:
            record = decode(entry.payload)
            check_aligned(record)
            checked_table(table_of(record.endpoint, {}))
        except (msgspec.DecodeError, InvalidError) as error:
            with self._state:
                self._waiting.set_aside(entry.position, entry.payload, reason=str(error))
            return 0
        with self._state:
            self._waiting.add(entry.position, record)
        return len(record.ids)

    def ship(self, *, at_least: int = 1) -> int:
        """All that was journalled before the call is in tables afterwards, and acknowledged; how many rows were shipped.

        With fewer than `at_least` rows in memory nothing is shipped.

        Raises:
            UnavailableError: the tables or the database cannot be written; nothing is lost, and it may be called again.
        """
        with self._working:
            self.drain()
            # Entries without rows, or without meaning, hold the journal back as well.
            return self._ship() if self.pending >= at_least or at_least <= 1 else 0

    def _ship(self) -> int:
        rows = self._commit() if self._leaving else 0  # one that failed is repeated as it was: its commits are known by its name
        if self._read > self._shipped:
            end = max(self._read, self._intended)
            if end != self._intended:
                self._positions.set(INTENDED, end)
                self._intended = end
            with self._state:
                self._leaving = _Shipment(self._shipped + 1, self._read, end, self._waiting)
                self._waiting = _Waiting()
            rows += self._commit()
        return rows

    def _commit(self) -> int:
        leaving = self._leaving
        if leaving is None:
            return 0
        rows = leaving.content.rows
        with self._state:
            tables = leaving.content.shipment()
        for table, frame in sorted(tables.items()):
            self._tables.append(table, frame, job=leaving.job)
        self._positions.set(SHIPPED, leaving.target)
        with self._state:
            self._leaving, self._shipped, self._known = None, leaving.target, self._known | tables.keys()
        self._journal.acknowledge(leaving.target)
        return rows

    def read(self, endpoint: str, start: datetime, *, end: datetime) -> pl.DataFrame:
        """The rows answered with start <= time < end, sorted by (time, key, id), whatever versions and features answered them.

        Columns: those of `answers.BASE` but the position, then "request.X", "feature.X", "value_time.LABEL" and "answer.X" of all that
        answered; null where a row's version had none. A row that a version failed has its `error` and, where another stood in, a
        second row of the same id, with route "fallback".
        """
        within = (pl.col("time") >= utc(start)) & (pl.col("time") < utc(end))
        frames = self._select([endpoint], within)
        if not frames:
            return pl.DataFrame(schema=dict(BASE)).drop(POSITION)
        return united(frames).sort("time", "key", "id", POSITION).drop(POSITION)

    def stats(self, endpoint: str, since: datetime, *, until: datetime | None = None) -> tuple[VersionVolume, ...]:
        """What each version answered with since <= time < until, by version."""
        within = pl.col("time") >= utc(since)
        if until is not None:
            within &= pl.col("time") < utc(until)
        frames = self._select([endpoint], within, columns=COLUMNS)
        return volume_of(united(frames)) if frames else ()

    def find(self, prediction_id: str) -> Mapping[str, Any] | None:
        """The answered row of that id, or None.

        The base columns, "endpoint", "request", "features", "value_times" and "answers" as mappings, and "failures": rows of the same id
        that versions failed before another stood in, as mappings of version and error.
        """
        for endpoint in self._endpoints():
            frames = self._select([endpoint], pl.col("id") == prediction_id)
            rows = [row for frame in frames for row in frame.iter_rows(named=True)]
            if rows:
                return _told(endpoint, sorted(rows, key=lambda row: (row["error"] is None, row[POSITION])))
        return None

    def _endpoints(self) -> list[str]:
        with self._state:
            waiting = {endpoint for part in self._parts() for endpoint in part.frames()}
        return sorted(waiting | {endpoint for table in self._known if (endpoint := endpoint_of(table))})

    def _select(self, endpoints: Sequence[str], wanted: pl.Expr, *, columns: Sequence[str] | None = None) -> list[pl.DataFrame]:
        """The wanted rows that there are, each from where it is: never from both."""
        with self._state:
            shipped, known = self._shipped, self._known
            frames = [frame for part in self._parts() for name in endpoints for frame in part.frames(name)[name]]
        chosen = pl.all() if columns is None else pl.col(columns)
        found = [frame.filter(wanted).select(chosen) for frame in frames]
        for table in sorted(known):
            if endpoint_of(table) in endpoints:
                # A shipment may be under way or have been cut off: its rows are still read from memory.
                kept = self._tables.read(table).filter(wanted, pl.col(POSITION) <= shipped).select(chosen)
                found.append(from_table(kept.collect()))
        return [frame for frame in found if frame.height]


def _told(endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The last of `rows` with its columns in groups, the others as its failures."""
    answer = rows[-1]

    def group(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): value for name, value in answer.items() if name.startswith(prefix)}

    base = {name: answer[name] for name in BASE if name != POSITION}
    parts = {"request": group(REQUEST), "features": group(FEATURE), "value_times": group(VALUE_TIME), "answers": group(ANSWER)}
    failures = [{"version": row["version"], "error": row["error"]} for row in rows[:-1]]
    return {**base, "endpoint": endpoint, **parts, "failures": failures}
