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
from flyball.storage.database import Database
from flyball.storage.errors import NewerHomeError
from flyball.storage.schema import metadata


def _load_all_rooms_tables() -> None:
    for module in pkgutil.walk_packages(flyball.__path__, "flyball."):
        if re.search(r"\._\w*sql\w*$", module.name):
            importlib.import_module(module.name)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "home.db")
    yield database
    database.close()


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


def test_a_home_that_is_behind_is_brought_up_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    old = Database.open(path)
    with old.write() as connection:
        schema_version.downgrade(connection, "0001_storage")
        connection.execute(sa.text("INSERT INTO timers VALUES ('hold', 1, 'evt')"))
    old.close()
    new = Database.open(path)
    with new.read() as connection:
        assert schema_version.current_revision(connection) == schema_version.revisions()[-1]
        assert connection.execute(sa.text("SELECT name FROM timers")).scalars().all() == ["hold"]
    new.close()


_OPEN_AND_TELL = """
import sys
from pathlib import Path
from flyball.storage.database import Database
Database.open(Path(sys.argv[1])).close()
print("alembic" in sys.modules)
"""


def _open_in_process(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _OPEN_AND_TELL, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_open_a_fresh_home_at_once_all_succeed(tmp_path: Path) -> None:
    opening = [_open_in_process(tmp_path / "new" / "home.db") for _ in range(4)]
    for process in opening:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    database = Database.open(tmp_path / "new" / "home.db")
    with database.read() as connection:
        assert schema_version.current_revision(connection) == schema_version.revisions()[-1]
    database.close()


def test_a_current_home_opens_without_alembic(tmp_path: Path) -> None:
    Database.open(tmp_path / "home.db").close()
    process = _open_in_process(tmp_path / "home.db")
    assert process.communicate(timeout=60)[0].strip() == "False"
