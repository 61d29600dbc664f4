"""Hands are shared between callers: a flood waits for itself, and what finds no place is told so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from flyball.api.crew import Crew
from flyball.api.errors import OverloadedError
from flyball.api.gate import Gate as PlaceGate
from flyball.api.gate import held
from flyball.governance.errors import RateLimitedError
from flyball.governance.turns import CALLING

T = TypeVar("T")
PATIENCE = 60


class Gate:
    """Work that ends when it is let; remembers who began, in order."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._open = threading.Semaphore(0)

    def work(self, name: str) -> Callable[[], str]:
        def pass_through() -> str:
            self.begun.append(name)
            assert self._open.acquire(timeout=PATIENCE)
            return name

        return pass_through

    def let(self, number: int) -> None:
        for _ in range(number):
            self._open.release()

    async def until(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.begun) < number:  # noqa: ASYNC110  threads cannot set its events
                await asyncio.sleep(0.001)


def ask(crew: Crew, gate: Gate, *, who: str, number: int = 1) -> list[asyncio.Task[str]]:
    async def one() -> str:
        CALLING.set(who)
        return await crew.run(gate.work(who))

    return [asyncio.create_task(one()) for _ in range(number)]


def run(test: Callable[[Crew, Gate], Awaitable[T]], *, hands: int, queue: int) -> T:
    async def all_of_it() -> T:
        crew = Crew("test", hands=hands, queue=queue)
        try:
            return await test(crew, Gate())
        finally:
            crew.close()

    return asyncio.run(all_of_it())


def test_one_caller_alone_leaves_a_hand_for_the_next() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        flood = ask(crew, gate, who="flood", number=20)
        await gate.until(3)
        (good,) = ask(crew, gate, who="good")
        await gate.until(4)
        assert gate.begun == ["flood"] * 3 + ["good"]
        gate.let(21)
        assert await good == "good"
        assert await asyncio.gather(*flood) == ["flood"] * 20

    run(test, hands=4, queue=100)


def test_those_who_wait_are_taken_in_turn() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        tasks = [*ask(crew, gate, who="a"), *ask(crew, gate, who="a", number=3), *ask(crew, gate, who="b", number=3)]
        await gate.until(1)
        for number in range(2, 8):
            gate.let(1)
            await gate.until(number)
        gate.let(1)
        await asyncio.gather(*tasks)
        assert gate.begun == ["a", "a", "b", "a", "b", "a", "b"]

    run(test, hands=1, queue=100)


def test_one_caller_does_not_get_every_place() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        flood = ask(crew, gate, who="flood", number=12)
        for _ in range(5):
            await asyncio.sleep(0)  # who is refused is refused at the first step
        refused = [task for task in flood if task.done()]
        assert len(refused) == 3
        assert {type(task.exception()) for task in refused} == {RateLimitedError}
        others = ask(crew, gate, who="good", number=3)
        (late,) = ask(crew, gate, who="late")
        with pytest.raises(OverloadedError):
            await late
        gate.let(12)
        assert await asyncio.gather(*others) == ["good"] * 3

    run(test, hands=2, queue=10)


def test_who_goes_away_while_waiting_frees_the_place_and_nobody_is_forgotten() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        first, *waiting = ask(crew, gate, who="a", number=8)
        await gate.until(1)
        for task in waiting[::2]:
            task.cancel()
        gate.let(8)
        assert await first == "a"
        assert await asyncio.gather(*waiting[1::2]) == ["a"] * 3
        assert len(gate.begun) == 4
        assert await asyncio.gather(*ask(crew, gate, who="b", number=4)) == ["b"] * 4

    run(test, hands=1, queue=20)


def test_what_goes_wrong_is_raised_and_the_hand_comes_back() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        del gate
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await crew.run(lambda: 1 / 0)
        assert await crew.run(lambda: 7) == 7

    run(test, hands=1, queue=1)


def test_a_place_before_the_routes_is_left_when_the_work_begins_and_when_nothing_was_to_do() -> None:
    async def test(crew: Crew, gate: Gate) -> None:
        places = PlaceGate(1)

        async def one(name: str) -> str:
            with held(await places.enter("a")):
                return await crew.run(gate.work(name))

        async def nothing() -> None:
            with held(await places.enter("b")):
                pass

        working = asyncio.create_task(one("slow"))
        await gate.until(1)
        async with asyncio.timeout(PATIENCE):  # it waits for a gate that only we open, and holds no place
            await nothing()
            await nothing()
        gate.let(1)
        assert await working == "slow"

    run(test, hands=2, queue=2)
