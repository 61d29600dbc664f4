"""The tables of artifacts. They name runs and logged models by id, and are purged with them."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import metadata

with extra("store"):
    from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, String, Table

# Order is that of bytes on every database: listings skip from directory to directory by it.
Path = String(1024).with_variant(String(1024, collation="C"), "postgresql")

artifact_files = Table(
    "artifact_files",
    metadata,
    Column("kind", String(8), primary_key=True),  # RootKind: run, model
    Column("owner", String(64), primary_key=True),
    Column("path", Path, primary_key=True),
    Column("digest", String(64), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("uploader", String(256), nullable=False),
    Column("may_run_code", SmallInteger, nullable=False),
    Column("uploaded_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

artifact_uploads = Table(
    "artifact_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("experiment", String(20), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("path", Path, nullable=False),
    Column("uploader", String(256), nullable=False),
    Column("may_run_code", SmallInteger, nullable=False),
    Column("secret_digest", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Index(None, "kind", "owner"),
)

artifact_parts = Table(
    "artifact_parts",
    metadata,
    Column("upload", String(64), ForeignKey("artifact_uploads.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
)
