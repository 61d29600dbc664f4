"""The table of the step cache."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, metadata

with extra("store"):
    from sqlalchemy import Column, String, Table

steps = Table(
    "steps",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("step", String(128), nullable=False, index=True),
    Column("outputs", Json, nullable=False),
    Column("summary", Json, nullable=False),
)
