"""The rewards that answers earned, from which bandits learn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_rewards"
down_revision = "0018_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rewards",
        sa.Column("endpoint", sa.String(128), primary_key=True),
        sa.Column("prediction", sa.String(80), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("reward", sa.Float, nullable=False),
        sa.Column("answered", sa.BigInteger, nullable=False),
    )
    op.create_index("rewards_answered", "rewards", ["endpoint", "answered"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("rewards")
