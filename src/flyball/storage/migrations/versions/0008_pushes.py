"""The tables of pushed rows: how far each dataset's journal is applied, and how idempotency keys were answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_pushes"
down_revision = "0007_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "row_positions",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "row_pushes",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False, index=True),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Text, nullable=False),
        sa.Column("unexpected", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Take them back."""
    for table in ("row_pushes", "row_positions"):
        op.drop_table(table)
