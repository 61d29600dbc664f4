"""Hot writes on SQLite: callers that wait for its one writer share a transaction, so that eight clients cost hardly more than one."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Generic, TypeVar, cast

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking.hot import Cursor

with extra("store"):
    from sqlalchemy import Connection

T = TypeVar("T")

AT_ONCE = 100
_ROW = re.compile(r" VALUES (?P<row>\([?, ]+\))")


@dataclass(slots=True, eq=False)
class _Asked(Generic[T]):
    """One caller's act and what came of it."""

    act: Callable[[Cursor], T]
    done: bool = False
    answer: T | None = None
    error: BaseException | None = None

    def run(self, cursor: Cursor) -> None:
        self.answer = self.error = None
        try:
            self.answer = self.act(cursor)
        except FlyballError as error:  # by its contract it has written nothing: the others' writes stand
            self.error = error

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.answer)


class GroupedWrites:
    """`HotWrites` for SQLite: whoever gets the turn writes for all that wait, and each of them returns after the one commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._asking = threading.Lock()
        self._asked: list[_Asked[Any]] = []

    def run(self, act: Callable[[Cursor], T]) -> T:
        if self._database.is_writing:
            with self._database.write() as connection, closing(_cursor(connection)) as cursor:
                return act(cursor)
        mine = _Asked(act)
        with self._asking:
            self._asked.append(mine)
        with self._turn:
            if not mine.done:
                with self._asking:
                    group, self._asked = self._asked, []
                self._write(group)
        return mine.result()

    def _write(self, group: list[_Asked[Any]]) -> None:
        try:
            self._commit(group)
        except BaseException as error:
            if isinstance(error, Exception) and len(group) > 1:
                for asked in group:  # one of them did what it must not, or the disk is full: each finds out for itself
                    self._write([asked])
            else:
                for asked in group:
                    asked.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for asked in group:
                asked.done = True

    def _commit(self, group: list[_Asked[Any]]) -> None:
        with self._database.write() as connection, closing(_cursor(connection)) as cursor:
            for asked in group:
                asked.run(cursor)


class _Cursor:
    """A driver's cursor that puts a hundred rows by one statement: a third less than a hundred times."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.execute, self.fetchone, self.fetchall, self.close = cursor.execute, cursor.fetchone, cursor.fetchall, cursor.close

    def executemany(self, statement: str, values: Sequence[Sequence[Any]], /) -> object:
        whole = len(values) - len(values) % AT_ONCE
        for start in range(0, whole, AT_ONCE):
            self._cursor.execute(_many(statement), [*chain.from_iterable(values[start : start + AT_ONCE])])
        return self._cursor.executemany(statement, values[whole:])


@lru_cache
def _many(statement: str) -> str:
    """The statement for `AT_ONCE` rows."""
    found = _ROW.search(statement)
    if found is None:
        raise ValueError(f"not an INSERT of values: {statement}")
    return f"{statement[: found.start('row')]}{', '.join([found['row']] * AT_ONCE)}{statement[found.end('row') :]}"


def _cursor(connection: Connection) -> _Cursor:
    raw: sqlite3.Connection | None = connection.connection.driver_connection
    assert raw is not None
    return _Cursor(raw.cursor())
