"""The tables of erasures, and of the keyed digests of keys that were erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_erasure"
down_revision = "0016_streams"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "erasures",
        sa.Column("job", sa.String(96), primary_key=True),
        sa.Column("dataset", sa.String(64), nullable=False, index=True),
        sa.Column("keys", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("found", sa.Text, nullable=True),
        sa.Column("certificate", sa.String(64), nullable=True),
    )
    op.create_table(
        "erased_keys",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(96), nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("erased_keys")
    op.drop_table("erasures")
