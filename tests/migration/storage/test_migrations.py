"""One chain brings every home to the schema that the code means, from nothing and from every step on the way."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import flyball
from flyball.storage import schema_version
from flyball.storage.database import Database, open_database
from flyball.storage.errors import NewerHomeError
from flyball.storage.schema import metadata
from tests.databases import Databases, PostgresDatabases, SqliteDatabases, opened


def _load_all_rooms_tables() -> None:
    for module in pkgutil.walk_packages(flyball.__path__, "flyball."):
        if re.search(r"\._\w*sql\w*$", module.name):
            importlib.import_module(module.name)


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with opened(databases, tmp_path) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases of each engine that nobody has opened yet."""
    if request.param == "sqlite":
        yield SqliteDatabases()
        return
    databases = PostgresDatabases(request.getfixturevalue("postgres"), template=None)
    yield databases
    databases.drop()


def _tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def test_the_migrated_schema_is_the_metadata(database: Database) -> None:
    _load_all_rooms_tables()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []
        assert _tables(connection) == set(metadata.tables)


def test_every_step_goes_down_and_up_again(database: Database) -> None:
    known = schema_version.revisions()
    with database.read() as connection:
        whole = _tables(connection)
    for lower in (*reversed(known[:-1]), "base"):
        with database.write() as connection:
            schema_version.downgrade(connection, lower)
            assert schema_version.current_revision(connection) == (None if lower == "base" else lower)
    with database.write() as connection:
        assert _tables(connection) == set()
        for revision in known:
            schema_version.upgrade(connection, revision)
        assert _tables(connection) == whole


def test_the_chain_is_linear_and_named_by_its_files() -> None:
    before = None
    for revision in schema_version.revisions():
        text = (schema_version.MIGRATIONS / "versions" / f"{revision}.py").read_text()
        assert f'revision = "{revision}"' in text
        assert f"down_revision = {before!r}".replace("'", '"') in text
        assert not re.search(r"^\s*(from|import) flyball", text, re.MULTILINE), "a migration must mean the same in ten years"
        before = revision


def test_a_home_from_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    Database.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999_future'")
    raw.close()
    content = path.read_bytes()
    with pytest.raises(NewerHomeError, match=r"9999_future.*newer version"):
        Database.open(path)
    assert path.read_bytes() == content


def test_a_home_that_is_behind_is_brought_up_with_its_rows(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path) as old, old.write() as connection:
        schema_version.downgrade(connection, "0001_storage")
        connection.execute(sa.text("INSERT INTO timers VALUES ('hold', 1, 'evt')"))
    with opened(databases, tmp_path) as new, new.read() as connection:
        assert schema_version.current_revision(connection) == schema_version.revisions()[-1]
        assert connection.execute(sa.text("SELECT name FROM timers")).scalars().all() == ["hold"]


def test_a_server_s_database_from_a_newer_version_is_refused_and_shows_no_password(
    postgres_databases: PostgresDatabases, tmp_path: Path
) -> None:
    with opened(postgres_databases, tmp_path) as database, database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999_future'"))
    url = postgres_databases.url(tmp_path).replace("flyball@", "flyball:very-secret@")
    with pytest.raises(NewerHomeError, match=r"9999_future.*newer version") as found:
        open_database(url)
    assert "very-secret" not in str(found.value)


def test_every_text_of_a_server_sorts_by_its_bytes(fresh: Databases, tmp_path: Path) -> None:
    with opened(fresh, tmp_path) as database:
        with database.write() as connection:
            names = [{"name": name, "at": 1} for name in ("b", "B", "a", "É", "Z", "~", "é", "_")]
            connection.execute(sa.text("INSERT INTO timer_fires VALUES (:name, :at)"), names)
        with database.read() as connection:
            found = connection.execute(sa.text("SELECT name FROM timer_fires ORDER BY name")).scalars().all()
            assert found == ["B", "Z", "_", "a", "b", "~", "É", "é"]
            assert connection.execute(sa.text("SELECT count(*) FROM timer_fires WHERE lower(name) = 'É'")).scalar_one() == 1


_OPEN_AND_TELL = """
import sys
from flyball.storage.database import open_database
open_database(sys.argv[1]).close()
print("alembic" in sys.modules)
"""


def _open_in_process(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _OPEN_AND_TELL, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_open_a_fresh_home_at_once_all_succeed(fresh: Databases, tmp_path: Path) -> None:
    url = fresh.url(tmp_path / "new")
    opening = [_open_in_process(url) for _ in range(4)]
    for process in opening:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    with opened(fresh, tmp_path / "new") as database, database.read() as connection:
        assert schema_version.current_revision(connection) == schema_version.revisions()[-1]


def test_a_current_home_opens_without_alembic(databases: Databases, tmp_path: Path) -> None:
    databases.open(tmp_path).close()
    process = _open_in_process(databases.url(tmp_path))
    assert process.communicate(timeout=60)[0].strip() == "False"
