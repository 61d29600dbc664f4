"""The tables of registry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_registry"
down_revision = "0004_tracking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "model_versions",
        sa.Column("model", sa.String(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("data_versions", sa.Text, nullable=False),
        sa.Column("training_digest", sa.String(64), nullable=False),
        sa.Column("feature_fingerprint", sa.String(64), nullable=False),
        sa.Column("code_version", sa.String(256), nullable=False),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.String(64), nullable=True),
        sa.UniqueConstraint("model", "digest", "run"),
    )
    op.create_table(
        "version_evidence",
        sa.Column("model", sa.String(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], ["model_versions.model", "model_versions.number"]),
    )


def downgrade() -> None:
    """Take them back."""
    op.drop_table("version_evidence")
    op.drop_table("model_versions")
