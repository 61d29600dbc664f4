"""Hot writes on PostgreSQL: each caller has a transaction of its own, whose statements travel together.

Statements are sent when an answer is asked for, the commit with the last of them; so what asks once goes to the server and back twice,
however many statements it has. Many rows are one statement: their columns travel as arrays. What is logged most, metrics and tags, is one
statement altogether, and one way there and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.storage.errors import BusyError
from flyball.storage.schema import metadata
from flyball.storage.servererrors import CommitUnknownError, ServerGoneError
from flyball.tracking.hot import Cursor
from flyball.tracking.logged import HEAD, Write
from flyball.tracking.packing import due, pack_when_due

with extra("store"):
    from sqlalchemy import Connection
    from sqlalchemy.dialects import postgresql

with extra("postgres"):
    import psycopg
    from psycopg.types.numeric import Int8Dumper

T = TypeVar("T")

ATTEMPTS = 5
_LOG = """
WITH run AS (
  UPDATE tracked_runs SET points = points + %(count)s, name = COALESCE(%(name)s, name) WHERE id = %(run)s AND lifecycle = 'active'
  RETURNING number, experiment, points
), stored AS (
  INSERT INTO metric_points (run, position, records) SELECT number, points, %(records)s FROM run WHERE %(count)s > 0
), latest AS (
  INSERT INTO latest_metrics (run, key, experiment, is_nan, value, step, time_ms)
  SELECT number, key, experiment, is_nan, value, step, time_ms FROM run,
    unnest(%(keys)s::bigint[], %(nans)s::smallint[], %(values)s::float8[], %(steps)s::bigint[], %(times)s::bigint[])
    AS new (key, is_nan, value, step, time_ms)
  ON CONFLICT (run, key) DO UPDATE SET is_nan = excluded.is_nan, value = excluded.value, step = excluded.step, time_ms = excluded.time_ms
  WHERE (excluded.step, excluded.time_ms, excluded.value) > (latest_metrics.step, latest_metrics.time_ms, latest_metrics.value)
), tagged AS (
  INSERT INTO run_tags (run, key, experiment, value, head)
  SELECT number, key, experiment, text, left(text, %(head)s::int) FROM run, unnest(%(tags)s::bigint[], %(texts)s::text[]) AS new (key, text)
  ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, head = excluded.head
)
SELECT number, points FROM run
"""
_HOLD = "SELECT number FROM tracked_runs WHERE number = ? FOR UPDATE"
_MANY = re.compile(r"INSERT INTO (?P<table>\w+) \((?P<columns>[\w, ]+)\) VALUES \([?, ]+\)(?P<rest>.*)", re.DOTALL)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class PostgresWrites:
    """`HotWrites` for PostgreSQL: callers wait for each other only where they write the same rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, act: Callable[[Cursor], T]) -> T:
        if self._database.is_writing:
            with self._database.write_freely() as connection, _raw(connection).cursor() as cursor:
                return act(_Cursor(cursor))
        if isinstance(act, Write) and not act.logged.params and not act.logged.of_models and self._log(act):
            return cast("T", None)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._run(act)
            except BusyError:  # a deadlock, most likely: one of two was taken back whole
                continue
        return self._run(act)

    def _log(self, act: Write) -> bool:
        """Whether it was logged by one statement; otherwise nothing was, and the long way says why."""
        logged = act.logged
        keys, nans, values, steps, times = zip(*logged.latest, strict=True) if logged.latest else ((), (), (), (), ())
        given = {
            "run": act.run, "count": logged.count, "records": logged.points, "name": logged.name or None, "head": HEAD,
            "keys": list(keys), "nans": list(nans), "values": list(values), "steps": list(steps), "times": list(times),
            "tags": list(logged.tags), "texts": list(logged.tags.values()),
        }  # fmt: skip
        try:
            with self._database.drive() as raw, raw.cursor() as cursor:
                cursor.adapters.register_dumper(int, Int8Dumper)
                found = cursor.execute(_LOG, given, prepare=True).fetchone()
        except (BusyError, ServerGoneError):  # to log it twice is to log it once
            return False
        if found is None:
            return False
        number, position = found
        if logged.count and due(added=logged.count, position=position):
            self._run(lambda cursor: _pack(cursor, number, added=logged.count, position=position))
        return True

    def _run(self, act: Callable[[Cursor], T]) -> T:
        with self._database.write_freely() as connection:
            raw = _raw(connection)
            committing = False
            try:
                with raw.pipeline(), raw.cursor() as cursor:
                    answer = act(_Cursor(cursor))
                    committing = True
                    raw.commit()
            except psycopg.OperationalError as error:
                if committing and error.sqlstate is None:
                    raise CommitUnknownError(str(self._database.place), str(error)) from error
                raise
            return answer


def _pack(cursor: Cursor, run: int, *, added: int, position: int) -> None:
    cursor.execute(_HOLD, (run,))  # who adds or packs waits for us
    pack_when_due(cursor, run, added=added, position=position)


def _raw(connection: Connection) -> psycopg.Connection[Any]:
    raw: psycopg.Connection[Any] | None = connection.connection.driver_connection
    assert raw is not None
    return raw


class _Cursor:
    """A driver's cursor for statements in the words that both engines know."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        cursor.adapters.register_dumper(int, Int8Dumper)  # one prepared statement for small numbers and large
        self.fetchone, self.fetchall = cursor.fetchone, cursor.fetchall

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> object:
        return self._cursor.execute(_one(statement), values, prepare=True)

    def executemany(self, statement: str, values: Sequence[Sequence[Any]], /) -> object:
        if not values:
            return None
        if len(values) == 1:
            return self.execute(statement, values[0])
        return self._cursor.execute(_many(statement), [list(column) for column in zip(*values, strict=True)], prepare=True)


@lru_cache
def _one(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")


@lru_cache
def _many(statement: str) -> str:
    """The statement for rows that come as one array per column."""
    found = _MANY.fullmatch(statement)
    if found is None:
        raise ValueError(f"not an INSERT of values: {statement}")
    table, columns = metadata.tables[found["table"]], found["columns"].split(", ")
    arrays = ", ".join(f"%s::{table.c[name].type.compile(_DIALECT)}[]" for name in columns)
    return f"INSERT INTO {found['table']} ({found['columns']}) SELECT * FROM unnest({arrays}){_one(found['rest'])}"  # noqa: S608  our own words
