"""Between an event loop that must not wait and threads that must: bodies are worked on while they come, answers sent as they are made."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from flyball.api.crew import Crew
from flyball.api.errors import SlowBodyError
from flyball.api.intake import Receive
from flyball.app.gathering import ClientGoneError

HELD_BYTES = 4 << 20
IDLE_SECONDS = 30.0
T = TypeVar("T")


class Inflow:
    """A body as chunks for a thread, of which at most about 4 MB wait. It is as slow as its client, but no slower than 30 s a chunk."""

    def __init__(self, receive: Receive, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._receive, self._idle_seconds = receive, idle_seconds
        self._chunks: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._held = 0
        self._whole = self._left = False
        self._broken: Exception | None = None

    async def serve(self, crew: Crew, work: Callable[[Iterator[bytes]], T]) -> T:
        """What `work` makes of the chunks; where the client goes or is too slow, `work` is told by that error.

        Raises:
            ClientGoneError: nobody waits for an answer.
            SlowBodyError: a chunk did not come in time.
            Exception: whatever `work` raises, at once.
        """
        working = asyncio.ensure_future(crew.run(lambda: work(self._given())))
        filling = asyncio.ensure_future(self._fill())
        try:
            return await working
        finally:
            self._left = True
            self._room.set()
            filling.cancel()
            with self._changed:
                self._whole = True
                self._changed.notify()

    async def _fill(self) -> None:
        try:
            while not self._whole and not self._left:
                await self._take()
        except (ClientGoneError, SlowBodyError) as error:
            with self._changed:
                self._broken = error
                self._changed.notify()

    async def _take(self) -> None:
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._receive()
        except TimeoutError as error:
            raise SlowBodyError(self._idle_seconds) from error
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        with self._changed:
            if chunk:
                self._chunks.append(chunk)
                self._held += len(chunk)
            self._whole = not message.get("more_body", False)
            full = self._held > HELD_BYTES
            if full:
                self._room.clear()
            self._changed.notify()
        if full:
            await self._room.wait()

    def _given(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._chunks or self._whole or self._broken is not None)
                if self._broken is not None:
                    raise self._broken
                if not self._chunks:
                    return
                chunk = self._chunks.popleft()
                self._held -= len(chunk)
                room = self._held <= HELD_BYTES // 2
            if room:
                self._loop.call_soon_threadsafe(self._room.set)
            yield chunk


async def pull(crew: Crew, chunks: Iterator[bytes]) -> bytes | None:
    """The next chunk, made by a thread; None after the last."""
    return await crew.run(lambda: next(chunks, None))


class Presence:
    """Whether the client of a request still waits, for a thread that would otherwise work for nobody."""

    def __init__(self, receive: Receive) -> None:
        self._gone = threading.Event()
        self._watch = asyncio.ensure_future(self._listen(receive))

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    def gone(self) -> bool:
        """It has closed the connection."""
        return self._gone.is_set()

    async def ended(self) -> None:
        """Wait until it has."""
        await self._watch

    def end(self) -> None:
        """Watch no more."""
        self._watch.cancel()
