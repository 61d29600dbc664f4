"""What predictions of other systems are remembered by, so that one that is sent again counts once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_posted_predictions"
down_revision = "0019_rewards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "posted_predictions",
        sa.Column("mark", sa.String(32), primary_key=True),
        sa.Column("taken", sa.BigInteger, nullable=False, index=True),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("posted_predictions")
