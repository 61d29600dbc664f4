"""Several executors as one, so that as many steps run at once."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flyball.pipelines.executor import Executor, Work
from flyball.pipelines.process import ProcessExecutor


class ExecutorPool:
    """An `Executor` that gives each step to the member that was used last and is free; a step waits while none is.

    Results do not depend on which member ran a step. Thread-safe.
    """

    def __init__(self, members: Sequence[ProcessExecutor]) -> None:
        self._members = tuple(members)
        # Last in, first out: a member that has imported its libraries is preferred to one that has not.
        self._free: queue.LifoQueue[Executor] = queue.LifoQueue()
        for member in reversed(self._members):
            self._free.put(member)

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        member = self._free.get()
        try:
            return member.execute(work, timeout_seconds)
        finally:
            self._free.put(member)

    def abort(self) -> None:
        """End the steps under way at once and run no other; who waits for one gets a `StepFailedError`."""
        for member in self._members:
            member.abort()

    def rest(self) -> None:
        """End the processes that run no step; never waits for a step. They are started again when they are needed."""
        idle: list[Executor] = []
        try:
            with suppress(queue.Empty):
                while True:
                    idle.append(self._free.get_nowait())
            for member in idle:
                member.close()
        finally:
            for member in reversed(idle):
                self._free.put(member)

    def close(self) -> None:
        for member in self._members:
            member.close()
