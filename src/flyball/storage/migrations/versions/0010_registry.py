"""Registered models in MLflow's meaning, with the versions and evidence that were in the tables of 0005, which are retired."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010_registry"
down_revision = "0009_tracking"
branch_labels = None
depends_on = None

_VERSION = ["registered_versions.model", "registered_versions.number"]
_BIG_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and copy what there was."""
    _make_models()
    _make_versions()
    _copy_versions()
    _copy_deployments()


def _make_models() -> None:
    op.create_table(
        "registered_models",
        sa.Column("id", _BIG_SERIAL, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("managed_by", sa.String(256), nullable=True),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "registered_names",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.Column("model", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(250), primary_key=True, index=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "registered_aliases",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
        sa.Column("alias", sa.String(256), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )


def _make_versions() -> None:
    op.create_table(
        "registered_versions",
        sa.Column("model", sa.BigInteger, sa.ForeignKey("registered_models.id"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, kind, nullable=False) for name, kind in _MADE[:1]),
        sa.Column("run", sa.String(64), nullable=False, index=True),
        *(sa.Column(name, kind, nullable=False) for name, kind in _MADE[1:]),
        sa.Column("cause", sa.String(64), nullable=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("logged_model", sa.String(64), nullable=True),
        sa.Column("run_link", sa.Text, nullable=False),
        sa.Column("principal", sa.String(256), nullable=False),
        sa.Column("may_run_code", sa.Boolean, nullable=False),
        sa.Column("datasets", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False, index=True),
        *_seal(),
    )
    op.create_table(
        "registered_version_tags",
        *_of_version(),
        sa.Column("key", sa.String(250), primary_key=True, index=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], _VERSION),
    )
    op.create_table(
        "registered_files",
        *_of_version(),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=True),
        sa.Column("uploader", sa.String(256), nullable=False),
        sa.Column("may_run_code", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], _VERSION),
    )
    op.create_table(
        "registered_evidence",
        *_of_version(),
        sa.Column("evidence", sa.Text, nullable=False),
        *_seal(),
        sa.ForeignKeyConstraint(["model", "number"], _VERSION),
    )


_MADE: list[tuple[str, Any]] = [
    ("digest", sa.String(64)),
    ("state", sa.String(16)),
    ("data_versions", sa.Text),
    ("training_digest", sa.String(64)),
    ("feature_fingerprint", sa.String(64)),
    ("code_version", sa.String(256)),
    ("environment", sa.String(64)),
    ("created", sa.BigInteger),
]


def _of_version() -> list[sa.Column[Any]]:
    return [
        sa.Column("model", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    ]


def _seal() -> list[sa.Column[Any]]:
    return [
        sa.Column("statement", sa.Text, nullable=True),
        sa.Column("signature", sa.String(128), nullable=True),
        sa.Column("signing_key", sa.String(64), nullable=True),
    ]


def _copy_versions() -> None:
    for statement in (
        """INSERT INTO registered_models (name, description, created_ms, updated_ms)
           SELECT model, '', MIN(created) / 1000, MAX(created) / 1000 FROM model_versions GROUP BY model ORDER BY model""",
        """INSERT INTO registered_names (name, last_number, model)
           SELECT v.model, MAX(v.number), MAX(m.id) FROM model_versions v JOIN registered_models m ON m.name = v.model GROUP BY v.model""",
        """INSERT INTO registered_versions (model, number, digest, run, state, data_versions, training_digest, feature_fingerprint,
             code_version, environment, created, cause, source, logged_model, run_link, principal, may_run_code, datasets,
             description, stage, updated_ms, statement, signature, signing_key)
           SELECT m.id, v.number, v.digest, v.run, v.state, v.data_versions, v.training_digest, v.feature_fingerprint,
             v.code_version, v.environment, v.created, v.cause, 'runs:/' || v.run || '/model', NULL, '', 'system', TRUE, '[]',
             '', 'None', v.created / 1000, NULL, NULL, NULL
           FROM model_versions v JOIN registered_models m ON m.name = v.model""",
        """INSERT INTO registered_files (model, number, ordinal, path, digest, size_bytes, uploader, may_run_code)
           SELECT model, number, 0, 'model.bin', digest, NULL, principal, TRUE FROM registered_versions""",
        """INSERT INTO registered_evidence (model, number, evidence)
           SELECT m.id, e.number, e.evidence FROM version_evidence e JOIN registered_models m ON m.name = e.model""",
    ):
        op.execute(sa.text(statement))


def _copy_deployments() -> None:
    """Models that are released are managed by their releases from now on, and their aliases say what is deployed."""
    connection = op.get_bind()
    for environment, endpoint, text in connection.execute(sa.text("SELECT environment, endpoint, deployment FROM deployments")).all():
        deployment = json.loads(text)
        found = sa.text("SELECT id FROM registered_models WHERE name = :name")
        model = connection.execute(found, {"name": deployment["model"]}).scalar_one_or_none()
        if model is None:
            continue
        managed = sa.text("UPDATE registered_models SET managed_by = :by WHERE id = :id")
        connection.execute(managed, {"by": f"{environment}/{endpoint}", "id": model})
        for alias, number in (("champion", deployment["champion"]), ("challenger", deployment["canary"])):
            if number is not None:
                given = sa.text("INSERT INTO registered_aliases (model, alias, number) VALUES (:model, :alias, :number)")
                connection.execute(given, {"model": model, "alias": alias, "number": number})


def downgrade() -> None:
    """Take the tables back; those of 0005 stand as they were left."""
    for table in (
        "registered_evidence",
        "registered_files",
        "registered_version_tags",
        "registered_versions",
        "registered_aliases",
        "registered_model_tags",
        "registered_names",
        "registered_models",
    ):
        op.drop_table(table)
