"""The table of what posted predictions are remembered by."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import metadata

with extra("store"):
    from sqlalchemy import BigInteger, Column, String, Table

posted_predictions = Table(
    "posted_predictions",
    metadata,
    Column("mark", String(32), primary_key=True),
    Column("taken", BigInteger, nullable=False, index=True),
)
