"""The tables of loop."""

from __future__ import annotations

revision = "0007_loop"
down_revision = "0006_releases_monitoring"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
