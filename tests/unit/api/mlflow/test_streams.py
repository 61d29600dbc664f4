"""Bodies between an event loop and a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flyball.api.crew import Crew
from flyball.api.errors import SlowBodyError
from flyball.api.mlflow.streams import HELD_BYTES, Inflow, Presence, pull
from flyball.app.gathering import ClientGoneError, Message

CHUNK = 1 << 20


class Body:
    """A client that sends `count` chunks as fast as they are taken, and then ends by `last`."""

    def __init__(self, count: int, last: str) -> None:
        self.sent, self._count, self._last = 0, count, last

    async def receive(self) -> Message:
        if self.sent < self._count:
            self.sent += 1
            return {"type": "http.request", "body": bytes([self.sent % 256]) * CHUNK, "more_body": True}
        if self._last == "silence":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"} if self._last == "gone" else {"type": "http.request", "body": b"", "more_body": False}


def served(body: Body, work: Callable[[Iterator[bytes]], Any], *, idle_seconds: float = 60) -> Any:
    async def serve() -> Any:
        crew = Crew("test", hands=2, queue=2)
        try:
            return await Inflow(body.receive, idle_seconds=idle_seconds).serve(crew, work)
        finally:
            crew.close()

    return asyncio.run(serve())


def test_all_of_it_comes_in_order() -> None:
    found = served(Body(20, "end"), lambda chunks: [chunk[0] for chunk in chunks])
    assert found == list(range(1, 21))


def test_no_more_is_held_than_was_said() -> None:
    body = Body(50, "end")

    def slow(chunks: Iterator[bytes]) -> int:
        ahead = 0
        for taken, _ in enumerate(chunks):
            threading.Event().wait(0.001)
            ahead = max(ahead, body.sent - taken)
        return ahead

    assert served(body, slow) * CHUNK <= HELD_BYTES + 3 * CHUNK


@pytest.mark.parametrize(("last", "error"), [("gone", ClientGoneError), ("silence", SlowBodyError)])
def test_who_works_is_told_that_the_rest_does_not_come(last: str, error: type[Exception]) -> None:
    told: list[Exception] = []

    def work(chunks: Iterator[bytes]) -> None:
        try:
            for _ in chunks:
                pass
        except (ClientGoneError, SlowBodyError) as found:
            told.append(found)
            raise

    with pytest.raises(error):
        served(Body(3, last), work, idle_seconds=0.05)
    assert [type(found) for found in told] == [error]


def test_work_that_refuses_ends_it_at_once() -> None:
    body = Body(10_000, "silence")

    def work(chunks: Iterator[bytes]) -> None:
        next(chunks)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        served(body, work)
    assert body.sent < 100


def test_parts_are_made_by_a_thread() -> None:
    async def all_of(parts: Iterator[bytes]) -> list[bytes | None]:
        crew = Crew("test", hands=1, queue=1)
        try:
            return [await pull(crew, parts) for _ in range(3)]
        finally:
            crew.close()

    here = threading.get_ident()
    parts = (str(threading.get_ident() != here).encode() for _ in range(2))
    assert asyncio.run(all_of(parts)) == [b"True", b"True", None]


def test_presence_ends_with_the_client() -> None:
    async def watch() -> tuple[bool, bool]:
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        presence = Presence(receive)
        before = presence.gone()
        gone.set()
        await asyncio.wait_for(presence.ended(), 60)
        presence.end()
        return before, presence.gone()

    assert asyncio.run(watch()) == (False, True)
