"""The home's SQL database: one schema, transactions that nest, and the same meaning on SQLite and on PostgreSQL.

This module knows neither what is stored nor how an engine does it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from flyball.core.optional import extra
from flyball.storage._sqliteengine import SqliteEngine
from flyball.storage.schema_version import migrate
from flyball.storage.sqlengine import SqlEngine

with extra("store"):
    from sqlalchemy import Connection


@dataclass
class _Writing:
    """The transaction that a thread has open."""

    connection: Connection
    has_turn: bool


class _Open(threading.local):
    """What this thread has open."""

    write: _Writing | None = None
    read: Connection | None = None


class Database:
    """A transaction is seen whole by all or by none; the schema is this version's from `open` on.

    Thread-safe; any number of processes may open the same database. Committed work survives the death of any process. A power cut may take
    the last commits of SQLite, in order and never in part (ADR 0010); of PostgreSQL it takes none.
    """

    def __init__(self, engine: SqlEngine) -> None:
        self._engine = engine
        self._writer = threading.RLock()
        self._open = _Open()

    @classmethod
    def open(cls, path: Path) -> Self:
        """SQLite's database at `path`, made when there is none, brought to this version's schema when it is behind.

        Raises:
            NewerHomeError: its schema is of a newer version; nothing was changed.
            UnavailableError: the place cannot be written or is full.
            DatabaseCorruptError: the file is no database.
        """
        return cls.opened(SqliteEngine(path.absolute()))

    @classmethod
    def opened(cls, engine: SqlEngine) -> Self:
        """The database of `engine`, brought to this version's schema; the engine is closed when that fails."""
        database = cls(engine)
        try:
            with database._translated(), engine.opening():
                migrate(database, engine.place)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def engine_name(self) -> Literal["sqlite", "postgresql"]:
        """Which engine this is, for hot paths that speak its own words."""
        return self._engine.name

    @property
    def place(self) -> Path | str:
        """Where it is, as a message may say it."""
        return self._engine.place

    @property
    def is_writing(self) -> bool:
        """Whether this thread has a transaction open: what it writes now becomes a part of that."""
        return self._open.write is not None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that has its turn; inside another of this thread, a part of it that is taken back alone when it raises.

        Those that have a turn come one after the other, over all processes: what one of them reads stays as it is until it has ended, as
        far as others with a turn would change it; and positions that it gives grow in the order of commits.

        Raises:
            UnavailableError: the disk is full or read-only, the server is gone, or others took too long. Nothing was written.
        """
        outer = self._open.write
        if outer is not None:
            self._have_turn(outer)
            with outer.connection.begin_nested():
                yield outer.connection
            return
        with self._translated(), self._writer, self._engine.writing() as connection, self._remembered(connection, has_turn=True):
            yield connection

    @contextmanager
    def write_freely(self) -> Iterator[Connection]:
        """A transaction that waits for no turn, for hot paths whose rows nobody else changes or whose statements keep their own laws.

        Inside another of this thread it is a part of that. A `write` inside it waits for its turn while this one's rows are locked, which
        can be a deadlock that ends in `BusyError`: what needs a turn begins with `write`.

        Raises:
            UnavailableError: as `write`.
        """
        outer = self._open.write
        if outer is not None:
            with outer.connection.begin_nested():
                yield outer.connection
            return
        with self._translated(), self._engine.writing_freely() as connection, self._remembered(connection, has_turn=False):
            yield connection

    def _have_turn(self, writing: _Writing) -> None:
        if not writing.has_turn:
            self._engine.take_turn(writing.connection)
            writing.has_turn = True

    @contextmanager
    def _remembered(self, connection: Connection, *, has_turn: bool) -> Iterator[None]:
        self._open.write = _Writing(connection, has_turn)
        try:
            yield
        finally:
            self._open.write = None

    @contextmanager
    def drive(self) -> Iterator[Any]:
        """The driver's own connection, for the hottest paths: each statement is a transaction without a turn. It joins no other block.

        Raises:
            UnavailableError: as `write`; where the connection broke, the statement may have been kept.
        """
        with self._translated(), self._engine.driving() as raw:
            yield raw

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database; inside a transaction of this thread, what that has written so far.

        A `write` inside a `read` is a transaction of its own, which the view that is open around it does not see.
        """
        current = self._open.write.connection if self._open.write is not None else self._open.read
        if current is not None:
            yield current
            return
        with self._translated(), self._engine.reading() as connection:
            self._open.read = connection
            try:
                yield connection
            finally:
                self._open.read = None

    def own(self, holder: str) -> None:
        """From here until `disown` or `close` this process is the one owner, over all machines, of the loop that lies here.

        Others are told the `holder`, a command. On SQLite that is for `HomeLock` to say, and nothing is done here. On a server it is free
        when the owner's connection ends; where that breaks and another takes over, every `write` of this process raises.

        Raises:
            HeldError: another process is; it is named.
            LeaseLostError: by `write`, when another has taken over.
        """
        with self._translated(), self._writer:
            self._engine.own(holder)

    def disown(self) -> None:
        """Be its owner no longer; idempotent."""
        self._engine.disown()

    def settle_schema(self, connection: Connection) -> None:
        """What the migrations that ran on `connection` leave to the engine."""
        self._engine.settle_schema(connection)

    def close(self) -> None:
        """Let go of all files and connections; idempotent. To be called when no block is open."""
        self._engine.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The engine's errors of the outside world become ours; errors of our own statements stay what they are."""
        try:
            yield
        except self._engine.errors as error:
            ours = self._engine.translate(error)
            if ours is None:
                raise
            raise ours from error


def open_database(url: str) -> Database:
    """The database of a `postgresql://` URL, or of a `sqlite:///` path, brought to this version's schema when it is behind.

    Raises:
        DatabaseUrlError: the text is no such URL.
        NewerHomeError: its schema is of a newer version; nothing was changed.
        UnavailableError: nobody answers there, or we may not come in.
    """
    from flyball.storage.databaseurl import parse

    found = parse(url)
    if isinstance(found, Path):
        return Database.open(found)
    from flyball.storage._postgresengine import PostgresEngine

    return Database.opened(PostgresEngine(found))
