"""Storage's tables of durable jobs and of readers' positions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_jobs"
down_revision = "0006_releases_monitoring"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(128), nullable=False),
        sa.Column("lane", sa.String(256), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("cause", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("busy_lane", sa.String(256), nullable=True),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.String(256), nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("result", sa.Text, nullable=True),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("busy_lane"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "positions",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Take them back."""
    for table in ("positions", "jobs"):
        op.drop_table(table)
