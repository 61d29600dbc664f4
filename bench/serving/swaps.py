"""Versions swapped under load: ``python bench/serving/swaps.py``.

A model server on core 0 answers callers on core 1 at half of what it can take, one row at a time, with journal and routing on, while a
person asks the control plane for 100 swaps, 100 rollbacks and 20 changes of weights, one after the other. Printed are failed requests,
answers of versions that might not give them, and how long each change took until every server had acknowledged it: first of versions that
are held ready, then of those that must be made ready before. Fails where a request failed or a version was not legal at its time.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flyball.testing.serving_home import ServingHome
from flyball.testing.steered import Callers, Seen, Steered, Timeline, steered

SWAPS, WEIGHTS = 100, 20
THREADS = 8
_LOAD_SECONDS = 4.0


def main() -> int:
    """Measure and judge; the exit code."""
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as folder:
        serving = ServingHome.trips(Path(folder))
        for number in range(1, 7):
            serving.add_linear(number, intercept=number - 3.0)
        with steered(Path(folder) / "control", serving) as found:
            for task in Path(f"/proc/{found.server.pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {0})
            return measure(found)


def measure(found: Steered) -> int:
    """One run; the exit code."""
    bodies = found.plane.serving.requests(2000)
    full = rate(found, bodies, pause=0.0)
    pause = 2 * THREADS / full
    endpoints, timeline = found.endpoints, Timeline(frozenset({1}))
    ready: list[float] = []
    with Callers(found.server, bodies, threads=THREADS, pause=pause) as callers:
        began = time.perf_counter()
        cold = [timeline.change(partial(endpoints.promote, "late", version=number), to={number}) for number in (2, 3)]
        timeline.change(lambda: endpoints.promote("late", version=1), to={1})
        for _ in range(SWAPS):
            ready.append(timeline.change(lambda: endpoints.promote("late", version=2), to={2}))
            ready.append(timeline.change(lambda: endpoints.rollback("late"), to={1}))
        for step in range(1, WEIGHTS + 1):
            weights = {1: 1 - step / 40, 2: step / 40}
            ready.append(timeline.change(partial(endpoints.set_weights, "late", weights), to={1, 2}))
        seconds = time.perf_counter() - began
    return told(callers.seen, timeline, ready=ready, cold=cold, rates=(full, len(callers.seen) / seconds))


def rate(found: Steered, bodies: Sequence[bytes], *, pause: float) -> float:
    """How many rows a second are answered."""
    with Callers(found.server, bodies, threads=THREADS, pause=pause) as callers:
        began = time.perf_counter()
        time.sleep(_LOAD_SECONDS)
        count, seconds = len(callers.seen), time.perf_counter() - began
    return count / seconds


def told(seen: Sequence[Seen], timeline: Timeline, *, ready: Sequence[float], cold: Sequence[float], rates: tuple[float, float]) -> int:
    """Print what was found; the exit code."""
    failed = [one for one in seen if one.status != 200]
    illegal, slow = timeline.illegal(seen), sorted(ready)[len(ready) * 95 // 100]
    sys.stdout.write(
        f"{len(seen):,} requests at {rates[1]:,.0f}/s (at most {rates[0]:,.0f}/s), {len(ready)} changes: "
        f"{len(failed)} failed, {len(illegal)} by a version that was not legal at its time\n"
        f"acknowledged, held ready: median {1000 * statistics.median(ready):.1f} ms, p95 {1000 * slow:.1f} ms\n"
        f"acknowledged, made ready before: {', '.join(f'{1000 * one:.0f} ms' for one in cold)}\n"
    )
    return int(bool(failed or illegal))


if __name__ == "__main__":
    sys.exit(main())
