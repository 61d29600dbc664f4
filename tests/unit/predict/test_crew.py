"""A crew is whole again after any of its workers died, whenever that was."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass

from flyball.core.clock import MonotonicTimer
from flyball.predict.board import Board
from flyball.predict.crew import Crew
from flyball.predict.hand import Launch

STAND_IN = """
import os, socket, sys
from flyball.predict import wire
channel = socket.socket(fileno=int(sys.argv[1]))
channel.sendall(wire.framed(wire.Hello()))
channel.recv(1)  # until the master is gone
"""


@dataclass(frozen=True)
class StandIns(Launch):
    """Workers that say that they have come, and nothing else."""

    def command(self, place: int, *, control: int, lines: int) -> list[str]:
        del place, lines
        return [sys.executable, "-c", STAND_IN, str(control)]


async def until(crew: Crew, what: Callable[[], bool]) -> None:
    """Return when it is so."""
    heard = asyncio.Event()
    crew.changed = heard.set
    async with asyncio.timeout(60):
        while not what():
            await heard.wait()
            heard.clear()


def test_a_worker_that_dies_while_the_first_plan_is_loaded_is_started_again() -> None:
    async def main() -> None:
        crew = Crew(StandIns((), 0, board), MonotonicTimer())
        crew.resize(1)
        async with asyncio.timeout(60):
            assert await crew.come()
        first = crew.hands[0]
        first.kill()
        await until(crew, lambda: not crew.hands)
        await crew.begin()
        await until(crew, lambda: bool(crew.ready))
        assert crew.ready[0].pid != first.pid
        await crew.end(0)

    board = Board.create(1)
    try:
        asyncio.run(main())
    finally:
        board.close()
