"""What a dataset version came from, where its source goes on, what identifies its rows, and what its checks and sketches found."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014_datasets"
down_revision = "0013_postgres"
branch_labels = None
depends_on = None

_ADDED: dict[str, sa.types.TypeEngine[Any]] = {
    "source": sa.Text(), "position": sa.Text(), "key": sa.Text(), "sketches": sa.String(64), "results": sa.String(64),
    "corrections": sa.BigInteger(),
}  # fmt: skip


def upgrade() -> None:
    """Make room; versions that stand there say none of it."""
    for name, kind in _ADDED.items():
        op.add_column("dataset_versions", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Take the columns back."""
    for name in _ADDED:
        op.drop_column("dataset_versions", name)
