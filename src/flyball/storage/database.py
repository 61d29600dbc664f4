"""The home's SQL database: one engine, one schema, write transactions that nest.

This module does not know what is stored. SQLite's ways stand here and in the backends alone: write-ahead log, so that readers
never wait; BEGIN IMMEDIATE, so that a transaction never fails half-way because another wrote; one writer at a time in
this process, the others of other processes by SQLite's own lock.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

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
from flyball.storage.schema_version import migrate

with extra("store"):
    from sqlalchemy import URL, Connection, Engine, create_engine, event
    from sqlalchemy.exc import DBAPIError

BUSY_SECONDS = 60.0


class _Open(threading.local):
    """The connections that this thread has open, innermost last."""

    write: Connection | None = None
    read: Connection | None = None


class Database:
    """A transaction is seen whole by all or by none; the schema is this version's from `open` on.

    Thread-safe; any number of processes may open the same path. Committed work survives the death of any process; a power
    cut may take the last commits, in order and never in part (ADR 0010).
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._writer = threading.RLock()
        self._open = _Open()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database at `path`, made when there is none, brought to this version's schema when it is behind.

        Raises:
            NewerHomeError: its schema is of a newer version; nothing was changed.
            UnavailableError: the place cannot be written or is full.
            DatabaseCorruptError: the file is no database.
        """
        path = path.absolute()
        database = cls(path, _engine(path))
        try:
            with os_errors(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a home is its owner's alone
                # Two processes that switch a fresh file to WAL at once would fail: SQLite does not wait there.
                with FileLock(path.with_name(path.name + ".opening")):
                    database._use_wal()
                    migrate(database, path)
        except BaseException:
            database.close()
            raise
        return database

    def _use_wal(self) -> None:
        with _translated(self.path), self._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            if raw is not None and raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode=WAL").fetchone()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; inside another of this thread, a part of it that is taken back alone when it raises.

        Raises:
            UnavailableError: the disk is full or read-only, or others held the lock for too long. Nothing was written.
        """
        outer = self._open.write
        if outer is not None:
            with outer.begin_nested():
                yield outer
            return
        with _translated(self.path), self._writer, self._engine.connect() as fresh:
            connection = fresh.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                self._open.write = connection
                try:
                    yield connection
                finally:
                    self._open.write = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database; inside a transaction of this thread, what that has written so far.

        A `write` inside a `read` is a transaction of its own, which the view that is open around it does not see.
        """
        current = self._open.write or self._open.read
        if current is not None:
            yield current
            return
        with _translated(self.path), self._engine.connect() as connection, connection.begin():
            self._open.read = connection
            try:
                yield connection
            finally:
                self._open.read = None

    def close(self) -> None:
        """Let go of all files; idempotent. To be called when no block is open."""
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


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors of the outside world become ours; errors of our own statements stay what they are."""
    try:
        yield
    except DBAPIError as error:
        ours = _translate(error.orig, path)
        if ours is None:
            raise
        raise ours from error
    except sqlite3.Error as error:
        ours = _translate(error, path)
        if ours is None:
            raise
        raise ours from error


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
