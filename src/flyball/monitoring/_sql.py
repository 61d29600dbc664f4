"""The monitoring store's table."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import Column, String, Table

windows = Table(
    "monitoring_windows",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("start", UtcTime, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("content", Json, nullable=False),
)
