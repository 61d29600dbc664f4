"""The table of decisions on quarantined rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_quarantine"
down_revision = "0014_datasets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quarantine_decisions",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("row", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cells", sa.Text, nullable=True),
        sa.Column("batch", sa.String(64), nullable=True, index=True),
        sa.Column("readmitted", sa.Integer, nullable=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("quarantine_decisions")
