"""Databases of each engine for tests: fresh, migrated, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from flyball.storage.database import Database, open_database
from tests.postgres import PostgresServer


class Databases(Protocol):
    """One engine's databases; who opens the same place twice has the same database."""

    @property
    def name(self) -> str: ...

    def url(self, place: Path) -> str: ...

    def open(self, place: Path) -> Database: ...


@dataclass(frozen=True)
class SqliteDatabases:
    """A file in the place."""

    name: str = "sqlite"

    def url(self, place: Path) -> str:
        return f"sqlite:///{place / 'home.db'}"

    def open(self, place: Path) -> Database:
        return Database.open(place / "home.db")


@dataclass
class PostgresDatabases:
    """A copy of a migrated template for each place."""

    server: PostgresServer
    template: str | None
    name: str = "postgresql"
    made: dict[Path, str] = field(default_factory=dict)

    def url(self, place: Path) -> str:
        if place not in self.made:
            self.made[place] = self.server.create(template=self.template)
        return self.server.url(self.made[place])

    def open(self, place: Path) -> Database:
        return open_database(self.url(place))

    def drop(self) -> None:
        """Remove them all."""
        for database in self.made.values():
            self.server.drop(database)


@contextmanager
def opened(databases: Databases, place: Path) -> Iterator[Database]:
    """The database of `place`, closed afterwards."""
    database = databases.open(place)
    try:
        yield database
    finally:
        database.close()


class OnEveryEngine:
    """A suite of a store that is written in SQL: each of its tests runs on each engine, and on SQLite where it is run by hand."""

    databases: Databases = SqliteDatabases()

    @pytest.fixture(autouse=True)
    def _on_every_engine(self, databases: Databases) -> None:
        self.databases = databases

    def opened(self, place: Path) -> AbstractContextManager[Database]:
        """The database of `place`."""
        return opened(self.databases, place)
