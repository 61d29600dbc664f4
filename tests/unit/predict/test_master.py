"""Between a master and its workers, where the system has no descriptor left for a connection, and when the master is gone."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flyball.app.workers import Workers
from flyball.core.clock import MonotonicTimer
from flyball.predict.board import Board
from flyball.predict.errors import DrainingError
from flyball.predict.master import Master
from flyball.predict.member import Arrivals, Member
from flyball.predict.options import Options


class Exhausted(socket.socket):
    """A listener of a process that may open nothing more."""

    asked = 0
    told = asyncio.Event()

    def accept(self) -> Any:
        self.asked += 1
        self.told.set()
        raise OSError(errno.EMFILE, "Too many open files")


def test_a_master_without_descriptors_rests_and_looks_again(tmp_path: Path) -> None:
    async def main() -> None:
        options = Options(home=tmp_path, host="127.0.0.1", port=0, auth=False, control_url=None, workers=Workers(2, 2))
        master = Master(options, listener, arguments=())
        ready: Any = SimpleNamespace(ready=True, passing=[], load=0, hand_over=lambda _: True)
        master._crew.hands[0] = ready
        with socket.create_connection(listener.getsockname(), timeout=60):
            master._changed()
            for _ in range(50):  # turns of the loop, in each of which the line is there
                await asyncio.sleep(0)
            assert listener.asked == 1
            listener.told.clear()
            async with asyncio.timeout(60):
                await listener.told.wait()
        master._stop.set()
        master._changed()

    with Exhausted(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        asyncio.run(main())


def test_a_connection_for_which_no_descriptor_was_free_is_counted_as_taken() -> None:
    async def main() -> None:
        server: Any = SimpleNamespace(lines=SimpleNamespace(connections=set()))
        arrivals = Arrivals(server, theirs, board=board, place=0, timer=MonotonicTimer())
        ours.send(b"c")  # the system takes out what it cannot open
        arrivals.take()
        assert board.get(0).taken == 1

    board = Board.create(1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with ours, theirs:
            asyncio.run(main())
    finally:
        board.close()


def test_who_asks_a_master_that_is_gone_is_told_so() -> None:
    async def main() -> None:
        lines: Any = SimpleNamespace(shed=0)
        writer: Any = SimpleNamespace(is_closing=lambda: True)
        reader, member = asyncio.StreamReader(), Member(None, writer, lines=lines)  # type: ignore[arg-type]  # no model is asked
        listening, asking = asyncio.ensure_future(member.listen(reader)), asyncio.ensure_future(member.figures())
        await asyncio.sleep(0)
        reader.feed_eof()  # killed, while it was asked
        async with asyncio.timeout(60):
            await listening
            with pytest.raises(DrainingError):
                await asking
            with pytest.raises(DrainingError):
                await member.load("late")

    asyncio.run(main())
