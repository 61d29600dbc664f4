"""Who waits for a model that does one thing at a time is asked for together, and nobody's rows cost another an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.core.clock import MonotonicTimer
from flyball.serving.errors import ModelFailedError, ModelRaisedError
from flyball.serving.merging import FIRST_ROWS, MOST_ROWS, Merger, together

RAISES, DIES = -1.0, -2.0


class Model:
    """Doubles the numbers that it is given, and keeps what it was asked; it raises at a row of -1 and dies at one of -2."""

    def __init__(self, timer: Ticking | None = None) -> None:
        self.asked: list[list[float]] = []
        self.dead, self.revived = False, 0
        self.timer = timer
        self.go = asyncio.Event()
        self.go.set()

    async def ask(self, frame: pl.DataFrame) -> Any:
        await self.go.wait()
        numbers = frame["x"].to_list()
        self.asked.append(numbers)
        await asyncio.sleep(0)
        if self.timer is not None:
            self.timer.now += 0.01 * len(numbers)
        if self.dead or DIES in numbers:
            self.dead = True
            raise ModelFailedError("its process died")
        if RAISES in numbers:
            raise ModelRaisedError("ValueError: no")
        return 2 * frame["x"].to_numpy()

    async def revive(self) -> None:
        self.dead, self.revived = False, self.revived + 1


class Ticking:
    now = 0.0

    def seconds(self) -> float:
        return self.now


def frame(*numbers: float) -> pl.DataFrame:
    return pl.DataFrame({"x": numbers}, schema={"x": pl.Float64})


def merged(ask: Callable[[Model, Merger], Awaitable[Any]], **options: Any) -> tuple[Any, Model]:
    async def main() -> tuple[Any, Model]:
        model = Model(options.pop("ticking", None))
        merger = Merger(model, **{"timer": model.timer or MonotonicTimer(), "target_seconds": 10.0, **options})
        return await ask(model, merger), model

    return asyncio.run(main())


def words(answers: list[Any]) -> list[Any]:
    return [str(found) if isinstance(found, Exception) else found.tolist() for found in answers]


async def busy(model: Model, merger: Merger, *frames: pl.DataFrame) -> list[Any]:
    """What each is told who comes while the model is busy."""
    model.go.clear()
    first = asyncio.ensure_future(merger.predict(frame(0), [1]))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(merger.predict(one, [one.height])) for one in frames]
    await asyncio.sleep(0)
    model.go.set()
    return [answer for found in await asyncio.gather(first, *others) for answer in found][1:]


def test_who_waits_while_it_is_busy_is_asked_for_in_one_call() -> None:
    found, model = merged(lambda model, merger: busy(model, merger, frame(1), frame(2, 3), frame(4)))
    assert words(found) == [[2], [4, 6], [8]]
    assert model.asked == [[0], [1, 2, 3, 4]]


def test_a_lone_caller_waits_for_nobody() -> None:
    async def ask(_: Model, merger: Merger) -> Any:
        return [await merger.predict(frame(number), [1]) for number in range(3)]

    timer = Ticking()  # it stands still: a pause would never end
    _, model = merged(ask, call_seconds=100.0, ticking=timer)
    assert model.asked == [[0], [1], [2]]


def test_rows_of_other_columns_are_another_call() -> None:
    other = frame(2).with_columns(y=pl.lit(1))
    found, model = merged(lambda model, merger: busy(model, merger, frame(1), other, frame(3)))
    assert words(found) == [[2], [4], [6]]
    assert model.asked == [[0], [1], [2], [3]]


@pytest.mark.parametrize("bad", range(5))
def test_whoever_makes_it_raise_is_told_so_and_nobody_else(bad: int) -> None:
    frames = [frame(RAISES) if place == bad else frame(place) for place in range(5)]
    found, model = merged(lambda model, merger: busy(model, merger, *frames))
    assert words(found) == ["ValueError: no" if place == bad else [2 * place] for place in range(5)]
    assert not model.revived


@pytest.mark.parametrize("bad", range(4))
def test_whoever_ends_it_has_no_answer_and_everybody_else_has(bad: int) -> None:
    frames = [frame(DIES) if place == bad else frame(place) for place in range(4)]
    found, _ = merged(lambda model, merger: busy(model, merger, *frames))
    assert words(found) == ["its process died" if place == bad else [2 * place] for place in range(4)]


def test_few_of_its_processes_are_spent_to_find_many_who_end_it() -> None:
    found, model = merged(lambda model, merger: busy(model, merger, *[frame(DIES)] * 30))
    assert set(words(found)) == {"its process died"}
    assert len(model.asked) < 6


def test_the_callers_of_one_frame_are_told_apart() -> None:
    found, _ = merged(lambda _, merger: merger.predict(frame(1, 2, RAISES, 4), [2, 1, 1]))
    assert words(found) == [[2, 4], "ValueError: no", [8]]


def test_a_slow_model_is_asked_for_fewer_rows_at_once_and_a_quick_one_for_more() -> None:
    async def ask(_: Model, merger: Merger) -> Any:
        for _turn in range(8):
            await merger.predict(frame(*range(200)), [10] * 20)
        return None

    _, slow = merged(ask, ticking=Ticking(), target_seconds=0.2)
    assert max(map(len, slow.asked)) <= FIRST_ROWS
    assert max(map(len, slow.asked[-10:])) <= 40
    _, quick = merged(ask, target_seconds=100.0)
    assert len(quick.asked[-1]) == 200 <= MOST_ROWS


def test_an_answer_of_another_length_is_no_answer_to_several() -> None:
    class Short(Model):
        async def ask(self, frame: pl.DataFrame) -> Any:
            return (await super().ask(frame))[:1]

    async def main() -> Any:
        return await Merger(Short(), timer=MonotonicTimer(), target_seconds=1.0).predict(frame(1, 2), [1, 1])

    assert words(asyncio.run(main())) == [[2], [4]]  # each alone has as many as it asked for


def test_answers_are_together_unless_one_is_missing() -> None:
    assert together([np.array([1.0]), np.array([2.0, 3.0])]).tolist() == [1, 2, 3]  # type: ignore[union-attr]  # they are all there
    assert isinstance(together([np.array([1.0]), ModelFailedError("no")]), list)
