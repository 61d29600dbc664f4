"""The table of pipelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_pipelines"
down_revision = "0002_data"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "steps",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("step", sa.String(128), nullable=False, index=True),
        sa.Column("outputs", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("steps")
