"""The online store in one SQLite file: write-ahead log, so that readers never wait for the writer, and nothing but the standard library.

A reader notices writes by ``PRAGMA data_version``, which costs about a microsecond, and a file that was replaced by its inode. It opens
the file for reading only: a connection that may write removes the log by its name when it closes, even that of a replaced file's heir.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Literal

from flyball.features.errors import OnlineStoreError
from flyball.features.online import Changes, Revision, TableChanges, TableWrite

_FORMAT = 1
_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE store (identity TEXT NOT NULL, number INTEGER NOT NULL);
INSERT INTO store VALUES (lower(hex(randomblob(16))), 0);
CREATE TABLE tables (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, made INTEGER NOT NULL, closed INTEGER);
CREATE TABLE packed (
    table_id INTEGER NOT NULL, entity BLOB NOT NULL, value BLOB, number INTEGER NOT NULL, PRIMARY KEY (table_id, entity)
) WITHOUT ROWID;
CREATE INDEX packed_number ON packed (table_id, number);
PRAGMA user_version = 1;
COMMIT;
"""
_SET = "INSERT INTO packed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, number = excluded.number"
_CREATE = "INSERT INTO tables (name, made) VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id"
_CHANGED = "SELECT entity, value FROM packed WHERE table_id = ? AND number > ?"
_UNUSABLE = frozenset((sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT))


class SqliteOnlineStore:
    """An `OnlineStore` in a file. Make it with `write` or `read`."""

    def __init__(self, path: Path, *, mode: Literal["rwc", "ro"]) -> None:
        self._path, self._mode = path, mode
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode, self._opened, self._writes = (0, 0), 0, 0

    @classmethod
    def write(cls, path: Path) -> SqliteOnlineStore:
        """The store for its one writer; made where it is missing, and made anew where the file is damaged or of another format.

        Raises:
            OnlineStoreError: the place cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not _usable(path):
                # What it held can be computed anew, and will be; a file that SQLite cannot use would stop that for ever.
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
        except (sqlite3.Error, OSError) as error:
            raise OnlineStoreError(str(path), str(error)) from error
        store = cls(path, mode="rwc")
        with store._translated(), store._lock:
            store._open()
        return store

    @classmethod
    def read(cls, path: Path) -> SqliteOnlineStore:
        """The store for a reader in any process; one that is not there yet cannot be read until it is."""
        return cls(path, mode="ro")

    def set(self, tables: Mapping[str, TableWrite]) -> Revision:
        with self._transaction("IMMEDIATE") as connection:
            connection.execute("UPDATE store SET number = number + 1")
            identity, number = connection.execute("SELECT identity, number FROM store").fetchone()
            for name, write in tables.items():
                table = connection.execute(_CREATE, (name, number)).fetchall()[0][0]
                connection.executemany(_SET, [(table, entity, value, number) for entity, value in write.values.items()])
                if write.closed is not None:
                    connection.execute("UPDATE tables SET closed = ? WHERE id = ?", (write.closed, table))
        self._writes += 1
        return Revision(identity, number)

    def changes_after(self, revision: Revision, tables: Collection[str]) -> Changes:
        with self._transaction("DEFERRED") as connection:
            identity, number = connection.execute("SELECT identity, number FROM store").fetchone()
            after = revision.number if revision.store == identity else -1
            found = {}
            for table, name, made, closed in connection.execute("SELECT id, name, made, closed FROM tables").fetchall():
                if name in tables:
                    fresh = made > after
                    values = dict(connection.execute(_CHANGED, (table, -1 if fresh else after)).fetchall())
                    found[name] = TableChanges(values, closed, fresh)
            return Changes(Revision(identity, number), found)

    def revision(self) -> Revision:
        with self._transaction("DEFERRED") as connection:
            return Revision(*connection.execute("SELECT identity, number FROM store").fetchone())

    def version(self) -> Hashable:
        try:  # without a context manager: every request waits for this
            with self._lock:
                connection = self._current()
                return self._opened, self._writes, connection.execute("PRAGMA data_version").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            raise OnlineStoreError(str(self._path), str(error)) from error

    def keep(self, tables: Collection[str]) -> None:
        with self._transaction("IMMEDIATE") as connection:
            for table, name in connection.execute("SELECT id, name FROM tables").fetchall():
                if name not in tables:
                    connection.execute("DELETE FROM packed WHERE table_id = ?", (table,))
                    connection.execute("DELETE FROM tables WHERE id = ?", (table,))
        self._writes += 1

    def close(self) -> None:
        with self._lock:
            self._close()

    def list(self) -> list[str]:
        with self._transaction("DEFERRED") as connection:
            return [name for (name,) in connection.execute("SELECT name FROM tables ORDER BY name")]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise OnlineStoreError(str(self._path), str(error)) from error

    @contextmanager
    def _transaction(self, kind: Literal["IMMEDIATE", "DEFERRED"]) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._lock:
            connection = self._current()
            connection.execute(f"BEGIN {kind}")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that stands at the path now; where it is gone, a reader keeps what it has, the writer begins anew."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - half as long as by the path's own method
        except FileNotFoundError:
            return self._open() if self._connection is None or self._mode == "rwc" else self._connection
        if self._connection is None or (found.st_dev, found.st_ino) != self._inode:
            return self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._close()
        place = f"{self._path.absolute().as_uri()}?mode={self._mode}"
        connection = sqlite3.connect(place, uri=True, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            if self._mode == "rwc":
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    connection.executescript(_TABLES)
            found = self._path.stat()
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode, self._opened = connection, (found.st_dev, found.st_ino), self._opened + 1
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _usable(path: Path) -> bool:
    """Whether the file is a whole SQLite file, new or of our format; one that another process holds is for `_open` to judge."""
    connection = sqlite3.connect(path, timeout=5)
    try:
        whole = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        return whole and connection.execute("PRAGMA user_version").fetchone()[0] in (0, _FORMAT)
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode & 0xFF not in _UNUSABLE
    finally:
        connection.close()
