"""Steps in this process: for small steps and tests; it cannot end a function that does not end by itself."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from flyball.core.clock import MonotonicTimer, Timer
from flyball.pipelines.errors import StepTimeoutError
from flyball.pipelines.executor import Work, call


class InlineExecutor:
    """An `Executor` that calls the function where it stands; a time limit is judged when the function has ended."""

    def __init__(self, timer: Timer | None = None) -> None:
        self._timer = timer or MonotonicTimer()
        self._turn = threading.RLock()  # a step's function may run steps of its own

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        with self._turn, Path(work.log).open("a", encoding="utf-8") as log:
            start = self._timer.seconds()
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                summary = call(work)
            if timeout_seconds is not None and self._timer.seconds() - start > timeout_seconds:
                raise StepTimeoutError(work.step, timeout_seconds)
            return summary

    def close(self) -> None:
        """Nothing is held."""
