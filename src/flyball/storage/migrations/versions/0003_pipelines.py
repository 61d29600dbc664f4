"""The tables of pipelines."""

from __future__ import annotations

revision = "0003_pipelines"
down_revision = "0002_data"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The room has no tables yet."""


def downgrade() -> None:
    """Nothing was made."""
