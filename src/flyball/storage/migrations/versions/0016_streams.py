"""The last messages of a stream that are among a dataset's rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_streams"
down_revision = "0015_quarantine"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "row_offsets",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("stream", sa.String(200), primary_key=True),
        sa.Column("offsets", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("row_offsets")
