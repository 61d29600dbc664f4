"""The table of decisions: one row per quarantined row that somebody decided on."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import Column, Integer, String, Table, Text

quarantine_decisions = Table(
    "quarantine_decisions",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("row", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("cells", Json, nullable=True),
    Column("batch", String(64), nullable=True, index=True),
    Column("readmitted", Integer, nullable=True),
    Column("why", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("at", UtcTime, nullable=False),
)
