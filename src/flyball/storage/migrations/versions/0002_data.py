"""The tables of data."""

from __future__ import annotations

revision = "0002_data"
down_revision = "0001_storage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
