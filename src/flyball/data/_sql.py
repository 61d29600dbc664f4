"""The tables of data: one row per dataset version, per journal of pushed rows, and per idempotency key."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

row_positions = Table(
    "row_positions",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

row_pushes = Table(
    "row_pushes",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("position", BigInteger, nullable=False, index=True),
    Column("accepted", Integer, nullable=False),
    Column("quarantined", Json, nullable=False),
    Column("unexpected", Json, nullable=False),
)

row_offsets = Table(
    "row_offsets",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("stream", String(200), primary_key=True),
    Column("offsets", Json, nullable=False),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("table", String(128), nullable=False),
    Column("table_version", BigInteger, nullable=True),
    Column("first_arrival", BigInteger, nullable=False),
    Column("last_arrival", BigInteger, nullable=False),
    Column("files", Json, nullable=False),
    Column("contract", String(64), nullable=False),
    Column("profile", String(64), nullable=True),
    Column("earliest_event_time", UtcTime, nullable=True),
    Column("latest_event_time", UtcTime, nullable=True),
    Column("ingested_at", UtcTime, nullable=False),
    Column("cause", String(64), nullable=True),
    Column("event", String(64), nullable=True),
    Column("source", Text, nullable=True),
    Column("position", Text, nullable=True),
    Column("key", Json, nullable=True),
    Column("sketches", String(64), nullable=True),
    Column("results", String(64), nullable=True),
    Column("corrections", BigInteger, nullable=True),
)
