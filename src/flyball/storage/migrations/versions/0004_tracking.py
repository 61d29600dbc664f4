"""The tables of tracking."""

from __future__ import annotations

revision = "0004_tracking"
down_revision = "0003_pipelines"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
