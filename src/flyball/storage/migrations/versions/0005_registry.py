"""The tables of registry."""

from __future__ import annotations

revision = "0005_registry"
down_revision = "0004_tracking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
