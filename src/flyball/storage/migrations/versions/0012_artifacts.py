"""The tables of artifacts: files of runs and logged models, and uploads in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_artifacts"
down_revision = "0011_governance"
branch_labels = None
depends_on = None

PATH = sa.String(1024).with_variant(sa.String(1024, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "artifact_files",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("path", PATH, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, index=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("uploader", sa.String(256), nullable=False),
        sa.Column("may_run_code", sa.SmallInteger, nullable=False),
        sa.Column("uploaded_ms", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "artifact_uploads",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("experiment", sa.String(20), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("uploader", sa.String(256), nullable=False),
        sa.Column("may_run_code", sa.SmallInteger, nullable=False),
        sa.Column("secret_digest", sa.String(64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    )
    op.create_index("ix_artifact_uploads_kind_owner", "artifact_uploads", ["kind", "owner"])
    op.create_table(
        "artifact_parts",
        sa.Column("upload", sa.String(64), sa.ForeignKey("artifact_uploads.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Take them back."""
    for table in ("artifact_parts", "artifact_uploads", "artifact_files"):
        op.drop_table(table)
