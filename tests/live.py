"""`flyball up` as a person starts it, for tests: real processes on free ports, told to end, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.app.running import get_up
from flyball.app.settings import NotRunningError, Settings
from flyball.client import Client
from flyball.client.errors import ClientError

COMMAND = [sys.executable, "-m", "flyball"]
PORTS = ["--control-port", "0", "--serve-port", "0", "--console-port", "0"]


def wait_for(what: Callable[[], bool], seconds: float, *, told: str) -> None:
    """Return when `what` is so; fails after `seconds`, saying what was waited for."""
    deadline = time.monotonic() + seconds  # noqa: TID251 - a test's own patience
    while not what():
        assert time.monotonic() < deadline, f"after {seconds} s still no: {told}"  # noqa: TID251 - likewise
        time.sleep(0.1)


@dataclass
class Server:
    """A running `flyball server`: runs and models, without a project."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(cls, home: Path, *options: str, console: bool = False, environment: Mapping[str, str] | None = None) -> Server:
        """Start it, and return when it answers."""
        home.parent.mkdir(parents=True, exist_ok=True)
        output = home.parent / f"{home.name}.server.log"
        ports = ["--port", "0", "--console-port", "0", *([] if console else ["--no-console"])]
        with output.open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, "server", "--home", str(home), *ports, *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )  # fmt: skip
        made = cls(home, process, output)
        try:
            wait_for(made._answers, 120, told="an answer of the server")
        except BaseException:
            made.end()
            raise
        return made

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the server has ended: {self.told()[-2000:]}"
        try:
            with self.client() as client:
                return bool(client.get_status())
        except (ClientError, NotRunningError, FileNotFoundError):
            return False

    @property
    def url(self) -> str:
        """Where it answers."""
        return Settings.load(self.home).control_url

    def token(self) -> str:
        """The owner's token."""
        return (self.home / "token").read_text(encoding="utf-8").strip()

    def client(self) -> Client:
        """A client of it, as its owner."""
        return Client(self.url, self.token())

    def told(self) -> str:
        """All that it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def end(self, seconds: float = 90) -> int:
        """Tell it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@dataclass
class Up:
    """A running `flyball up`."""

    project: Path
    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(cls, project: Path, home: Path, *options: str, console: bool = False) -> Up:
        """Start it; `options` as on the command line."""
        home.parent.mkdir(parents=True, exist_ok=True)
        output = home.parent / f"{home.name}.up.log"
        more = [] if console else ["--no-console"]
        with output.open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, "up", str(project), "--home", str(home), *PORTS, *more, *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        return cls(project, home, process, output)

    def wait_serving(self, seconds: float = 120) -> None:
        """Return when a champion answers."""
        wait_for(lambda: self.phase() == "serving", seconds, told=f"serving; {self.told()[-2000:]}")

    def phase(self) -> str | None:
        """What the control plane says that it is doing; None while it cannot be asked."""
        assert self.process.poll() is None, f"`up` has ended: {self.told()[-2000:]}"
        try:
            with self.client() as client:
                return str(client.get_status()["phase"])
        except (ClientError, FileNotFoundError, LookupError, OSError, ValueError):
            return None

    def settings(self) -> Settings:
        """The settings with the ports that it found."""
        return Settings.load(self.home)

    def token(self) -> str:
        """The owner's token."""
        return (self.home / "token").read_text(encoding="utf-8").strip()

    def client(self) -> Client:
        """A client of the control plane."""
        return Client(self.settings().control_url, self.token())

    def pid(self, name: str) -> int:
        """The process of the child `name`: control, predict or console."""
        return int(get_up(self.home)["children"][name]["pid"])

    def replay(self, start: str, end: str, *options: str, seconds: float = 400) -> dict[str, Any]:
        """`flyball replay` to its end; its figures."""
        figures = self.home.parent / f"{self.home.name}.replay.json"
        command = [*COMMAND, "replay", str(self.project), "--home", str(self.home), "--from", start, "--to", end, "--json", str(figures)]
        done = subprocess.run([*command, *options], capture_output=True, timeout=seconds, check=False)
        assert done.returncode == 0, done.stderr.decode()[-3000:] + self.told()[-3000:]
        found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
        return found

    def told(self) -> str:
        """All that it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def end(self, seconds: float = 90) -> int:
        """Tell it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
