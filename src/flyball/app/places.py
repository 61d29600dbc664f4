"""Where a home keeps its database, blobs and tables, by three settings, remembered without their secrets.

A home that was made on a server's database would look empty without the setting, and something new would be begun in a file. So the
home remembers where its things are, and is not opened elsewhere by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from flyball.app.location import DATABASE, PLACES, TABLES_URL
from flyball.app.settings import write_json
from flyball.core.errors import ConflictError
from flyball.storage.blobs import BlobStore
from flyball.storage.database import Database, open_database
from flyball.storage.databaseurl import parse, shown
from flyball.storage.errors import os_errors
from flyball.storage.tables import TableStore

DATABASE_URL, BLOBS_URL = "FLYBALL_DATABASE_URL", "FLYBALL_BLOBS_URL"


class ElsewhereError(ConflictError):
    """The home's things lie somewhere else than where they are looked for."""

    code = "elsewhere"

    def __init__(self, home: Path, variable: str, *, kept: str | None, asked: str | None) -> None:
        there = f"at {kept}" if kept else "in its directory"
        here = f"names {asked}" if asked else "is not set"
        super().__init__(
            f"What the home {home} keeps lies {there}, but {variable} {here}. Set it to where that is; "
            f"or, where you have moved it, delete {home / PLACES} and run the command again."
        )


@dataclass(frozen=True, slots=True)
class Places:
    """The URLs of database, blobs and tables, None for the home's own directory."""

    database: str | None = None
    blobs: str | None = None
    tables: str | None = None

    @classmethod
    def of(cls, home: Path, environment: Mapping[str, str]) -> Places:
        """What the environment names, if it is where the home's things are.

        Raises:
            ElsewhereError: they are somewhere else.
            DatabaseUrlError: the variable holds no URL of a database.
        """
        asked = cls(*(environment.get(variable) or None for variable in (DATABASE_URL, BLOBS_URL, TABLES_URL)))
        told, kept = asked.told(), cls._kept(home)
        if kept is None:
            kept = Places() if (home / DATABASE).is_file() else told
        pairs = ((DATABASE_URL, kept.database, told.database), (BLOBS_URL, kept.blobs, told.blobs), (TABLES_URL, kept.tables, told.tables))
        for variable, there, here in pairs:
            if there != here:
                raise ElsewhereError(home, variable, kept=there, asked=here)
        return asked

    @staticmethod
    def _kept(home: Path) -> Places | None:
        path = home / PLACES
        with os_errors(path):
            if not path.exists():
                return None
            found = json.loads(path.read_text(encoding="utf-8"))
        return Places(found.get("database"), found.get("blobs"), found.get("tables"))

    def told(self) -> Places:
        """The same without passwords and options."""
        blobs, tables = (None if url is None else _bare(url) for url in (self.blobs, self.tables))
        return Places(None if self.database is None else _database_told(self.database), blobs, tables)

    def remember(self, home: Path) -> None:
        """Keep in the home where its things are, when they are not all there.

        Raises:
            UnavailableError: the home cannot be written.
        """
        if self != Places() and not (home / PLACES).exists():
            write_json(home / PLACES, asdict(self.told()))

    def open_database(self, home: Path) -> Database:
        """The home's database, made when there is none.

        Raises:
            UnavailableError: it cannot be reached or written.
            NewerHomeError: a newer Flyball made it.
        """
        return Database.open(home / DATABASE) if self.database is None else open_database(self.database)

    def open_blobs(self, home: Path) -> BlobStore:
        """The home's blobs, made when there are none.

        Raises:
            UnavailableError: they cannot be reached.
        """
        if self.blobs is None:
            from flyball.storage._localblobs import LocalBlobs

            return LocalBlobs(home / "blobs")
        from flyball.app.blobs import open_blobs

        return open_blobs(self.blobs, cache=home / "blobs")

    def open_tables(self, home: Path) -> TableStore:
        """The home's tables, made when they are needed.

        Raises:
            TablesUrlError: the setting names no place for tables.
        """
        from flyball.app.tables import open_tables
        from flyball.storage._delta import DeltaTables

        return DeltaTables(home / "tables") if self.tables is None else open_tables(self.tables)


def _database_told(url: str) -> str:
    found = parse(url)
    return str(found) if isinstance(found, Path) else shown(found)


def _bare(url: str) -> str:
    return url.partition("?")[0]
