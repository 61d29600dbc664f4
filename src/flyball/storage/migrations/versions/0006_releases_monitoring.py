"""The tables of releases and monitoring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_releases_monitoring"
down_revision = "0005_registry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "deployments",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("endpoint", sa.String(128), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
    )
    op.create_table(
        "rollouts",
        sa.Column("environment", sa.String(64), primary_key=True),
        sa.Column("endpoint", sa.String(128), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rollout", sa.Text, nullable=False),
    )
    op.create_table(
        "monitoring_windows",
        sa.Column("model", sa.String(128), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Take them back."""
    for table in ("monitoring_windows", "rollouts", "deployments"):
        op.drop_table(table)
