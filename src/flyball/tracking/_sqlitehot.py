"""Hot writes on SQLite: callers that wait for its one writer share a transaction, so that eight clients cost hardly more than one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking.hot import Cursor

with extra("store"):
    from sqlalchemy import Connection

T = TypeVar("T")


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


def _cursor(connection: Connection) -> Any:
    raw = connection.connection.driver_connection
    assert raw is not None
    return raw.cursor()
