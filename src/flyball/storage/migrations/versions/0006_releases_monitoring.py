"""The tables of releases and monitoring."""

from __future__ import annotations

revision = "0006_releases_monitoring"
down_revision = "0005_registry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
