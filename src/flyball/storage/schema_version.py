"""Which schema a database has, which this version needs, and the way from one to the other.

A migration's revision is its file's name, and the names sort in the order of the chain; so the head is known without Alembic,
which is imported only where there is something to migrate.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flyball.core.optional import extra
from flyball.storage.errors import NewerHomeError

with extra("store"):
    from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


class Connections(Protocol):
    """A database, as far as its schema's version is concerned."""

    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self) -> AbstractContextManager[Connection]: ...
    def settle_schema(self, connection: Connection) -> None: ...


def revisions() -> tuple[str, ...]:
    """All revisions of this version, first to last."""
    return tuple(sorted(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def current_revision(connection: Connection) -> str | None:
    """The revision that the database has; None for a fresh one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Connections, place: Path | str) -> None:
    """Bring the schema to the head in one transaction; nothing happens where it is there already.

    Of several processes that begin at once one migrates; the others find, when they have their turn, that nothing is left to do.

    Raises:
        NewerHomeError: the database has a revision that this version does not know.
    """
    known = revisions()
    with database.read() as connection:
        found = current_revision(connection)
    if found == known[-1]:
        return
    if found is not None and found not in known:
        raise NewerHomeError(place, found=found, known=known[-1])
    with database.write() as connection:
        upgrade(connection)
        database.settle_schema(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations up to `to` in the transaction that is open on `connection`."""
    from alembic import command

    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Run the migrations back to `to` ("base": nothing is left) in the transaction that is open on `connection`."""
    from alembic import command

    command.downgrade(_config(connection), to)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
