"""Long polls: any number of requests wait on one look at the pulse, several times a second and only while somebody waits.

Who knows that something has changed says so, and the look is at once: a person waits for what model servers wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

from flyball.api.crew import Crew
from flyball.api.errors import OverloadedError
from flyball.app.controlplane import Pulse

INTERVAL_SECONDS = 0.05


class Waiting:
    """For one event loop. At most `limit` wait at once; `stop` lets all go, for a server that ends."""

    def __init__(self, pulse: Callable[[], Pulse], crew: Crew, *, limit: int) -> None:
        self._pulse, self._crew, self._limit = pulse, crew, limit
        self._waiters = 0
        self._stopped = False
        self._look: asyncio.Task[Pulse] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    @property
    def stopped(self) -> bool:
        """Nobody waits any more."""
        return self._stopped

    def stop(self) -> None:
        """Let all go at their next look."""
        self._stopped = True

    def tell(self) -> None:
        """Something has changed: look at once. From any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(self._told.set)

    async def until(self, changed: Callable[[Pulse], bool], seconds: float, *, gone: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the pulse has `changed`, for at most `seconds`, or until the one who asked has `gone`.

        Raises:
            OverloadedError: too many wait already.
        """
        if self._waiters >= self._limit:
            raise OverloadedError("long polls")
        self._waiters += 1
        try:
            async with asyncio.timeout(seconds):
                while not self._stopped and not changed(await self._next()):
                    if await gone():
                        return
        except TimeoutError:
            return
        finally:
            self._waiters -= 1

    async def _next(self) -> Pulse:
        self._loop = asyncio.get_running_loop()
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._one(), context=Context())  # on nobody's account
        return await asyncio.shield(self._look)  # one who gives up does not stop the look of the others

    async def _one(self) -> Pulse:
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL_SECONDS):
                await self._told.wait()
        self._told.clear()
        return await self._crew.run(self._pulse)
