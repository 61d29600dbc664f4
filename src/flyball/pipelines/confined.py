"""Steps that run code of strangers: each in a process of its own, which reads its inputs and writes its outputs, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyball.pipelines.executor import Work
from flyball.pipelines.process import THREADS, Child, ask
from flyball.storage.confined import command, environment
from flyball.storage.isolation import Confinement

MODULE = "flyball.pipelines.child"
CPU_SECONDS = 900


class ConfinedExecutor:
    """An `Executor` whose every step is alone: a fresh process, confined to the step's files as far as the host grants it.

    What the step writes below its outputs' directory as temporary is the caller's to remove with it. A step that was killed is not
    run again. Thread-safe; callers do not wait for each other.
    """

    def __init__(self, *, memory_bytes: int = 8 << 30) -> None:
        self._memory = memory_bytes

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        outputs = Path(work.outputs)
        scratch = outputs / "tmp"
        scratch.mkdir()
        Path(work.log).touch()
        wanted = Confinement(
            readable=tuple(work.inputs.values()), writable=(work.outputs, work.log), memory_bytes=self._memory, cpu_seconds=CPU_SECONDS
        )
        child = Child(command(wanted, MODULE), {**environment(str(scratch)), **THREADS})
        ended: list[int | None] = []

        def end() -> int | None:
            ended.append(child.end())
            return ended[0]

        try:
            return ask(child, work, timeout_seconds=timeout_seconds, end=end)
        finally:
            if not ended:
                end()

    def close(self) -> None:
        """Nothing is held."""
