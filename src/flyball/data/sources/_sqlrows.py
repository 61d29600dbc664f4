"""Databases through SQLAlchemy, and SQLite where ADBC will not do: rows as Python values, a few thousand at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote

import polars as pl

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.data.sourceerrors import (
    DatabaseDeniedError,
    DatabaseDriverError,
    DatabaseLostError,
    DatabasePlaceError,
    DatabaseQueryError,
)
from flyball.data.sources.asking import Asked
from flyball.data.sources.cells import check_names
from flyball.data.sources.pycells import frame_of
from flyball.data.sources.secrecy import told

with extra("store"):
    import sqlalchemy
    import sqlalchemy.exc

_ROWS, _STEPS = 1 << 13, 100_000
_MISSING = ("no such table", "doesn't exist", "does not exist", "unable to open database")


def holds_table(path: str, name: str) -> bool:
    """Whether the SQLite file has a table of that name: no view, which may take as long as any query."""
    asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    try:
        with closing(_open(path)) as connection:
            return connection.execute(asked, [name]).fetchone() is not None
    except sqlite3.Error:  # whoever reads it says why
        return False


def read_sqlite(asked: Asked) -> Iterator[pl.DataFrame]:
    """The answer of the SQLite file at the path `asked.url`, which is opened to be read only; stopped where it takes too long.

    Raises:
        FlyballError: it cannot be read.
    """
    try:
        with closing(_open(asked.url)) as connection:
            connection.set_progress_handler(lambda: int(asked.is_late), _STEPS)
            cursor = connection.execute(asked.text)
            names = [column[0] for column in cursor.description]
            check_names(names, asked.place)
            while rows := cursor.fetchmany(_ROWS):
                yield frame_of(names, rows, place=asked.place)
    except sqlite3.Error as error:
        raise _translated(asked, error) from None


def read_sqlalchemy(asked: Asked) -> Iterator[pl.DataFrame]:
    """The answer of any database that SQLAlchemy has a dialect and a driver for. What it may do there is up to the account.

    Raises:
        FlyballError: it cannot be read; the sentence holds nothing of the URL.
    """
    engine = _engine(asked)
    try:
        with _connect(engine, asked) as connection:
            for setting in _settings(engine.dialect.name, asked):
                connection.exec_driver_sql(setting)
            streamed = connection.execution_options(stream_results=True, max_row_buffer=_ROWS, no_parameters=True)
            with closing(streamed.exec_driver_sql(asked.text)) as result:
                names = list(result.keys())
                check_names(names, asked.place)
                for rows in result.partitions(_ROWS):
                    asked.check_time()
                    yield frame_of(names, rows, place=asked.place)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _translated(asked, getattr(error, "orig", None) or error) from None
    finally:
        engine.dispose()


def quoting(asked: Asked) -> Any:
    """How the database quotes a name."""
    return _engine(asked).dialect.identifier_preparer.quote_identifier


def _open(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)


def _engine(asked: Asked) -> sqlalchemy.Engine:
    kind = asked.url.partition("://")[0]
    try:
        return sqlalchemy.create_engine(asked.url, poolclass=sqlalchemy.NullPool)
    except ModuleNotFoundError as error:
        raise DatabaseDriverError(asked.place, kind, module=error.name) from None
    except sqlalchemy.exc.NoSuchModuleError:
        raise DatabaseDriverError(asked.place, kind, module=None) from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise DatabaseDeniedError(asked.place, told(error, asked.url)) from None


def _connect(engine: sqlalchemy.Engine, asked: Asked) -> sqlalchemy.Connection:
    try:
        return engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise DatabaseDeniedError(asked.place, told(getattr(error, "orig", None) or error, asked.url)) from None


def _settings(dialect: str, asked: Asked) -> Sequence[str]:
    if dialect != "postgresql":
        return ()
    limit = f"{asked.timeout.total_seconds() * 1000:.0f}"
    return ("SET TRANSACTION READ ONLY", "SET LOCAL TIME ZONE 'UTC'", f"SET LOCAL statement_timeout = {limit}")


def _translated(asked: Asked, error: BaseException) -> FlyballError:
    """Our error for the driver's, whose text must not be chained to it: it may hold the URL."""
    text, state = str(error), getattr(error, "sqlstate", None) or ""
    why = told(error, asked.url)
    if isinstance(error, FlyballError):
        return error
    if asked.is_late or state == "57014" or text == "interrupted":
        return asked.slow()
    if state == "42501" or "permission denied" in text:
        return DatabaseDeniedError(asked.place, why)
    if state in {"42P01", "3F000"} or (not state and any(sign in text for sign in _MISSING)):
        return DatabasePlaceError(asked.place, why)
    if state.startswith(("08", "57P")) or "server closed" in text:
        return DatabaseLostError(asked.place, why)
    return DatabaseQueryError(asked.place, why)
