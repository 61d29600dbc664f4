"""Disk full and read-only: a typed error that says where and how much is free, and everything as before."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from flyball.core.errors import UnavailableError
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.storage.errors import DiskFullError, ReadOnlyError, StorageFailedError, from_os

_FILL = """
import os, sys
from pathlib import Path
import polars as pl
import sqlalchemy as sa
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.storage.errors import DiskFullError

def fill(write):
    for number in range(1000):
        try:
            write(number)
        except DiskFullError as error:
            assert "Disk full at" in str(error) and "free space" in str(error) and error.free_bytes is not None, error
            return number
    raise AssertionError("the disk never filled")

home = Path(sys.argv[1])
database, blobs, tables = Database.open(home / "home.db"), LocalBlobs(home / "blobs"), DeltaTables(home / "tables")
def insert(number):
    with database.write() as connection:
        for part in range(3):
            connection.execute(sa.text("INSERT INTO timers VALUES (:name, 1, :cause)"), {"name": f"{number}-{part}", "cause": "x" * 30_000})

(home / "ballast").write_bytes(bytes(1_500_000))
appended = fill(lambda n: tables.append("t", pl.DataFrame({"number": [n], "noise": [os.urandom(200_000)]}), job=str(n)))
assert sorted(tables.read("t").collect()["number"]) == list(range(appended)), "table"
assert tables.find_commit("t", str(appended)) is None
put = fill(lambda n: blobs.put(bytes([n]) + os.urandom(50_000)))
assert len([blobs.get(digest) for digest in blobs.list()]) == put and not list((home / "blobs/aside").iterdir()), "blobs"
inserted = fill(insert)
with database.read() as connection:
    assert connection.execute(sa.text("SELECT count(*) FROM timers")).scalar_one() == 3 * inserted, "rows"
(home / "ballast").unlink()
insert(inserted)
assert tables.append("t", pl.DataFrame({"number": [1], "noise": [b""]}), job="small") == appended
database.close()
print("whole", appended, put, inserted)
"""


def _can_mount(place: Path) -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_every_store_survives_a_disk_that_is_really_full(tmp_path: Path) -> None:
    if not _can_mount(tmp_path):
        pytest.skip("a small disk needs a mount namespace, which this machine does not grant; the injected faults below still run")
    script = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", str(tmp_path), sys.executable, _FILL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout[:5]) == (0, "whole"), done.stderr


def test_a_database_that_may_not_grow_is_as_before(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "home.db")
    with database.write() as connection:
        connection.execute(sa.text("INSERT INTO timers VALUES ('before', 1, 'x')"))
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def too_much() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            for number in range(100):
                connection.execute(sa.text("INSERT INTO timers VALUES (:name, 1, :cause)"), {"name": str(number), "cause": "x" * 10_000})

    with pytest.raises(DiskFullError, match=r"Disk full at .*home\.db \(free space [\d,]+ bytes\)"):
        too_much()
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT name FROM timers")).scalars().all() == ["before"]
    database.close()


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EROFS, ReadOnlyError)])
def test_a_blob_that_cannot_be_synced_was_never_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[UnavailableError]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number), descriptor)

    blobs = LocalBlobs(tmp_path)
    kept = blobs.put(b"kept")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)  # the operating system's answer, not ours
        with pytest.raises(kind, match=str(tmp_path)):
            blobs.put(b"lost")
    assert list(blobs.list()) == [kept]
    assert list((tmp_path / "aside").iterdir()) == []


def test_a_place_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="file"):
        LocalBlobs(tmp_path / "file").put(b"x")
    with pytest.raises(UnavailableError, match="file"):
        DeltaTables(tmp_path / "file").append("t", pl.DataFrame({"a": [1]}), job="j")
    with pytest.raises(UnavailableError, match="file"):
        Database.open(tmp_path / "file" / "home.db")


def test_a_read_only_database_is_said(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "home.db")

    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.execute(sa.text("INSERT INTO timers VALUES ('a', 1, 'x')"))

    with pytest.raises(ReadOnlyError, match="read-only"):
        write()
    database.close()


def test_each_answer_of_the_system_has_its_error(tmp_path: Path) -> None:
    assert type(from_os(OSError(errno.EACCES, "no"), tmp_path)) is ReadOnlyError
    assert type(from_os(OSError(errno.EIO, "I/O error"), tmp_path)) is StorageFailedError
    assert "I/O error" in str(from_os(OSError(errno.EIO, "I/O error"), tmp_path))
