"""The registry's tables."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import Column, ForeignKeyConstraint, Integer, String, Table, UniqueConstraint

versions = Table(
    "model_versions",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("run", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("data_versions", Json, nullable=False),
    Column("training_digest", String(64), nullable=False),
    Column("feature_fingerprint", String(64), nullable=False),
    Column("code_version", String(256), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("cause", String(64), nullable=True),
    UniqueConstraint("model", "digest", "run"),
)

evidence = Table(
    "version_evidence",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("evidence", Json, nullable=False),
    ForeignKeyConstraint(["model", "number"], ["model_versions.model", "model_versions.number"]),
)
