"""The table of lineage: one row per edge."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import metadata

with extra("store"):
    from sqlalchemy import Column, String, Table

lineage_edges = Table(
    "lineage_edges",
    metadata,
    Column("child", String(512), primary_key=True),
    Column("parent", String(512), primary_key=True, index=True),
    Column("kind", String(64), primary_key=True),
)
