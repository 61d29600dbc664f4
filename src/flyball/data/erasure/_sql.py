"""The tables of erasures, and of the keyed digests of keys that were erased."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import Boolean, Column, Integer, String, Table, Text

erasures = Table(
    "erasures",
    metadata,
    Column("job", String(96), primary_key=True),
    Column("dataset", String(64), nullable=False, index=True),
    Column("keys", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("begun", UtcTime, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("found", Json, nullable=True),
    Column("certificate", String(64), nullable=True),
)

erased_keys = Table(
    "erased_keys",
    metadata,
    Column("dataset", String(64), primary_key=True),
    Column("mark", String(64), primary_key=True),
    Column("job", String(96), nullable=False),
)
