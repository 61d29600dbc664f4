"""The event log, timers and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_storage"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("type", sa.String(128), nullable=False, index=True),
        sa.Column("subject", sa.String(512), nullable=False, index=True),
        sa.Column("time", sa.BigInteger, nullable=False, index=True),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("cause", sa.String(64), nullable=True, index=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "timers",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
        sa.Column("cause", sa.String(64), nullable=False),
    )
    op.create_table(
        "timer_fires",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("holder", sa.String(512), nullable=True),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("leases", "timer_fires", "timers", "events"):
        op.drop_table(table)
