"""One journal of predictions on its way into tables, each record once: whoever is killed, and wherever a commit was cut off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import polars as pl

from flyball.core.errors import InvalidError
from flyball.serving.answers import POSITION, check_aligned, table_of, typed
from flyball.serving.record import Answered, Lost, decode_entry
from flyball.serving.waiting import UNREADABLE, Waiting
from flyball.storage.errors import JournalCorruptError
from flyball.storage.journal import Entry, Journal
from flyball.storage.positions import Positions
from flyball.storage.tables import TableStore, checked_table

CAP_ROWS = 20_000
"""So many rows of a journal are kept in memory at most, beside those of one reading of it."""

SHIPPED_BEFORE = "predictions.shipped"
"""How far the one journal that there once was is in tables that know no streams."""
FIRST = "predictions"
"""The name of that journal, and of the first one still."""

_READ_ENTRIES = 64
_logger = logging.getLogger(__name__)

_WRONG = (InvalidError, msgspec.DecodeError, TypeError, OverflowError, ValueError, pl.exceptions.PolarsError)


def position_name(stream: str) -> str:
    """Under which name it is kept how far the stream is in tables."""
    return f"predictions/{stream}"


@dataclass(frozen=True)
class Ground:
    """What the streams of one log share: tables, positions, and the lock of what their readers see.

    `settle` makes a position and the losses that were read up to it one transaction.
    """

    tables: TableStore
    positions: Positions
    settle: Callable[[str, int, list[Lost]], None]
    state: threading.Lock = field(default_factory=threading.Lock)


class LogStream:
    """What `journal` holds, in memory until it is in tables.

    Each table says itself how far the stream is in it (`append_next`), so that a shipment that was cut off anywhere goes on: what a table
    has is not kept in memory again. Its rows beyond `reached` are in memory still. One thread drains or ships; `frames` and `reached` are
    read under `Ground.state`.
    """

    def __init__(self, name: str, journal: Journal, *, ground: Ground) -> None:
        self.name, self._journal, self._ground = name, journal, ground
        self._waiting = Waiting(name)
        self.reached: dict[str, int] = {}
        self._unsure = False
        self._doubtful = 0, 0  # how far a transaction that failed read, and how many of the first losses it tells
        before = ground.positions.get(SHIPPED_BEFORE) if name == FIRST else 0
        self._shipped = max(ground.positions.get(position_name(name)), before, journal.acknowledged)
        self._read = self._shipped

    @property
    def pending(self) -> int:
        """The rows that are in memory only; under the lock of the state."""
        return self._waiting.rows

    @property
    def urgent(self) -> bool:
        """Whether something was lost that nobody was told of yet."""
        return bool(self._waiting.losses)

    def frames(self, endpoint: str | None = None) -> dict[str, list[pl.DataFrame]]:
        """What is in memory, by endpoint; under the lock of the state."""
        return self._waiting.frames(endpoint)

    def drain(self) -> int:
        """All that was journalled before the call is in memory or in tables; how many rows are new.

        Raises:
            UnavailableError: more came than may be kept in memory, and it cannot be shipped.
        """
        new = 0
        while entries := self._next_entries():
            for entry in entries:
                new += self._take(entry)
                self._read = entry.position  # one by one: what fails at the next must not take this one again
            if self._waiting.rows >= CAP_ROWS:
                self.ship()
        return new

    def _next_entries(self) -> list[Entry]:
        while True:
            try:
                return self._journal.read_after(self._read, _READ_ENTRIES)
            except JournalCorruptError as error:
                _logger.warning("Answered predictions are lost. %s", error)
                lost = max(self._read + 1, error.resume) - self._read
                with self._ground.state:
                    self._waiting.losses.append(Lost(endpoint="", rows=lost, start=0, end=0, why=str(error)))
                self._read += lost

    def _take(self, entry: Entry) -> int:
        try:
            found = decode_entry(entry.payload)
            if isinstance(found, Answered):
                check_aligned(found)
                checked_table(table_of(found.endpoint, {}))
                return self._add(entry.position, typed(found))
            if found is not None:
                with self._ground.state:
                    self._waiting.losses.append(found)
        except _WRONG as error:
            if entry.position > self._reach(UNREADABLE):
                with self._ground.state:
                    self._waiting.set_aside(entry.position, entry.payload, reason=str(error))
        return 0

    def _add(self, position: int, record: Answered) -> int:
        with self._ground.state:
            batch = self._waiting.batch_of(record)
        reached = self._reach(batch.table)
        if position <= reached:
            return 0
        with self._ground.state:
            self._waiting.add(position, record, batch=batch)
        return len(record.ids)

    def _reach(self, table: str) -> int:
        """How far the stream is in the table; asked of the table once, for nobody else adds to it from this stream."""
        if table not in self.reached:
            found = self._ground.tables.position(table, self.name)
            with self._ground.state:
                self.reached[table] = found
        return self.reached[table]

    def ship(self) -> int:
        """What was read is in tables and acknowledged; how many rows were shipped.

        Raises:
            UnavailableError: the tables or the database cannot be written; nothing is lost, and it may be called again.
        """
        if self._read <= self._shipped:
            return 0
        self._journal.sync()  # no power cut takes what tables have, so that its positions are never given again
        with self._ground.state:
            tables = self._waiting.tables()
        if self._unsure:
            self._look_again(tables)
        rows = 0
        self._unsure = True
        for table in tables:
            rows += self._commit(table)
        self._unsure = False
        self._settle()
        self._shipped = self._read
        self._journal.acknowledge(self._shipped)
        return rows

    def _settle(self) -> None:
        """The position stands, and losses are told; a transaction that failed may be there all the same, and its losses are told by it."""
        name, (read, told) = position_name(self.name), self._doubtful
        known = told if told and self._ground.positions.get(name) >= read else 0
        with self._ground.state:
            losses, self._waiting.losses = self._waiting.losses[known:], []
        try:
            self._ground.settle(name, self._read, losses)
        except BaseException:
            self._doubtful = self._read, len(losses)
            self._waiting.losses = losses
            raise
        self._doubtful = 0, 0

    def _look_again(self, tables: list[str]) -> None:
        """A commit that failed may be there all the same."""
        for table in tables:
            there = self._ground.tables.position(table, self.name)
            with self._ground.state:
                self._waiting.forget(table, there)
                self.reached[table] = max(self.reached.get(table, 0), there)

    def _commit(self, table: str) -> int:
        self._reach(table)
        with self._ground.state:
            frame = self._waiting.rows_for(table)
        if table == UNREADABLE and frame.height:  # what spoils a frame is found again by whoever reads it again
            frame = frame.filter(pl.col(POSITION) > self.reached[table])
        if frame.height:
            self._ground.tables.append_next(table, frame, stream=self.name, position=self._read)
        with self._ground.state:
            self._waiting.forget(table, self._read)
            self.reached[table] = max(self.reached[table], self._read if frame.height else 0)
        return 0 if table == UNREADABLE else frame.height
