"""Steps in a child process, so that no end of user code is an end of ours.

One child is kept for many steps, because importing numerical libraries costs seconds. It is a process group of its own: Ctrl-C
reaches us alone, and we end it with all that it has started.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flyball.core.clock import MonotonicTimer, Timer
from flyball.pipelines.errors import StepAbortedError, StepFailedError, StepTimeoutError
from flyball.pipelines.executor import Work

THREADS = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait make a busy machine twenty times slower
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
"""Results must not depend on the number of cores of the machine, nor on how a process hashes text."""

KILLS = 3
"""A step whose process is killed so often fails: who was killed once may have been so by mistake, but it may also need too much memory."""

_LOOK_SECONDS = 0.5
_COMMAND = (sys.executable, "-m", "flyball.pipelines.child")
_LOG = logging.getLogger(__name__)


class _KilledError(StepFailedError):
    """The step's process was killed from outside: by somebody, or for want of memory."""


class Child:
    """A started child and the two pipes to it; `command` and `environment` are all that it is, but for the pipes' two numbers."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        theirs, self._requests = os.pipe()
        self.answers, answers = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module by our own interpreter
                [*command, str(theirs), str(answers)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs, answers), start_new_session=True, env=dict(environment),
            )  # fmt: skip
        except BaseException:
            os.close(self._requests)
            os.close(self.answers)
            raise
        finally:
            os.close(theirs)
            os.close(answers)
        self._rest = b""

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, work: Work) -> None:
        data = json.dumps(asdict(work)).encode() + b"\n"
        while data:
            data = data[os.write(self._requests, data) :]

    def receive(self, seconds: float | None) -> bytes | None:
        """The next line; b"" when the child is gone, None when `seconds` passed without it."""
        timer = MonotonicTimer()
        end = None if seconds is None else timer.seconds() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.answers, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                left = _LOOK_SECONDS if end is None else min(end - timer.seconds(), _LOOK_SECONDS)
                if left <= 0:
                    return None
                alive = self.alive()
                if not selector.select(left if alive else 0):
                    # Something that user code forked may hold the pipe open after the child's death.
                    if not alive:
                        return b""
                    continue
                data = os.read(self.answers, 1 << 16)
                if not data:
                    return b""
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def kill(self) -> None:
        """Kill the group; `end` is still to be called."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # also when the child is gone: what it started may live

    def end(self) -> int:
        """Kill the group and wait for it; returns the exit code, negative for a signal."""
        code = self._process.poll()
        self.kill()
        waited = self._process.wait()
        os.close(self._requests)
        os.close(self.answers)
        return waited if code is None else code


class ProcessExecutor:
    """An `Executor` on one long-lived child; after a crash or a timeout the next step gets a fresh one.

    A step whose child is killed from outside is run again, up to `KILLS` times in all.

    `environment` is added to the child's.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, *, timer: Timer | None = None) -> None:
        self._environment = {**THREADS, **(environment or {})}
        self._timer = timer or MonotonicTimer()
        self._turn = threading.Lock()
        self._child: Child | None = None
        self._aborted = False

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        with self._turn:
            for _ in range(KILLS - 1):
                try:
                    return self._attempt(work, timeout_seconds=timeout_seconds)
                except _KilledError:
                    if not self._aborted:
                        _LOG.warning("The process of the step %r was killed; it is run again", work.step)
                    _empty(Path(work.outputs))
            return self._attempt(work, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        with self._turn:
            self._end()

    def abort(self) -> None:
        """End the step under way at once and run no other; who waits for one gets a `StepFailedError`. Does not wait for its turn."""
        self._aborted = True  # before the look at the child, as `execute` does it the other way round: one of the two sees the other
        child = self._child
        if child is not None:
            child.kill()

    def _attempt(self, work: Work, *, timeout_seconds: float | None) -> dict[str, Any]:
        try:
            return self._run(self._ready(work.step), work, timeout_seconds=timeout_seconds)
        except StepFailedError:
            raise
        except BaseException:  # Ctrl-C among them: the child must not go on alone
            self._end()
            raise

    def _ready(self, step: str) -> Child:
        if self._child is not None and not self._child.alive():
            self._end()
        if self._child is None:
            self._child = Child(_COMMAND, {**os.environ, **self._environment})
        if self._aborted:
            raise StepAbortedError(step)
        return self._child

    def _end(self) -> int | None:
        child, self._child = self._child, None
        return None if child is None else child.end()

    def _run(self, child: Child, work: Work, *, timeout_seconds: float | None) -> dict[str, Any]:
        return ask(child, work, timeout_seconds=timeout_seconds, end=self._end)


def ask(child: Child, work: Work, *, timeout_seconds: float | None, end: Callable[[], int | None]) -> dict[str, Any]:
    """What the child says of the work; `end` ends a child that gave no answer, and tells its exit code.

    Raises:
        StepFailedError, StepTimeoutError: as `Executor.execute`.
    """
    try:
        child.send(work)
        line = child.receive(timeout_seconds)
    except BrokenPipeError:
        line = b""
    if line is None:
        end()
        raise StepTimeoutError(work.step, timeout_seconds or 0.0)
    if not line:
        code = end()
        kind = _KilledError if code == -signal.SIGKILL else StepFailedError
        raise kind(work.step, _death(code), kind="crash", detail=_tail(work.log))
    answer = json.loads(line)
    if "failed" in answer:
        failed = answer["failed"]
        raise StepFailedError(work.step, failed["reason"], kind=failed["kind"], detail=failed["detail"])
    summary: dict[str, Any] = answer["summary"]
    return summary


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by {signal.Signals(-code).name}. Out of memory and faults in compiled code look like this."
    return f"its process ended by itself with exit code {code}. Remove os._exit, or whatever ends the interpreter, from the code."


def _empty(directory: Path) -> None:
    for found in directory.iterdir():
        shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()


def _tail(log: str) -> str:
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace")[-4000:]
    except OSError:
        return ""
