"""Tables that are merged, vacuumed and erased from lose nothing, whoever is killed, full or at work meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import duckdb
import polars as pl
import pytest

from flyball.core.errors import UnavailableError
from flyball.storage._delta import DeltaTables
from flyball.storage.tableerrors import TableErasedError, TableForeignError
from tests.integration.storage.test_full_disk import _can_mount

_CARER = """
import sys
from datetime import timedelta
from pathlib import Path
import polars as pl
from flyball.storage._delta import DeltaTables
what, place = sys.argv[1], Path(sys.argv[2])
tables = DeltaTables(place, least_keep=timedelta(0))
print("begin", flush=True)
position = tables.position("t", "s")
while True:
    for _ in range(16):
        position += 1
        tables.append_next("t", pl.DataFrame({"number": [position], "who": [position % 7]}), stream="s", position=position)
        print(position, flush=True)
    if what in ("compact", "vacuum"):
        tables.compact("t", order="number")
    if what == "vacuum":
        tables.vacuum("t", keep=timedelta(0))
    if what == "rewrite":
        tables.rewrite("t", pl.col("number") == position, job=f"e{position}")
        print(-position, flush=True)
"""


@pytest.mark.parametrize("what", ["compact", "vacuum", "rewrite"])
def test_a_carer_killed_at_any_moment_leaves_every_row_that_was_told(what: str, tmp_path: Path) -> None:
    told: list[int] = []
    found: list[int] = []
    tables = DeltaTables(tmp_path, least_keep=timedelta(0))
    for round_number in range(8):
        command = [sys.executable, "-c", _CARER, what, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "begin\n"
            told += [int(child.stdout.readline()) for _ in range(12 + 7 * round_number)]
            os.kill(child.pid, signal.SIGKILL)
            told += map(int, child.stdout.read().split())
            child.wait()
        assert child.returncode == -signal.SIGKILL
        tables = DeltaTables(tmp_path, least_keep=timedelta(0))
        found = tables.read("t").collect()["number"].to_list()
        erased = {-number for number in told if number < 0}
        assert len(found) == len(set(found)), "each row once"
        assert {number for number in told if number > 0} - set(found) - erased <= set(range(16, 2000, 16))
        if what != "rewrite":
            assert {number for number in told if number > 0} <= set(found)
        assert not erased & set(found)
    tables.compact("t", order="number")
    tables.vacuum("t", keep=timedelta(0))
    there = {path.name for path in (tmp_path / "t").glob("*.parquet")}
    assert there == {Path(path).name for path in tables.files("t")}, "nothing is left of the killed"
    assert sorted(tables.read("t").collect()["number"]) == sorted(found)
    assert pl.read_delta(str(tmp_path / "t")).height == len(found), "stock readers agree"


def test_an_erasure_that_was_killed_is_ended_by_the_same_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = DeltaTables(tmp_path, least_keep=timedelta(0))
    for number in range(20):
        tables.append("t", pl.DataFrame({"number": [number], "name": [f"somebody-{number}"]}), job=f"j{number}")
    tables.compact("t")

    class Killed(BaseException):
        pass

    def die(_self: object, _names: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(type(tables.folder), "delete", die)  # the commit is made, its old files are there
        with pytest.raises(Killed):
            tables.rewrite("t", pl.DataFrame({"name": ["somebody-7"]}), job="erasure")
    again = DeltaTables(tmp_path)
    found = again.rewrite("t", pl.DataFrame({"name": ["somebody-7"]}), job="erasure")
    assert (found.rows, found.deleted_files) == (1, 21)
    assert all(b"somebody-7" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_nothing_in_the_directory_tells_what_was_erased(tmp_path: Path) -> None:
    """Ids, too: also the span of numbers that the log has of each file, and its checkpoints."""
    tables = DeltaTables(tmp_path)
    for number in range(205):
        tables.append_next("t", pl.DataFrame({"id": [7_000_000 + number], "name": [f"n{number}"]}), stream="s", position=number + 1)
    tables.rewrite("t", pl.DataFrame({"id": [7_000_123]}), job="e")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"7000123" not in path.read_bytes(), path
            if path.suffix == ".parquet" and "checkpoint" in path.name:
                assert "7000123" not in str(pl.read_parquet(path).to_dicts()), path
    again = DeltaTables(tmp_path)
    assert again.read("t").collect().height == 204
    with pytest.raises(TableErasedError):
        again.read("t", version=150)
    assert again.read("t", version=100).collect().height == 101


def test_readers_at_work_see_one_version_each_while_others_append_and_merge(tmp_path: Path) -> None:
    stop, trouble = threading.Event(), list[str]()
    writer = DeltaTables(tmp_path)
    writer.append_next("t", pl.DataFrame({"number": [0]}), stream="s", position=1)

    def read() -> None:
        own, before = DeltaTables(tmp_path), 0
        while not stop.is_set():
            numbers = sorted(own.read("t").collect()["number"])
            if numbers != list(range(len(numbers))) or len(numbers) < before:
                trouble.append(f"{numbers} after {before}")
            before = len(numbers)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for number in range(1, 100):
        writer.append_next("t", pl.DataFrame({"number": [number]}), stream="s", position=number + 1)
        if number % 20 == 0:
            writer.compact("t")
            writer.vacuum("t")
    stop.set()
    for thread in readers:
        thread.join(60)
    assert trouble == []


_FULL = """
import os, sys
from datetime import timedelta
from pathlib import Path
import polars as pl
from flyball.storage._delta import DeltaTables
from flyball.storage.errors import DiskFullError
home = Path(sys.argv[1])
tables = DeltaTables(home / "tables", least_keep=timedelta(0))
for number in range(20):
    tables.append("t", pl.DataFrame({"number": [number], "noise": [os.urandom(60_000)]}), job=str(number))
