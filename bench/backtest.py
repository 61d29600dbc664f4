"""What a backtest costs beyond its trainings: a cold and a warm run of the flights of one airport, in a home that is thrown away.

Run ``python bench/backtest.py``. The limit is the time that the trainings themselves take, measured inside the same cold run: a backtest
cannot be quicker than the trainings that it asks for, on the two children that it has. A warm run does everything but those.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flyball.app.backtest import PARALLEL, Request, run_backtest
from flyball.pipelines import ExecutorPool, ProcessExecutor, Work

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/flights"
WARM_RUNS = 3


class Silent:
    """A progress that says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        """Nobody is told."""
        del phase, share, text


def made_project(folder: Path) -> Path:
    """The example with JFK's flights only, so that a cold run takes half a minute."""
    subprocess.run(
        [sys.executable, str(EXAMPLE / "prepare.py"), "--into", str(folder / "data"), "--airport", "JFK"], check=True, capture_output=True
    )
    project = folder / "flights.py"
    project.write_text((EXAMPLE / "flights.py").read_text(encoding="utf-8"), encoding="utf-8")
    return project


def seconds_of_run(project: Path, pool: TimedPool) -> float:
    """Wall time of one backtest under the three policies."""
    start = time.perf_counter()
    run_backtest(Request(project), Silent(), executor=pool)
    return time.perf_counter() - start


class TimedPool(ExecutorPool):
    """The children of a backtest, with a stopwatch on their trainings."""

    def __init__(self) -> None:
        super().__init__([ProcessExecutor() for _ in range(PARALLEL)])
        self.trainings: list[float] = []

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Run it; a training's seconds are kept."""
        start = time.perf_counter()
        summary = super().execute(work, timeout_seconds)
        if work.step == "train":
            self.trainings.append(time.perf_counter() - start)
        return summary


def main() -> int:
    """Measure and print; there is no limit to pass."""
    with tempfile.TemporaryDirectory() as folder:
        project = made_project(Path(folder))
        pool = TimedPool()
        cold = seconds_of_run(project, pool)
        trainings, seconds = len(pool.trainings), sum(pool.trainings)
        warm = statistics.median(seconds_of_run(project, TimedPool()) for _ in range(WARM_RUNS))
    least = seconds / PARALLEL
    print(f"cold backtest   {cold:6.1f} s  {trainings} trainings, {seconds:.1f} s of them on {PARALLEL} children")
    print(f"least possible  {least:6.1f} s  ratio {cold / least:.2f}")
    print(f"warm backtest   {warm:6.1f} s  median of {WARM_RUNS}; {warm / cold:.2f} of the cold one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
