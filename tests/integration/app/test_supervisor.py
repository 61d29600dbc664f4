"""The supervisor against processes that die, hang and refuse: real ones, killed for real."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flyball.app.settings import Settings
from flyball.core.clock import MonotonicTimer

STANDINS = Path(__file__).with_name("standins")
TIMER = MonotonicTimer()
NAMES = ("control", "predict", "console")


class Up:
    """One supervisor of stand-ins."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, str(STANDINS / "supervised.py"), str(home), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(STANDINS)},
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self, containing: str, seconds: float = 60) -> str:
        """The next line that contains the words."""
        deadline = TIMER.seconds() + seconds
        while True:
            found = self._lines.get(timeout=max(0.01, deadline - TIMER.seconds()))
            if containing in found:
                return found

    def rest(self) -> list[str]:
        self._reader.join(60)
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "run" / "up.json").read_text())
        return found

    def pid(self, name: str) -> int:
        pid: int = self.facts()["children"][name]["pid"]
        return pid

    def end(self) -> tuple[int, str]:
        """Ended by SIGTERM: exit code, standard error."""
        self.process.terminate()
        code = self.process.wait(90)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(60)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def ups() -> Iterator[list[Up]]:
    made: list[Up] = []
    yield made
    for up in made:
        up.close()


def _start(ups: list[Up], home: Path, *options: str) -> Up:
    up = Up(home, *options)
    ups.append(up)
    return up


def _is_gone(pid: int, seconds: float = 60) -> bool:
    deadline = TIMER.seconds() + seconds
    while TIMER.seconds() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_it_starts_all_tells_where_they_are_and_ends_cleanly(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path)
    up.line("ready")
    facts = up.facts()
    assert facts["pid"] == up.process.pid
    assert set(facts["children"]) == set(facts["urls"]) == set(NAMES)
    loaded = Settings.load(tmp_path)
    assert facts["urls"]["control"] == loaded.control_url
    assert loaded.control_port != 0
    assert "stand-in" in (tmp_path / "logs" / "predict.log").read_text()
    pids = [up.pid(name) for name in NAMES]
    code, errors = up.end()
    assert (code, errors) == (0, "")
    assert all(_is_gone(pid) for pid in pids)
    assert not (tmp_path / "run" / "up.json").exists()
    again = _start(ups, tmp_path)
    again.line("ready")


def test_what_is_killed_starts_again_and_the_others_do_not_notice(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path, "predict=with-child")
    up.line("ready")
    for name in NAMES:
        before = {other: up.pid(other) for other in NAMES}
        os.kill(before[name], signal.SIGKILL)
        assert "SIGKILL" in up.line(f"the {name} was killed")
        deadline = TIMER.seconds() + 60
        while up.facts()["children"][name]["restarts"] != 1 or up.pid(name) is None:
            assert TIMER.seconds() < deadline
            time.sleep(0.02)
        assert {other for other in NAMES if up.pid(other) != before[other]} == {name}
    log = (tmp_path / "logs" / "predict.log").read_text().split()
    assert _is_gone(int(log[log.index("child") + 1])), "what it had started goes with it"
    assert up.end()[0] == 0


def test_it_ends_by_itself_and_says_who_was_stuck_where(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path, *(f"{name}=deaf,with-child" for name in NAMES))
    up.line("ready")
    pids = [up.pid(name) for name in NAMES]
    code, _ = up.end()
    assert code == 0
    assert all(_is_gone(pid) for pid in pids)
    said = [line for line in up.rest() if "did not end within" in line]
    assert [line.split()[1] for line in said] == ["console", "predict", "control"]
    assert all("in deaf_place" in line for line in said), said


def test_a_stopped_process_cannot_hold_up_the_end(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path)
    up.line("ready")
    os.kill(up.pid("predict"), signal.SIGSTOP)
    code, _ = up.end()
    assert code == 0
    assert any("could not tell" in line for line in up.rest())


def test_a_second_ctrl_c_waits_for_nobody(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path, "control=deaf", "predict=deaf")
    up.line("ready")
    up.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 130


def test_killed_it_leaves_no_orphan_and_the_home_is_free(ups: list[Up], tmp_path: Path) -> None:
    for _ in range(3):
        up = _start(ups, tmp_path)
        up.line("ready")
        pids = [up.pid(name) for name in NAMES]
        up.process.kill()
        assert all(_is_gone(pid) for pid in pids)


def test_killed_at_any_moment_of_its_start_it_leaves_no_orphan(ups: list[Up], tmp_path: Path) -> None:
    for number in range(6):
        up = _start(ups, tmp_path)
        time.sleep(0.15 + 0.05 * number)
        up.process.kill()
        up.process.wait()
        deadline = TIMER.seconds() + 60
        while _running(tmp_path):
            assert TIMER.seconds() < deadline
            time.sleep(0.05)


def _running(home: Path) -> list[int]:
    found = []
    for log in (home / "logs").glob("*.log"):
        pids = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("stand-in")]
        found += [pid for pid in pids if not _is_gone(pid, 0.01)]
    return found


def test_a_second_up_is_told_who_holds_the_home(ups: list[Up], tmp_path: Path) -> None:
    first = _start(ups, tmp_path)
    first.line("ready")
    pids = [first.pid(name) for name in NAMES]
    second = _start(ups, tmp_path)
    assert second.process.wait(90) == 3
    assert second.process.stderr is not None
    assert f"flyball up project.py (pid {first.process.pid}" in second.process.stderr.read()
    assert [first.pid(name) for name in NAMES] == pids


@pytest.mark.parametrize(("field", "option"), [("control_port", "--control-port"), ("serve_port", "--serve-port")])
def test_a_taken_port_is_named_with_what_changes_it(ups: list[Up], tmp_path: Path, field: str, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = _start(ups, tmp_path, f"--{field}={port}")
        assert up.process.wait(90) == 5
    assert up.process.stderr is not None
    said = up.process.stderr.read()
    assert str(port) in said
    assert f"{option} PORT or FLYBALL_{field.upper()}=PORT" in said
    assert not (tmp_path / "logs").exists()


def test_one_that_says_it_cannot_run_ends_the_start_with_its_words(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path, "control=refusing")
    assert up.process.wait(90) == 5
    assert up.process.stderr is not None
    assert "The control could not start: flyball: the project is not right" in up.process.stderr.read()
    with suppress(FileNotFoundError):
        assert not _running(tmp_path)


def test_one_that_answered_before_it_found_that_it_cannot_run_ends_the_start_too(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path, "control=refusing-later")
    up.line("ready")
    assert up.process.wait(90) == 5
    assert up.process.stderr is not None
    assert "The control could not start: flyball: the data are not right" in up.process.stderr.read()


def test_it_is_light(ups: list[Up], tmp_path: Path) -> None:
    up = _start(ups, tmp_path)
    up.line("ready")
    status = Path(f"/proc/{up.process.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 40_000
