"""An ingest that is killed anywhere, meets itself, a full disk or a file that comes twice: each row is there once, and no half of any."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from flyball.data.model import ARRIVAL, VersionState
from flyball.testing.data_home import DataHome, opened_data_home
from tests.integration.faults.test_full_disks import in_namespace
from tests.pulls import SALES, start

KILLS = int(os.environ.get("FLYBALL_TEST_KILLS", "20"))
ROWS = 4_000


def write(place: Path, number: int) -> None:
    """A file of rows: each key once over all files, but for the first, which every file repeats; and one row that breaks the contract."""
    folder = place / "project" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    keys = [0, *range(1 + number * ROWS, 1 + (number + 1) * ROWS)]
    lines = [f"s{key},2013-01-{1 + key % 28:02}T00:00Z,{key}" for key in keys]
    partial = folder / f".{number}.part"
    partial.write_text("\n".join(["id,sold_at,amount", *lines, f"b{number},2013-01-01,?", ""]), encoding="utf-8")
    partial.rename(folder / f"{number:04}.csv")


def check(home: DataHome, files: int) -> None:
    """Every row of so many files is there once."""
    history = home.service.history(SALES)
    assert history.height == history["id"].n_unique() == 1 + files * ROWS
    assert history[ARRIVAL].is_unique().all()
    assert history["id"].to_list() == [f"s{key}" for key in range(1 + files * ROWS)]
    aside = home.service.quarantined("sales")
    assert sorted(aside["raw"].to_list()) == sorted(f'{{"id":"b{n}","sold_at":"2013-01-01","amount":"?"}}' for n in range(files))
    versions = home.service.list("sales")
    assert [version.number for version in versions] == list(range(1, len(versions) + 1))
    assert versions[-1].rows == history.height
    assert sum(version.added for version in versions if version.state is VersionState.ACCEPTED) == history.height


@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_random_points_every_row_is_there_once(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    write(tmp_path, 0)
    undisturbed = start(tmp_path)
    assert undisturbed.stdout is not None
    assert undisturbed.stdout.readline() == "ready\n"
    began = time.perf_counter()
    assert undisturbed.wait(60) == 0
    length = time.perf_counter() - began
    files, killed = 1, 0
    for _ in range(KILLS):
        if files < 8:
            write(tmp_path, files)
            files += 1
        process = start(tmp_path, times=2)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.random() * length * 1.2)
        process.kill()
        if process.wait(60) == 0:
            length *= 0.7  # it was faster than the first, which the machine may have kept waiting
        else:
            killed += 1
        process.stdout.close()
    assert killed > KILLS // 4
    undisturbed.stdout.close()
    last = start(tmp_path)
    last.communicate(timeout=60)
    assert last.returncode == 0
    with opened_data_home(tmp_path) as home:
        check(home, files)
        assert not (tmp_path / "home" / ".pulls" / "sales").exists()


def test_several_processes_at_once_make_one_version_of_one_file(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path, number)
    processes = [start(tmp_path, times=2) for _ in range(4)]
    said = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert said == [["ready", "1", "1"]] * 4
    with opened_data_home(tmp_path) as home:
        check(home, 2)
        assert len(home.service.list("sales")) == 1


def test_the_same_file_twice_is_known_whatever_it_is_called(home: DataHome) -> None:
    write(home.place, 0)
    first = home.ingest(SALES)
    shutil.copy(home.source / "0000.csv", home.source / "again.csv")
    assert home.ingest(SALES) == first
    (home.source / "0000.csv").unlink()
    assert home.ingest(SALES) == first
    text = (home.source / "again.csv").read_text(encoding="utf-8")
    home.write("more.csv", text + "s99999,2013-02-01T00:00Z,1\n")  # the same rows and one more
    version = home.ingest(SALES)
    assert (version.added, version.quarantined, version.duplicates) == (1, 0, ROWS + 2)


def test_two_files_of_one_pull_that_say_the_same_count_once(home: DataHome) -> None:
    write(home.place, 0)
    shutil.copy(home.source / "0000.csv", home.source / "copy.csv")
    version = home.ingest(SALES)
    assert (version.added, version.rows) == (ROWS + 1, ROWS + 1)


FULL = """
mount -t tmpfs -o size="$1" none "$2" || exit 99
shift
home=$1
shift
"$@"
echo "first $?"
mount -o remount,size=400m none "$home" || exit 99
"$@"
echo "second $?"
cp -r "$home/." "$home.kept"
"""
PULL = "import sys; from pathlib import Path; from tests.pulls import pull; pull(Path(sys.argv[1]))"


@pytest.mark.parametrize("size", ["300k", "700k", "1100k"])
def test_a_full_disk_is_told_and_the_next_ingest_brings_all(tmp_path: Path, size: str) -> None:
    place = tmp_path / "p"
    for number in range(3):
        write(place, number)
    home = place / "home"
    home.mkdir()
    root = Path(__file__).parents[3]
    done = in_namespace(f"cd {root}\n{FULL}", size, str(home), sys.executable, "-c", PULL, str(place))
    assert "second 0" in done.stdout, done.stdout + done.stderr
    if "first 0" not in done.stdout:
        assert "DiskFullError" in done.stderr, done.stderr
    home.rmdir()
    Path(f"{home}.kept").rename(home)
    with opened_data_home(place) as opened:
        check(opened, 3)
        assert len(opened.service.list("sales")) == 1


def test_a_source_is_acknowledged_only_when_a_version_holds_it(home: DataHome) -> None:
    from dataclasses import replace

    from flyball.app.sources import open_source

    told: list[int] = []

    def listening(source: object, around: object) -> object:
        opened = open_source(source, around)  # type: ignore[arg-type]  # what the service passes on
        opened.acknowledge = lambda: told.append(len(home.service.list()))  # type: ignore[method-assign]  # a place that forgets
        return opened

    write(home.place, 0)
    service = replace(home.service, sources=listening)  # type: ignore[arg-type]  # opens as the port does
    root = home.place / "project"
    service.ingest(SALES, root=root, history=timedelta(days=59), cause=None)
    assert told == [1]
    service.ingest(SALES, root=root, history=timedelta(days=59), cause=None)  # as after a kill before the last word
    assert told == [1, 1]


def test_the_processes_leave_nothing_behind_but_the_home(tmp_path: Path) -> None:
    write(tmp_path, 0)
    done = subprocess.run([sys.executable, "-c", PULL, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "project"]
