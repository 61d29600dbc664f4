"""One metadata for all rooms' tables, and the column types that mean the same on every SQL database.

A room defines its tables in its own `_sql.py` on `metadata`, and its DDL in its own file under `storage/migrations/versions`;
a test holds the two equal. This module knows no table but storage's own.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from flyball.core.canonical import canonical
from flyball.core.clock import utc
from flyball.core.duration import EPOCH, MICROSECOND, microseconds
from flyball.core.optional import extra

with extra("store"):
    from sqlalchemy import BigInteger, Column, Dialect, Integer, MetaData, String, Table, Text, UniqueConstraint
    from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BINARY = "flyball_binary"
"""The execution option of statements that give bytes in bulk: a server need not write them out as text. Their other columns are numbers."""

BigSerial = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only in a column whose type is INTEGER


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept exactly as microseconds since 1970 UTC, so that order in SQL is order in time."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else microseconds(utc(value))

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else EPOCH + value * MICROSECOND


class Json(TypeDecorator[Any]):
    """A value kept as its canonical JSON text, so that equal values are equal bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        del dialect
        return None if value is None else json.loads(value)


events = Table(
    "events",
    metadata,
    Column("position", BigSerial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("type", String(128), nullable=False, index=True),
    Column("subject", String(512), nullable=False, index=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("actor", String(256), nullable=False),
    Column("cause", String(64), nullable=True, index=True),
    Column("data", Json, nullable=False),
    UniqueConstraint("id"),
    sqlite_autoincrement=True,  # a position is never given twice, not even after the last event was erased
)

timers = Table(
    "timers",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("cause", String(64), nullable=False),
)

timer_fires = Table(
    "timer_fires",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("at", UtcTime, primary_key=True),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("holder", String(512), nullable=True),
    Column("token", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("position", BigSerial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("key", String(512), nullable=False),
    Column("kind", String(128), nullable=False),
    Column("lane", String(256), nullable=False),
    Column("payload", Json, nullable=False),
    Column("cause", String(64), nullable=True),
    Column("state", String(16), nullable=False, index=True),
    Column("busy_lane", String(256), nullable=True),  # the lane while it is leased or running: so a lane has one such job
    Column("attempt", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("worker", String(256), nullable=True),
    Column("error", Text, nullable=True),
    Column("result", Json, nullable=True),
    UniqueConstraint("id"),
    UniqueConstraint("key"),
    UniqueConstraint("busy_lane"),
    sqlite_autoincrement=True,
)

positions = Table(
    "positions",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
