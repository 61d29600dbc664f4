"""The tables of runs."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import BigSerial, Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import BigInteger, Column, Float, ForeignKey, String, Table, Text

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("experiment", String(256), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("status", String(16), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("artifacts", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("ended", UtcTime, nullable=True),
    Column("summary", Json, nullable=False),
    Column("reason", Text, nullable=True),
    Column("cause", String(64), nullable=True),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("position", BigSerial, primary_key=True, autoincrement=True),
    Column("run", String(64), ForeignKey("runs.id"), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("value", Float, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time", UtcTime, nullable=False),
)
