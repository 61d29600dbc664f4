"""Whoever journals and whoever ships is killed at random moments: what was journalled is read once, and nothing else is."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from flyball.core.clock import MonotonicTimer
from flyball.core.rand import SeededRandom
from flyball.serving.log import PredictionLog
from flyball.serving.stream import position_name
from flyball.storage._delta import DeltaTables
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database
from tests.integration.serving.shipping import journals, open_log

KILLS = 12
SCRIPT = Path(__file__).with_name("shipping.py")


def start(task: str, home: Path, *, seed: int, out: Path) -> subprocess.Popen[bytes]:
    with out.open("ab") as stream:
        return subprocess.Popen([sys.executable, str(SCRIPT), task, str(home), str(seed)], stdout=stream)


def kill(process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_for(path: Path, text: str) -> None:
    timer = MonotonicTimer()
    patience = timer.seconds() + 60
    while text not in path.read_text():
        assert timer.seconds() < patience
        sleep(0.005)


@pytest.mark.timeout(280)
def test_what_was_journalled_is_read_once_whatever_is_killed(tmp_path: Path) -> None:
    draws, written, hits = SeededRandom(3), tmp_path / "written", Counter[str]()
    writers = [start("write", tmp_path, seed=seed, out=written) for seed in (0, 1)]
    database = Database.open(tmp_path / "home.db")
    positions, tables = SqlPositions(database), DeltaTables(tmp_path / "tables")
    for kills in range(KILLS):
        out = tmp_path / f"ready-{kills}"
        shipper = start("ship", tmp_path, seed=0, out=out)
        wait_for(out, "ready")
        sleep(0.4 * draws.uniform("moment", f"{kills}"))
        if kills % 2:
            wait_for_shipment(tables, positions)
        kill(shipper)
        hits["shipping" if under_way(tables, positions) else "reading"] += 1
        if kills % 4 == 3:
            one = kills // 4 % 2
            kill(writers[one])
            writers[one] = start("write", tmp_path, seed=kills + 1 + (kills + 1 + one) % 2, out=written)
    for writer in writers:
        kill(writer)

    log = open_log(tmp_path, positions)
    log.drain()
    found = Counter(ids(log))
    log.ship()
    assert Counter(ids(log)) == found
    database.close()
    promised = written.read_text().split("\n")[:-1]
    assert [name for name in promised if not found[name]] == []
    assert [name for name, times in found.items() if times > 1] == []
    assert sum(found.values()) - len(set(promised)) <= 3 * 5  # a record of each writer may have been journalled and not yet printed
    assert hits["shipping"] > 0, hits


def under_way(tables: DeltaTables, positions: SqlPositions) -> bool:
    """Whether a table is ahead of what is known to be shipped."""
    found = [(tables.position(table, path.name), path.name) for table in tables.list() for path in journals(Path())]
    return any(position > positions.get(position_name(name)) for position, name in found)


def wait_for_shipment(tables: DeltaTables, positions: SqlPositions) -> None:
    """Until a shipment is under way, which is where a kill hurts most; it may have ended before the kill."""
    timer = MonotonicTimer()
    patience = timer.seconds() + 60
    while not under_way(tables, positions):
        assert timer.seconds() < patience


def ids(log: PredictionLog) -> list[str]:
    ends = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    return [name for endpoint in ("e0", "e1") for name in log.read(endpoint, ends[0], end=ends[1])["id"]]
