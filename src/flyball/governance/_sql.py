"""The table of tokens."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import UtcTime, metadata

with extra("store"):
    from sqlalchemy import Boolean, Column, String, Table, UniqueConstraint

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("live_name", String(64), nullable=True),  # the name while nobody else may have it; so no race makes two of a name
    Column("role", String(16), nullable=False),
    Column("project", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("revoked", UtcTime, nullable=True),
    Column("used", UtcTime, nullable=True),
    Column("may_run_code", Boolean(create_constraint=False), nullable=False),
    UniqueConstraint("project", "live_name"),
    UniqueConstraint("digest"),
)
