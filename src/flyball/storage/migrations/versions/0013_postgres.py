"""How PostgreSQL keeps what is packed already: as it is. To compress it once more costs time at each write and read, and saves little."""

from __future__ import annotations

from alembic import op

revision = "0013_postgres"
down_revision = "0012_artifacts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Packed points are stored beside their row, and not compressed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE metric_chunks ALTER COLUMN packed SET STORAGE EXTERNAL")


def downgrade() -> None:
    """As the server would."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE metric_chunks ALTER COLUMN packed SET STORAGE EXTENDED")
