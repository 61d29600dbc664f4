"""The tables of data and lineage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_data"
down_revision = "0001_storage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("dataset", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("table", sa.String(128), nullable=False),
        sa.Column("table_version", sa.BigInteger, nullable=True),
        sa.Column("first_arrival", sa.BigInteger, nullable=False),
        sa.Column("last_arrival", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("contract", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(64), nullable=True),
        sa.Column("earliest_event_time", sa.BigInteger, nullable=True),
        sa.Column("latest_event_time", sa.BigInteger, nullable=True),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.String(64), nullable=True),
        sa.Column("event", sa.String(64), nullable=True),
    )
    op.create_table(
        "lineage_edges",
        sa.Column("child", sa.String(512), primary_key=True),
        sa.Column("parent", sa.String(512), primary_key=True, index=True),
        sa.Column("kind", sa.String(64), primary_key=True),
    )


def downgrade() -> None:
    for table in ("lineage_edges", "dataset_versions"):
        op.drop_table(table)
