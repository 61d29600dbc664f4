"""Statistics are those of all processes together, and of each version its own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np

from flyball.core.exposition import merged
from flyball.predict.metrics import families
from flyball.predict.statistics import Spent, statistics_of
from flyball.serving.counters import Counters
from tests.unit.serving.test_engine import Bench


def counted(*, calls: int, version: int = 1, route: str = "champion") -> Counters:
    counters = Counters()
    for _ in range(calls):
        counters.add_batch(("e", version, route), [0.5, 0.25], rows=3)
        counters.add_answers(("e", version, route), [1.0] * 3)
        counters.add_call(("e", version, route), began=10.0, asked=10.25, said=11.25, done=11.375)
    counters.failed["e", version] = 7
    return counters


def test_figures_of_all_processes_are_added_up() -> None:
    processes = [counted(calls=2), counted(calls=1, route="pinned"), counted(calls=5, version=2)]
    figures = merged(families(found, revision=1) for found in processes)
    first, nothing = statistics_of(figures, [("e", 1), ("other", 1)])
    assert (first.name, first.version, first.calls) == ("e", "1", 3)
    assert (first.success, first.fail, first.queue) == (Spent(9, 9_000_000_000), Spent(14), Spent(6, 2_250_000_000))
    assert (first.inputs, first.infer, first.outputs) == (Spent(3, 750_000_000), Spent(3, 3_000_000_000), Spent(3, 375_000_000))
    assert (nothing.name, nothing.calls, nothing.infer, nothing.success) == ("other", 0, Spent(), Spent())


def test_what_an_engine_does_is_measured_where_it_happens(tmp_path: Path) -> None:
    def slowly(numbers: list[float]) -> Any:
        time.sleep(0.02)  # what a model takes
        if any(number < 0 for number in numbers):
            raise ValueError("negative")
        return np.asarray(numbers)

    bench = Bench(tmp_path, slowly)
    bench.ask([1.0, 2.0], [3.0])
    bench.ask([-1.0])  # a call that comes to nothing
    asyncio.run(bench.engine.finish())
    (found,) = statistics_of(families(bench.engine.counters, revision=1), [("e", 1)])
    assert (found.calls, found.success.count, found.fail.count) == (2, 3, 1)
    assert found.infer.count == found.inputs.count == found.outputs.count == 1
    assert found.infer.ns >= 19_000_000
    assert found.inputs.ns > 0 < found.outputs.ns
    bench.journal.close()
