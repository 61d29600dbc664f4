"""SQLite under a `Database`: a file of the home.

Write-ahead log, so that readers never wait; BEGIN IMMEDIATE, so that a transaction never fails half-way because another wrote. SQLite has
one writer at a time, over all processes, so every transaction that writes has its turn.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage._filelock import FileLock
from flyball.storage.errors import (
    BusyError,
    DatabaseCorruptError,
    DiskFullError,
    ReadOnlyError,
    StorageFailedError,
    os_errors,
)

with extra("store"):
    from sqlalchemy import URL, Connection, Engine, create_engine, event
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

BUSY_SECONDS = 60.0


class SqliteEngine:
    """A `SqlEngine` on the file `place`."""

    name: Literal["sqlite"] = "sqlite"
    errors: tuple[type[Exception], ...] = (SQLAlchemyError, sqlite3.Error)

    def __init__(self, path: Path) -> None:
        self.place = path
        self._engine = _engine(path)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """The directory is there and the file keeps a write-ahead log."""
        with os_errors(self.place):
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a home is its owner's alone
            # Two processes that switch a fresh file to WAL at once would fail: SQLite does not wait there.
            with FileLock(self.place.with_name(self.place.name + ".opening")):
                self._use_wal()
                yield

    def _use_wal(self) -> None:
        with self._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            if raw is not None and raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode=WAL").fetchone()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._engine.connect() as fresh:
            connection = fresh.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    writing_freely = writing

    @contextmanager
    def driving(self) -> Iterator[Any]:
        with self._engine.connect() as connection:
            yield connection.connection.driver_connection

    def take_turn(self, connection: Connection) -> None:
        """It has one."""

    def own(self, holder: str) -> None:
        """A file's home has a lock of its own: `HomeLock`."""

    def disown(self) -> None:
        """Nothing is owned."""

    def settle_schema(self, connection: Connection) -> None:
        """Nothing is left to do."""

    def translate(self, error: Exception) -> FlyballError | None:
        return _translate(error.orig if isinstance(error, DBAPIError) else error, self.place)

    def close(self) -> None:
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _connect(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # the driver must not begin transactions of its own; ours begin below
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _translate(error: BaseException | None, path: Path) -> FlyballError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    reason = str(error)
    match code & 0xFF:  # the primary code; extended ones stand in the higher bits
        case sqlite3.SQLITE_FULL:
            return DiskFullError(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return ReadOnlyError(path)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR:
            return StorageFailedError(path, reason)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BusyError(path, BUSY_SECONDS)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseCorruptError(path, reason)
    return None
