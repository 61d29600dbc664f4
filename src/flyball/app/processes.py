"""One process of `flyball up`: started in a group of its own, logged to its own file, restarted with growing patience, ended surely."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flyball.core.clock import Timer
from flyball.storage.errors import os_errors

LOG_BYTES = 10 << 20
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0
LONG_LIFE_SECONDS = 60.0
_POLL_SECONDS = 0.02
_TAIL_BYTES = 8_192
_TELL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Program:
    """What to run as `name`: a module with its arguments. `url` answers /healthz when it is ready; `ends_within` is its time to end."""

    name: str
    title: str
    module: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    ends_within: float = 3.0


class Process:
    """A program that should run. One thread uses it."""

    def __init__(self, program: Program, log: Path, *, timer: Timer) -> None:
        self.program, self.log = program, log
        self.restarts = 0
        self._timer = timer
        self._running: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        """Its number while it runs."""
        return None if self._running is None else self._running.pid

    @property
    def due(self) -> bool:
        """Whether it does not run and should be started now."""
        return self._running is None and self._timer.seconds() >= self._start_at

    def start(self) -> None:
        """Run it.

        Raises:
            UnavailableError: its log cannot be written, or the system starts no more processes.
        """
        with os_errors(self.log):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.rotate()
            command = [sys.executable, "-P", "-m", "flyball.app.launch", str(os.getpid()), self.program.module, *self.program.arguments]
            with self.log.open("ab") as log:
                self._running = subprocess.Popen(  # noqa: S603 - our own modules
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment},
                )  # fmt: skip
        self._started = self._timer.seconds()

    def ended(self) -> int | None:
        """How it has ended since the last call: its exit code, minus the signal that killed it, or None while it runs.

        What it left behind in its group is killed, and when it is due again is decided: the pause doubles unless it lived long.
        """
        if self._running is None or (code := self._running.poll()) is None:
            return None
        self._reap()
        if self._timer.seconds() - self._started >= LONG_LIFE_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        self._start_at = self._timer.seconds() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        self.restarts += 1
        return code

    def pause_seconds(self) -> float:
        """How long until it is due."""
        return max(0.0, self._start_at - self._timer.seconds())

    def terminate(self) -> None:
        """Ask it to end."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, now or within `seconds`; what it left in its group is killed then."""
        deadline = self._timer.seconds() + seconds
        while self._running is not None and self._running.poll() is None:
            if self._timer.seconds() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        self._reap()
        return True

    def kill(self) -> str:
        """End it and its group at once; where it was stuck, in one line, as far as it could tell."""
        if self._running is None:
            return ""
        before = self.log.stat().st_size if self.log.exists() else 0
        with suppress(ProcessLookupError):
            self._running.send_signal(signal.SIGUSR1)
            time.sleep(_TELL_SECONDS)
        stuck = _innermost(self._since(before))
        self.kill_now()
        return stuck

    def kill_now(self) -> None:
        """End it and its group at once."""
        if self._running is not None:
            self._signal_group(signal.SIGKILL)
            self._running.wait()
            self._reap()

    def tail(self, lines: int = 5) -> list[str]:
        """The last lines of its log."""
        size = self.log.stat().st_size if self.log.exists() else 0
        return self._since(max(0, size - _TAIL_BYTES))[-lines:]

    def rotate(self) -> None:
        """A log that has grown too long becomes `NAME.log.1`, and the one before that is gone."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            # The process keeps the file open: it is copied and emptied in place, and what is appended goes to its new beginning.
            self.log.with_suffix(".log.1").write_bytes(self.log.read_bytes()[-LOG_BYTES:])
            os.truncate(self.log, 0)

    def _since(self, position: int) -> list[str]:
        try:
            with self.log.open("rb") as log:
                log.seek(position)
                return [line for line in log.read(_TAIL_BYTES).decode(errors="replace").splitlines() if line.strip()]
        except OSError:
            return []

    def _signal_group(self, number: signal.Signals) -> None:
        if self._running is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._running.pid, number)

    def _reap(self) -> None:
        self._signal_group(signal.SIGKILL)  # children of its own that outlived it
        self._running = None


def _innermost(lines: Sequence[str]) -> str:
    """The newest frame of the thread that was named last: in such a dump that is the main one."""
    threads = [index for index, line in enumerate(lines) if line.startswith(("Thread ", "Current thread "))]
    return lines[threads[-1] + 1].strip() if threads and threads[-1] + 1 < len(lines) else ""
