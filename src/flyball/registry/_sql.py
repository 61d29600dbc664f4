"""The registry's tables.

A version belongs to its model by number, so that a model that is renamed keeps its history in one row. `registered_names` remembers the
highest number that was ever given under a name, also when model or version are gone: a prediction names its version for ever.
"""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import BigSerial, Json, UtcTime, metadata

with extra("store"):
    from sqlalchemy import (
        BigInteger,
        Boolean,
        Column,
        ForeignKey,
        ForeignKeyConstraint,
        Integer,
        String,
        Table,
        Text,
        UniqueConstraint,
    )

models = Table(
    "registered_models",
    metadata,
    Column("id", BigSerial, primary_key=True, autoincrement=True),
    Column("name", String(256), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False, index=True),
    Column("managed_by", String(256), nullable=True),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,  # signatures name the model by it
)

names = Table(
    "registered_names",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("last_number", Integer, nullable=False),
    Column("model", BigInteger, nullable=False),  # whose it was last
)

model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("model", BigInteger, ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True, index=True),
    Column("value", Text, nullable=False),
)

model_aliases = Table(
    "registered_aliases",
    metadata,
    Column("model", BigInteger, ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
    Column("alias", String(256), primary_key=True),
    Column("number", Integer, nullable=False),
)

versions = Table(
    "registered_versions",
    metadata,
    Column("model", BigInteger, ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("run", String(64), nullable=False, index=True),  # empty: not known, as in the next columns
    Column("state", String(16), nullable=False),
    Column("data_versions", Json, nullable=False),
    Column("training_digest", String(64), nullable=False),
    Column("feature_fingerprint", String(64), nullable=False),
    Column("code_version", String(256), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("cause", String(64), nullable=True),
    Column("source", Text, nullable=False),
    Column("logged_model", String(64), nullable=True),
    Column("run_link", Text, nullable=False),
    Column("principal", String(256), nullable=False),
    Column("may_run_code", Boolean, nullable=False),
    Column("datasets", Json, nullable=False),
    Column("description", Text, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("updated_ms", BigInteger, nullable=False, index=True),
    Column("statement", Text, nullable=True),
    Column("signature", String(128), nullable=True),
    Column("signing_key", String(64), nullable=True),
)

version_tags = Table(
    "registered_version_tags",
    metadata,
    Column("model", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True, index=True),
    Column("value", Text, nullable=False),
    ForeignKeyConstraint(["model", "number"], ["registered_versions.model", "registered_versions.number"]),
)

version_files = Table(
    "registered_files",
    metadata,
    Column("model", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("digest", String(64), nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=True),
    Column("uploader", String(256), nullable=False),
    Column("may_run_code", Boolean, nullable=False),
    ForeignKeyConstraint(["model", "number"], ["registered_versions.model", "registered_versions.number"]),
)

evidence = Table(
    "registered_evidence",
    metadata,
    Column("model", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("evidence", Json, nullable=False),
    Column("statement", Text, nullable=True),
    Column("signature", String(128), nullable=True),
    Column("signing_key", String(64), nullable=True),
    ForeignKeyConstraint(["model", "number"], ["registered_versions.model", "registered_versions.number"]),
)

# Retired by 0010_registry, which copied their rows: nothing reads or writes them. They stay, so that an older backup can be read.

Table(
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

Table(
    "version_evidence",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("evidence", Json, nullable=False),
    ForeignKeyConstraint(["model", "number"], ["model_versions.model", "model_versions.number"]),
)
