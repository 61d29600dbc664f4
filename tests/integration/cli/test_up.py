"""`flyball up` as one types it, with the real processes behind it."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import build_opener

import pytest

from flyball.app.location import CODE_IN_USE
from flyball.core.clock import MonotonicTimer
from flyball.storage._localblobs import LocalBlobs
from tests.integration.cli.orders import write_project

TIMER = MonotonicTimer()
PORTS = ("--control-port", "0", "--serve-port", "0", "--console-port", "0")


class Terminal:
    """One command, whose lines are read as they come."""

    def __init__(self, *arguments: str | Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flyball", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def until(self, words: str, seconds: float = 90) -> str:
        """The first line from now on with the words."""
        deadline = TIMER.seconds() + seconds
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - TIMER.seconds()))
            self.seen.append(line)
            if words in line:
                return line

    def end(self, number: signal.Signals) -> int:
        """Exit code."""
        self.process.send_signal(number)
        return self.process.wait(90)

    def refused(self) -> tuple[int, str]:
        """Exit code and standard error of a command that ends by itself."""
        _, errors = self.process.communicate(timeout=90)
        return self.process.returncode, errors

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    made: list[Terminal] = []
    yield made
    for terminal in made:
        terminal.close()


def test_it_says_where_everything_is_lets_one_in_and_ends_by_ctrl_c(terminals: list[Terminal], tmp_path: Path) -> None:
    project = write_project(tmp_path)
    terminals.append(Terminal("up", project, "--clock", "2024-01-01T12:00Z", "--speed", "60", "--hold", *PORTS))
    up = terminals[0]
    up.until("Ctrl-C ends it")
    screen = "\n".join(up.seen)
    assert "orders is up (project.py)" in screen
    assert str(tmp_path / ".flyball") in screen
    assert "from 2024-01-01 12:00 UTC, 60 times as fast as real time; it stands until `flyball replay` moves it" in screen
    link = re.search(r"http://\S+/login\?code=\S+", screen)
    assert link is not None
    opener = build_opener()
    deadline = TIMER.seconds() + 60
    while True:
        try:
            opener.open(link[0].partition("/login")[0] + "/healthz", timeout=30).close()
            break
        except OSError:
            assert TIMER.seconds() < deadline
            threading.Event().wait(0.2)
    with pytest.raises(HTTPError, match="401"):
        opener.open(link[0].partition("/login")[0] + "/", timeout=20)
    assert up.until("the loop began").startswith("2024-01-01 12:00  late: ")
    snapshot = json.loads((tmp_path / ".flyball" / CODE_IN_USE).read_text())["code"]
    assert LocalBlobs(tmp_path / ".flyball" / "blobs").exists(snapshot), "what the next training will name is named until then, for `gc`"
    assert up.end(signal.SIGINT) == 0


def test_a_project_that_is_not_right_ends_it_with_what_is_wrong(terminals: list[Terminal], tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.write_text(project.read_text().replace("Project(", "Projct("))
    terminals.append(Terminal("up", project, "--no-console", *PORTS))
    code, errors = terminals[0].refused()
    assert code == 2
    assert "the control plane could not start" in errors.lower()
    assert "Projct" in errors


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--speed", "60"), "--clock"),
        (("--clock", "yesterday"), "--clock 'yesterday' is not a time"),
        (("--clock", "2024-01-01"), "its zone"),
        (("--no-auth", "--host", "0.0.0.0"), "0.0.0.0"),  # noqa: S104 - what is refused
    ],
)
def test_what_cannot_be_is_refused_at_once(terminals: list[Terminal], tmp_path: Path, options: tuple[str, ...], named: str) -> None:
    terminals.append(Terminal("up", write_project(tmp_path), *options, *PORTS))
    code, errors = terminals[0].refused()
    assert code == 2
    assert named in errors
    assert not (tmp_path / ".flyball" / "logs").exists()


def test_no_project_file_is_named(terminals: list[Terminal], tmp_path: Path) -> None:
    terminals.append(Terminal("up", tmp_path / "nothing.py", *PORTS))
    code, errors = terminals[0].refused()
    assert code == 2
    assert "nothing.py" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_named(terminals: list[Terminal], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        terminals.append(Terminal("up", write_project(tmp_path), *PORTS, "--console-port", port))
        code, errors = terminals[0].refused()
    assert code == 5
    assert "--console-port PORT or FLYBALL_CONSOLE_PORT=PORT" in errors
