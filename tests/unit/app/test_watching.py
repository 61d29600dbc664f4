"""What is told of our own processes: those that the supervisor lists, as the system sees them, alarms once."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.app.settings import UP, write_json
from flyball.app.watching import KEPT_SECONDS, Watching
from flyball.core.clock import ManualTimer, VirtualClock
from flyball.storage.clockfile import RUN

NOBODY = 2**22 - 1


@pytest.fixture
def timer() -> ManualTimer:
    return ManualTimer()


@pytest.fixture
def watching(tmp_path: Path, timer: ManualTimer) -> Watching:
    return Watching(tmp_path, clock=VirtualClock(datetime(2024, 1, 1, tzinfo=UTC)), timer=timer)


def supervised(home: Path, **children: int | None) -> None:
    listed = {name: {"pid": pid, "restarts": 3} for name, pid in children.items()}
    write_json(home / RUN / UP, {"pid": os.getpid(), "children": listed})


def test_without_a_supervisor_there_are_none(watching: Watching) -> None:
    assert watching.processes() == []
    assert watching.look() == []


def test_those_that_run_have_figures_and_those_that_do_not_say_so(watching: Watching, timer: ManualTimer, tmp_path: Path) -> None:
    supervised(tmp_path, control=os.getpid(), predict=NOBODY, console=None)
    watching.look()
    timer.sleep(KEPT_SECONDS + 10)
    found = {process["name"]: process for process in watching.processes()}
    assert [found[name]["state"] for name in ("supervisor", "control", "predict", "console")] == ["running", "running", "down", "down"]
    assert found["control"]["restarts"] == 3
    assert found["control"]["uptime_seconds"] == KEPT_SECONDS + 10
    assert found["control"]["memory_bytes"] > 1 << 20
    assert found["console"]["memory_bytes"] is found["console"]["uptime_seconds"] is None


def test_a_process_that_took_the_place_of_another_is_young(watching: Watching, timer: ManualTimer, tmp_path: Path) -> None:
    supervised(tmp_path, control=os.getppid())
    watching.look()
    timer.sleep(100)
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            supervised(tmp_path, control=child.pid)
            watching.look()
            timer.sleep(1)
            assert {process["name"]: process["uptime_seconds"] for process in watching.processes()} == {"supervisor": 101, "control": 1}
        finally:
            child.kill()


def test_samples_are_kept_for_a_while_however_many_ask(watching: Watching, timer: ManualTimer, tmp_path: Path) -> None:
    supervised(tmp_path, control=os.getpid())
    for _ in range(10):
        watching.processes()
    assert len(watching.series()) == 1
    timer.sleep(KEPT_SECONDS + 1)
    watching.processes()
    assert len(watching.series()) == 2