(home / "ballast").write_bytes(b"x" * (os.statvfs(home).f_bavail * os.statvfs(home).f_frsize - 100_000))
try:
    tables.compact("t")
except DiskFullError as error:
    assert "Disk full at" in str(error)
else:
    raise AssertionError("it found room")
assert sorted(DeltaTables(home / "tables").read("t").collect()["number"]) == list(range(20))
(home / "ballast").unlink()
assert tables.compact("t") == 20
assert tables.vacuum("t", keep=timedelta(0)).files == 20
assert sorted(tables.read("t").collect()["number"]) == list(range(20))
print("whole")
"""


def test_a_full_disk_stops_a_merge_and_spoils_nothing(tmp_path: Path) -> None:
    if not _can_mount(tmp_path):
        pytest.skip("a small disk needs a mount namespace, which this machine does not grant")
    script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", str(tmp_path), sys.executable, _FULL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr


def test_stock_readers_read_what_was_appended_merged_and_erased(tmp_path: Path) -> None:
    """DuckDB and Polars alone, and the library whose log we no longer write."""
    tables = DeltaTables(tmp_path)
    for number in range(120):
        rows = pl.DataFrame(
            {"number": [number], "text": [None if number % 2 else f"t{number}"], "tags": [[number, number + 1]]},
            schema_overrides={"text": pl.String},
        )
        tables.append_next("t", rows, stream="s", position=number + 1)
        if number == 60:
            tables.compact("t")
    tables.rewrite("t", pl.col("number") == 5, job="e")
    wanted = sorted(set(range(120)) - {5})
    assert sorted(pl.read_delta(str(tmp_path / "t"))["number"]) == wanted
    assert sorted(pl.scan_delta(str(tmp_path / "t")).filter(pl.col("number") > 100).collect()["number"]) == wanted[-19:]
    with duckdb.connect() as connection:
        found = connection.execute("select number from read_parquet($files) order by 1", {"files": tables.files("t")}).fetchall()
    assert [number for (number,) in found] == wanted


_LIVE = """
with actions as (
    select * from read_json($log, columns={'add': 'struct(path varchar)', 'remove': 'struct(path varchar)'}, format='newline_delimited')
)
select distinct add.path from actions where add is not null
and add.path not in (select remove.path from actions where remove is not null)
"""


def test_duckdb_alone_finds_the_rows_by_the_log(tmp_path: Path) -> None:
    """What its Delta extension does, which cannot be had without a download: the files that the log adds and does not remove."""
    tables = DeltaTables(tmp_path)
    for number in range(5):
        tables.append("t", pl.DataFrame({"number": [number]}), job=f"j{number}")
    tables.compact("t")
    tables.append("t", pl.DataFrame({"number": [5]}), job="j5")
    with duckdb.connect() as connection:
        names = connection.execute(_LIVE, {"log": str(tmp_path / "t" / "_delta_log" / "*.json")}).fetchall()
        files = [str(tmp_path / "t" / unquote(name)) for (name,) in names]
        found = connection.execute("select number from read_parquet($files) order by 1", {"files": files}).fetchall()
    assert [number for (number,) in found] == list(range(6))


def test_a_table_that_the_library_wrote_goes_on(tmp_path: Path) -> None:
    """Homes of before, and programs of other people that append."""
    place = str(tmp_path / "t")
    pl.DataFrame({"a b": [1], "text": ["x"]}).write_delta(place)
    tables = DeltaTables(tmp_path)
    assert tables.append("t", pl.DataFrame({"a b": [2], "text": ["y"]}), job="j") == 1
    pl.DataFrame({"a b": [3], "text": ["z"]}).write_delta(place, mode="append")
    assert tables.append("t", pl.DataFrame({"a b": [4], "text": ["w"]}), job="k", attempt=2) == 3
    assert sorted(tables.read("t").collect()["a b"]) == sorted(pl.read_delta(place)["a b"]) == [1, 2, 3, 4]
    tables.rewrite("t", pl.col("text") == "x", job="e")
    assert "x" not in pl.read_delta(place)["text"].to_list()
    assert all('"x' not in path.read_text() for path in (tmp_path / "t" / "_delta_log").glob("*.json"))


def test_what_we_do_not_know_is_left_alone(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": ["x"]}).write_delta(str(tmp_path / "t"), delta_write_options={"partition_by": ["b"]})
    tables = DeltaTables(tmp_path)
    with pytest.raises(TableForeignError, match="partition columns"):
        tables.append("t", pl.DataFrame({"a": [1], "b": ["x"]}), job="j")
    assert tables.list() == ["t"]


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(110):
        tables.append_next("t", pl.DataFrame({"number": [number]}), stream="s", position=number + 1)
    (checkpoint,) = (tmp_path / "t" / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    again = DeltaTables(tmp_path)
    assert (again.read("t").collect().height, again.position("t", "s")) == (110, 110)


def test_a_table_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(3):
        tables.append("t", pl.DataFrame({"number": [number]}), job=f"j{number}")
    shutil.rmtree(tmp_path / "t")
    assert (tables.latest("t"), tables.list()) == (None, [])
    assert tables.append("t", pl.DataFrame({"other": [1]}), job="j0") == 0


def test_a_log_past_what_is_kept_goes_and_jobs_are_still_known(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for number in range(230):
        tables.append("t", pl.DataFrame({"number": [number]}), job=f"j{number}")
    for path in (tmp_path / "t" / "_delta_log").iterdir():
        os.utime(path, (0, 0))
    assert tables.vacuum("t").commits == 200, "the first hundred-and-ninety-nine commits and a checkpoint"
    for store in (tables, DeltaTables(tmp_path)):
        assert store.append("t", pl.DataFrame({"number": [0]}), job="j3") <= 229
        found = store.find_commit("t", "j215")
        assert found is not None
        assert found.version == 215
        assert store.read("t").collect().height == 230
    assert pl.read_delta(str(tmp_path / "t")).height == 230


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    tables.append("t", pl.DataFrame({"number": [1]}), job="j")
    (tmp_path / "u").write_text("a file in the way")
    with pytest.raises(UnavailableError, match="u"):
        tables.append("u", pl.DataFrame({"number": [1]}), job="j")
    assert tables.list() == ["t"]
