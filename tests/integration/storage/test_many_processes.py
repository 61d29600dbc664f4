"""32 processes write 1,000 times each to one home's stores: no error, no lost row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database

_PROCESSES, _WRITES = 32, 1_000


def _names(*, kind: str) -> set[str]:
    numbers: dict[str, list[int]] = {"row": [], "blob": [], "timer": [], "event": []}
    for number in range(_WRITES):
        numbers["row" if number % 500 == 250 else "blob" if number % 100 == 50 else "timer" if number % 5 == 0 else "event"].append(number)
    return {f"{writer}-{number}" for writer in range(_PROCESSES) for number in numbers[kind]}


def test_nothing_is_lost_and_nothing_fails(tmp_path: Path) -> None:
    program = Path(__file__).with_name("many_writers.py")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(program), str(tmp_path), str(_PROCESSES), str(_WRITES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    database = Database.open(tmp_path / "home.db")
    log = SqlEventLog(database).read_after(0, limit=10**6)
    timers = SqlTimers(database)
    first = timers.next()
    assert first is not None
    waiting = timers.due(first.at.replace(year=2014))
    database.close()
    assert [position for position, _ in log] == list(range(1, len(log) + 1))
    assert sorted(event.id for _, event in log) == sorted(_names(kind="event"))
    assert sorted(timer.name for timer in waiting) == sorted(_names(kind="timer"))
    for writer in range(_PROCESSES):
        numbers = [event.data["number"] for _, event in log if event.subject == f"writer/{writer}"]
        assert numbers == sorted(numbers)
    blobs = LocalBlobs(tmp_path / "blobs")
    contents = {blobs.get(digest).decode() for digest in blobs.list()}
    assert contents == {
        name if int(name.partition("-")[2]) % 200 != 50 else f"same-{name.partition('-')[2]}" for name in _names(kind="blob")
    }
    rows = DeltaTables(tmp_path / "tables").read("rows").collect()
    assert sorted(f"{writer}-{number}" for writer, number in rows.rows()) == sorted(_names(kind="row"))
