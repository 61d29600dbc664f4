"""kill -9 of a writer at any moment: what was told to be done is there, what was not is whole or absent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database
from flyball.storage.reconcile import PendingCommit, reconcile

_HEAD = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from flyball.core.events import Event
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database
home = Path(sys.argv[1])
database = Database.open(home / "home.db")
log, timers = SqlEventLog(database), SqlTimers(database)
start = datetime(2013, 1, 1, tzinfo=UTC)
def record(name):
    with database.write():
        log.append(Event(name, "a.b", "s", start))
        timers.set(name, start, cause=name)
"""

_MIDWAY = """
record("before")
with database.write():
    record("inside")
    print("midway", flush=True)
    sys.stdin.read()
"""

_FOREVER = """
for number in itertools.count():
    record(f"e{number}")
    print(number, flush=True)
"""

_BLOBS = """
from flyball.storage._localblobs import LocalBlobs
blobs = LocalBlobs(home / "blobs")
for number in itertools.count():
    blobs.put(str(number).encode() * 300_000)
    print(number, flush=True)
"""

_TABLES = """
import polars as pl
from flyball.storage._delta import DeltaTables
tables = DeltaTables(home / "tables")
for number in itertools.count():
    tables.append("t", pl.DataFrame({"number": [number] * 3}), job=f"j{number}")
    print(number, flush=True)
"""


def _told_until_killed(program: str, home: Path, *, lines: int) -> list[str]:
    with subprocess.Popen([sys.executable, "-c", program, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.read().split()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    return told


def test_a_transaction_that_was_killed_never_happened(tmp_path: Path) -> None:
    assert _told_until_killed(_HEAD + _MIDWAY, tmp_path, lines=1) == ["midway"]
    database = Database.open(tmp_path / "home.db")
    assert [event.id for event in SqlEventLog(database).list()] == ["before"]
    first = SqlTimers(database).next()
    assert first is not None
    assert [timer.name for timer in SqlTimers(database).due(first.at)] == ["before"]
    database.close()


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_a_killed_writers_events_and_timers_are_the_same(tmp_path: Path, lines: int) -> None:
    told = _told_until_killed(_HEAD + _FOREVER, tmp_path, lines=lines)
    database = Database.open(tmp_path / "home.db")
    events = [event.id for event in SqlEventLog(database).list()]
    first = SqlTimers(database).next()
    assert first is not None
    assert sorted(timer.name for timer in SqlTimers(database).due(first.at)) == sorted(events)
    assert len(told) <= len(events) <= len(told) + 1
    assert events == [f"e{number}" for number in range(len(events))]
    database.close()


def test_a_killed_writers_blobs_are_whole_and_its_leavings_are_swept(tmp_path: Path) -> None:
    told = _told_until_killed(_HEAD + _BLOBS, tmp_path, lines=5)
    leaving = tmp_path / "blobs" / "aside" / "left-by-a-dead-writer"
    leaving.write_bytes(b"half")
    blobs = LocalBlobs(tmp_path / "blobs")
    contents = {blobs.get(digest) for digest in blobs.list()}
    assert contents >= {number.encode() * 300_000 for number in told}
    assert len(contents) <= len(told) + 1
    blobs.put(b"next")
    assert list(leaving.parent.iterdir()) == []


def test_a_killed_ingests_commits_are_found_by_their_jobs(tmp_path: Path) -> None:
    told = _told_until_killed(_HEAD + _TABLES, tmp_path, lines=3)
    tables = DeltaTables(tmp_path / "tables")
    rows = tables.read("t").collect()["number"].to_list()
    pending = [PendingCommit("t", f"j{number}") for number in range(len(told) + 2)] + [PendingCommit("other", "j0")]
    found = reconcile(tables, pending)
    assert sorted(rows) == sorted(number for number in range(len(found)) for _ in range(3))
    assert [commit.version for commit in found.values()] == list(range(len(found)))
    assert len(told) <= len(found) <= len(told) + 1
    assert reconcile(tables, pending) == found
