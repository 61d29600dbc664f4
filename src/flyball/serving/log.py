"""The prediction log: every answered row once, from the moment its answer left until long after, in one place to ask.

Answers are journalled by whoever gives them: workers of a model server, servers on other hosts, systems of others. This reads all of
their journals, keeps what is new in memory and ships it to tables in batches. It does not know what the answers are used for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, TypeAlias

import polars as pl

from flyball.core.clock import utc
from flyball.core.errors import FlyballError
from flyball.serving.answers import ANSWER, BASE, FEATURE, POSITION, REQUEST, STREAM, VALUE_TIME, endpoint_of, from_table, united
from flyball.serving.record import Lost
from flyball.serving.stream import FIRST, SHIPPED_BEFORE, Ground, LogStream
from flyball.serving.volume import COLUMNS, LIVE, SHADOW, VersionVolume, volume_of
from flyball.storage.journal import Journal
from flyball.storage.positions import Positions
from flyball.storage.tables import TableStore

SHIP_ROWS = 5_000
"""A table's commit costs as much for so many rows as for one: ship no fewer, but at the end."""

Journals: TypeAlias = Callable[[], Mapping[str, Journal]]
"""The journals that are there now, by the names of their streams: always the same one under a name."""


class Told:
    """Losses that were read are told to `tell` within `transaction`, together with the position up to which they were read."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[object]], tell: Callable[[str, Lost], None]) -> None:
        self._transaction, self._tell = transaction, tell

    def settle(self, positions: Positions, name: str, *, to: int, losses: Sequence[Lost]) -> None:
        """Both happen or neither does."""
        with self._transaction():
            positions.set(name, to)
            for lost in losses:
                self._tell(name, lost)


NOBODY = Told(nullcontext, lambda *_: None)
"""Losses are told to nobody."""


class PredictionLog:
    """A journalled row is read here exactly once, whatever is killed at whichever moment: from memory, then from a table.

    One log per home ships. A table keeps with its rows how far each journal is in it, so that after a crash what had been committed is not
    read again; until a commit is known to have succeeded, its rows are read from memory only. Journals may come later, and what those left
    that nobody writes any more is read as well. Thread-safe; readers do not wait for shipments. `ship`, and `drain` beyond 20,000 rows of a
    journal, must not be called inside a transaction.
    """

    def __init__(self, journals: Journals, tables: TableStore, *, positions: Positions, told: Told = NOBODY) -> None:
        self._journals, self._tables, self._positions = journals, tables, positions
        self._working = threading.RLock()  # one drains or ships
        self._ground = Ground(tables, positions, lambda name, to, losses: told.settle(positions, name, to=to, losses=losses))
        self._state = self._ground.state  # guards what readers see: memory, and how far it is in tables, which change together
        self._streams: dict[str, LogStream] = {}
        self._before = positions.get(SHIPPED_BEFORE)
        self._known = frozenset(tables.list())  # to list tables costs as much as to read one, and only this log makes its own

    @property
    def pending(self) -> int:
        """The rows that are in memory only."""
        with self._state:
            return sum(stream.pending for stream in self._streams.values())

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the journals that were read."""
        with self._state:
            return tuple(self._streams)

    def drain(self) -> int:
        """All that was journalled before the call is visible to readers afterwards; the number of rows that are new.

        Raises:
            UnavailableError: more came than may be kept in memory, and it cannot be shipped. What was read stays visible.
        """
        with self._working:
            return self._each(LogStream.drain, self._found())

    def ship(self, *, at_least: int = 1) -> int:
        """All that was journalled before the call is in tables afterwards, and acknowledged; how many rows were shipped.

        With fewer than `at_least` rows in memory nothing is shipped, unless something was lost, which is told then.

        Raises:
            UnavailableError: the tables or the database cannot be written; nothing is lost, and it may be called again.
        """
        with self._working:
            self.drain()
            streams = list(self._streams.values())
            # Entries without rows, or without meaning, hold the journal back as well.
            if self.pending < at_least and at_least > 1:
                streams = [stream for stream in streams if stream.urgent]
            try:
                return self._each(LogStream.ship, streams)
            finally:
                with self._state:
                    self._known |= _tables_of(streams)

    def _found(self) -> list[LogStream]:
        for name, journal in self._journals().items():
            if name not in self._streams:
                stream = LogStream(name, journal, ground=self._ground)
                with self._state:
                    self._streams[name] = stream
        return list(self._streams.values())

    @staticmethod
    def _each(work: Callable[[LogStream], int], streams: Sequence[LogStream]) -> int:
        """One journal that fails keeps no other from its turn."""
        done, failed = 0, None
        for stream in streams:
            try:
                done += work(stream)
            except FlyballError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return done

    def read(self, endpoint: str, start: datetime, *, end: datetime) -> pl.DataFrame:
        """The rows answered with start <= time < end, sorted by (time, key, id), whatever versions and features answered them.

        Columns: those of `answers.BASE` but stream and position, then "request.X", "feature.X", "value_time.LABEL" and "answer.X" of all
        that answered; null where a row's version had none. A row that a version failed has its `error` and, where another stood in, a
        second row of the same id, with route "fallback". What shadows said, and the scores of batches, are not among them.
        """
        within = (pl.col("time") >= utc(start)) & (pl.col("time") < utc(end))
        frames = self._select([endpoint], within & LIVE)
        if not frames:
            return pl.DataFrame(schema=dict(BASE)).drop(STREAM, POSITION)
        return united(frames).sort("time", "key", "id", STREAM, POSITION).drop(STREAM, POSITION)

    def stats(self, endpoint: str, since: datetime, *, until: datetime | None = None) -> tuple[VersionVolume, ...]:
        """What each version answered with since <= time < until, by version; shadows and batches answer nobody."""
        within = pl.col("time") >= utc(since)
        if until is not None:
            within &= pl.col("time") < utc(until)
        frames = self._select([endpoint], within & LIVE, columns=COLUMNS)
        return volume_of(united(frames)) if frames else ()

    def select(self, endpoint: str, wanted: pl.Expr, *, columns: Sequence[str]) -> pl.DataFrame:
        """These base columns of the wanted rows, in no order; shadows too, under the ids of the rows they mirror, and batches."""
        frames = self._select([endpoint], wanted, columns=columns)
        return united(frames) if frames else pl.DataFrame(schema={name: BASE[name] for name in columns})

    def find(self, prediction_id: str) -> Mapping[str, Any] | None:
        """The answered row of that id, or None.

        The base columns, "endpoint", "request", "features", "value_times" and "answers" as mappings, and "failures": rows of the same id
        that versions failed before another stood in, as mappings of version and error.
        """
        for endpoint in self._endpoints():
            frames = self._select([endpoint], (pl.col("id") == prediction_id) & _ANSWERS)
            rows = [row for frame in frames for row in frame.iter_rows(named=True)]
            if rows:
                return _told(endpoint, sorted(rows, key=lambda row: (row["error"] is None, row[POSITION])))
        return None

    def _endpoints(self) -> list[str]:
        with self._state:
            waiting = {endpoint for stream in self._streams.values() for endpoint in stream.frames()}
            known = self._known | _tables_of(self._streams.values())
        return sorted(waiting | {endpoint for table in known if (endpoint := endpoint_of(table))})

    def _select(self, endpoints: Sequence[str], wanted: pl.Expr, *, columns: Sequence[str] | None = None) -> list[pl.DataFrame]:
        """The wanted rows that there are, each from where it is: never from both."""
        with self._state:
            streams = list(self._streams.values())
            frames = [frame for stream in streams for name in endpoints for frame in stream.frames(name)[name]]
            reached = {stream.name: dict(stream.reached) for stream in streams}
            known = self._known | _tables_of(streams)
        chosen = pl.all() if columns is None else pl.col(columns)
        found = [frame.filter(wanted).select(chosen) for frame in frames]
        for table in sorted(known):
            if endpoint_of(table) in endpoints:
                kept = self._shown(self._tables.read(table), {name: places.get(table) for name, places in reached.items()})
                found.append(from_table(kept.filter(wanted).select(chosen).collect()))
        return [frame for frame in found if frame.height]

    def _shown(self, rows: pl.LazyFrame, reached: Mapping[str, int | None]) -> pl.LazyFrame:
        """The table's rows but those of shipments that are under way or were cut off: these are still read from memory."""
        if STREAM not in rows.collect_schema():
            return rows.filter(pl.col(POSITION) <= self._before).with_columns(pl.lit(FIRST).alias(STREAM))
        for name, position in reached.items():
            if position is not None:
                rows = rows.filter((pl.col(STREAM) != name) | (pl.col(POSITION) <= position))
        return rows


_ANSWERS = pl.col("route") != SHADOW


def _tables_of(streams: Iterable[LogStream]) -> set[str]:
    """The tables that hold rows of these."""
    return {table for stream in streams for table, position in stream.reached.items() if position}


def _told(endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The last of `rows` with its columns in groups, the others as its failures."""
    answer = rows[-1]

    def group(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): value for name, value in answer.items() if name.startswith(prefix)}

    base = {name: answer.get(name) for name in BASE if name not in {STREAM, POSITION}}
    parts = {"request": group(REQUEST), "features": group(FEATURE), "value_times": group(VALUE_TIME), "answers": group(ANSWER)}
    failures = [{"version": row["version"], "error": row["error"]} for row in rows[:-1]]
    return {**base, "endpoint": endpoint, **parts, "failures": failures}
