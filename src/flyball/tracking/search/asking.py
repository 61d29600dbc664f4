"""Statements on the driver's own connection, for a path where a hundred microseconds count; any of them ends when nobody waits.

SQLite asks `stop` between its steps; on PostgreSQL a thread asks it and cancels what runs.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flyball.core.optional import extra
from flyball.tracking.search.errors import SearchStoppedError
from flyball.tracking.search.sql import POSTGRESQL, SQLITE, Dialect, Sql

with extra("store"):
    from sqlalchemy import Connection

_STEPS = 20_000  # of SQLite's machine, about a millisecond
_LOOK_SECONDS = 0.05


class Asking:
    """The statements of one search, inside its caller's transaction; for one thread."""

    def __init__(self, connection: Connection, stop: Callable[[], bool] | None = None) -> None:
        self.dialect: Dialect = SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL
        self._raw: Any = connection.connection.dbapi_connection
        self._stop = stop

    def rows(self, sql: Sql) -> list[tuple[Any, ...]]:
        """All rows.

        Raises:
            SearchStoppedError: `stop` said so.
        """
        if self._stop is not None and self._stop():
            raise SearchStoppedError
        if self.dialect is SQLITE:
            found: list[tuple[Any, ...]] = self._raw.execute(sql.text, sql.values).fetchall()
            return found
        with self._raw.cursor() as cursor:
            values = [list(value) if isinstance(value, tuple) else value for value in sql.values]
            cursor.execute(sql.text.replace("%", "%%").replace("?", "%s"), values)
            return list(cursor.fetchall())

    def value(self, sql: Sql) -> Any:
        """The first column of the only row."""
        return self.rows(sql)[0][0]


@contextmanager
def asking(connection: Connection, stop: Callable[[], bool] | None = None) -> Iterator[Asking]:
    """Statements on `connection` that end when `stop` says so, at the latest some milliseconds later.

    Raises:
        SearchStoppedError: it did.
    """
    own = Asking(connection, stop)
    if stop is None:
        yield own
        return
    with (_interrupting if own.dialect is SQLITE else _cancelling)(connection.connection.dbapi_connection, stop):
        yield own


@contextmanager
def _interrupting(raw: Any, stop: Callable[[], bool]) -> Iterator[None]:
    raw.set_progress_handler(lambda: int(stop()), _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise SearchStoppedError from error
        raise
    finally:
        raw.set_progress_handler(None, 0)


@contextmanager
def _cancelling(raw: Any, stop: Callable[[], bool]) -> Iterator[None]:
    over, stopped = threading.Event(), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            if stop():
                stopped.set()
                raw.cancel()
                return

    looking = threading.Thread(target=look, name="search-stop", daemon=True)
    looking.start()
    try:
        yield
    except Exception as error:
        if stopped.is_set():
            raise SearchStoppedError from error
        raise
    finally:
        over.set()
        looking.join()
