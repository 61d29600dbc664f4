"""What happens to readers when the store is damaged, deleted, replaced, or its writer is killed; and what a reader must not load."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.errors import OnlineStoreError
from flyball.features.online import Revision, TableWrite

START = Revision()
NEVER_LOADED = {"sqlalchemy", "alembic", "deltalake", "sklearn", "scipy", "lightgbm", "optuna", "cloudpickle", "pyarrow", "fastapi"}
WRITER = """
import sys
from pathlib import Path
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.online import TableWrite

store = SqliteOnlineStore.write(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    write = TableWrite({f"{entity}".encode(): b"%d" % number for entity in range(300)}, closed=number)
    store.set({"sky": write, "pace": write})
    if number == 3:
        print("going", flush=True)
"""


def test_vectors_load_no_database_and_no_table_library() -> None:
    code = "import flyball.features.vectors, flyball.features._sqlite, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert {name.partition(".")[0] for name in loaded} & NEVER_LOADED == set()
    assert not {name for name in loaded if name.startswith(("flyball.storage", "flyball.lineage"))}
    assert "flyball.features.materialise" not in loaded


def test_a_killed_writer_leaves_whole_writes(tmp_path: Path) -> None:
    path = tmp_path / "online.db"
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"going\n"
            reader = SqliteOnlineStore.read(path)
            seen = reader.version()
            while reader.version() == seen:
                pass
            os.kill(writer.pid, signal.SIGKILL)
        _check_whole(reader)
        reader.close()
        fresh = SqliteOnlineStore.read(path)
        _check_whole(fresh)
        fresh.close()


def _check_whole(reader: SqliteOnlineStore) -> None:
    tables = reader.changes_after(START, ["sky", "pace"]).tables
    assert {len(table.values) for table in tables.values()} == {300}
    values = {value for table in tables.values() for value in table.values.values()}
    assert values == {b"%d" % (table.closed or 0) for table in tables.values()}
    assert len(values) == 1


def test_a_reader_waits_for_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    reader = SqliteOnlineStore.read(tmp_path / "deep" / "online.db")
    with pytest.raises(OnlineStoreError, match="computed anew"):
        reader.version()
    writer = SqliteOnlineStore.write(tmp_path / "deep" / "online.db")
    writer.set({"sky": TableWrite({b"a": b"1"})})
    assert reader.changes_after(START, ["sky"]).tables["sky"].values == {b"a": b"1"}
    writer.close()
    reader.close()


def test_a_reader_of_a_store_whose_writer_has_ended_needs_no_log(tmp_path: Path) -> None:
    writer = SqliteOnlineStore.write(tmp_path / "online.db")
    writer.set({"sky": TableWrite({b"a": b"1"})})
    writer.close()
    reader = SqliteOnlineStore.read(tmp_path / "online.db")
    assert reader.changes_after(START, ["sky"]).tables["sky"].values == {b"a": b"1"}
    reader.close()


def test_a_deleted_store_is_read_on_and_its_successor_found(tmp_path: Path) -> None:
    path = tmp_path / "online.db"
    writer, reader = SqliteOnlineStore.write(path), SqliteOnlineStore.read(path)
    first = writer.set({"sky": TableWrite({b"a": b"1"})})
    before = reader.version()
    path.unlink()
    assert reader.version() == before
    assert reader.changes_after(START, ["sky"]).revision == first
    second = writer.set({"sky": TableWrite({b"b": b"2"})})
    assert second.store != first.store
    assert reader.version() != before
    found = reader.changes_after(first, ["sky"])
    assert (found.revision, found.tables["sky"].values, found.tables["sky"].fresh) == (second, {b"b": b"2"}, True)
    third = writer.set({"sky": TableWrite({b"c": b"3"})})
    assert reader.changes_after(second, ["sky"]).tables["sky"].values == {b"c": b"3"}
    assert third.store == second.store
    reader.close()
    writer.close()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def _torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\x5a" * 8192
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"no database" * 100), _foreign, _torn])
def test_what_cannot_be_used_is_made_anew(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "online.db"
    writer = SqliteOnlineStore.write(path)
    writer.set({"sky": TableWrite({f"{number}".encode(): b"x" * 100 for number in range(500)})})
    writer.close()
    assert callable(damage)
    damage(path)
    again = SqliteOnlineStore.write(path)
    assert again.list() == []
    again.set({"sky": TableWrite({b"a": b"1"})})
    again.close()


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OnlineStoreError, match="online"):
        SqliteOnlineStore.write(tmp_path / "file" / "online.db")
    (tmp_path / "online.db").mkdir()
    with pytest.raises(OnlineStoreError):
        SqliteOnlineStore.write(tmp_path / "online.db")


def test_a_file_that_is_no_store_is_an_error_for_a_reader(tmp_path: Path) -> None:
    (tmp_path / "online.db").write_bytes(b"no database" * 100)
    reader = SqliteOnlineStore.read(tmp_path / "online.db")
    with pytest.raises(OnlineStoreError):
        reader.changes_after(START, ["sky"])
    reader.close()
