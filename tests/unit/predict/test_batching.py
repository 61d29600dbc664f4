"""What comes in turns that follow one another is one call; who comes alone waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from flyball.core.clock import ManualTimer
from flyball.predict.batching import LONGEST_SECONDS, Batcher
from tests.unit.serving.test_engine import Bench


def calls(place: Path, turns: Sequence[int], *, seconds: float = 0.0) -> list[int]:
    """How many rows the model was asked about at once, where so many requests of a row come in each turn that takes so long."""
    bench, timer = Bench(place, lambda numbers: numbers), ManualTimer()

    async def main() -> None:
        batcher = Batcher(bench.engine, timer=timer)
        asking = []
        for number in turns:
            asking += [
                asyncio.ensure_future(batcher.ask(bench.endpoint, bench.rows([1.0]), arrived=0.0)) for _ in range(number)
            ]  # fmt: skip
            await asyncio.sleep(0)
            timer.sleep(seconds)
        await asyncio.gather(*asking)
        await bench.engine.finish()

    asyncio.run(main())
    bench.journal.close()
    return bench.models[0].calls


def test_turns_that_bring_others_are_one_call(tmp_path: Path) -> None:
    assert calls(tmp_path, [2, 1, 3, 1]) == [7]


def test_who_comes_alone_is_answered_at_once(tmp_path: Path) -> None:
    assert calls(tmp_path, [1, 0, 0, 1, 0, 0, 1]) == [1, 1, 1]


def test_nobody_waits_for_others_for_longer_than_a_moment(tmp_path: Path) -> None:
    found = calls(tmp_path, [2] * 12, seconds=LONGEST_SECONDS / 3)
    assert sum(found) == 24
    assert max(found) <= 10


def test_a_call_has_no_more_rows_than_one_may(tmp_path: Path) -> None:
    assert calls(tmp_path, [600, 600]) == [1000, 200]
