"""Threads for what blocks: bounded, shared fairly between callers; what finds no place is told so at once instead of waiting without end.

One caller alone may have all hands but one, so that the next finds a free one. While several are there, each has its share of them,
those who wait are taken in turn, caller by caller, and nobody has more than most of the places: a flood drowns who makes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TypeVar

from flyball.api.errors import RETRY_SECONDS, OverloadedError
from flyball.governance.errors import RateLimitedError

T = TypeVar("T")

CALLING: ContextVar[str] = ContextVar("flyball_calling", default="")
"""For whom this task works; whatever is the same name shares."""
ACTIVE_SECONDS = 1.0


class Crew:
    """Runs blocking calls for one event loop, `hands` at a time; `queue` more may wait for a hand."""

    def __init__(self, name: str, *, hands: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(hands, thread_name_prefix=f"api-{name}")
        self._hands = self._free = hands
        self._places = hands + queue
        self._most = max(1, self._places * 3 // 4)
        self._working: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # callers in the order of their turns
        self._seen: dict[str, float] = {}  # who has asked when last, the longest ago first

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises.

        Raises:
            OverloadedError: every place is taken.
            RateLimitedError: this caller has taken most of them.
        """
        who, loop = CALLING.get(), asyncio.get_running_loop()
        self._enter(who, loop.time())
        try:
            if self._free <= 0 or self._working.get(who, 0) >= self._share(loop.time()):
                await self._turn(who, loop)
            else:
                self._take(who)
        except BaseException:
            self._places += 1
            raise
        # The place is free when the work has ended, not when nobody waits for it any more.
        future = loop.run_in_executor(self._threads, work)
        future.add_done_callback(lambda done: self._ended(done, who))
        return await asyncio.shield(future)

    def _enter(self, who: str, now: float) -> None:
        self._seen.pop(who, None)
        self._seen[who] = now
        if self._places <= 0:
            raise OverloadedError("requests")
        if who and self._working.get(who, 0) + len(self._waiting.get(who, ())) >= self._most:
            raise RateLimitedError(who, RETRY_SECONDS)
        self._places -= 1

    def _share(self, now: float) -> int:
        """How many hands one caller may have now."""
        while self._seen and now - next(iter(self._seen.values())) > ACTIVE_SECONDS:
            self._seen.pop(next(iter(self._seen)))
        active = len(self._seen)
        return max(1, self._hands - 1 if active <= 1 else self._hands // (2 * active))

    async def _turn(self, who: str, loop: asyncio.AbstractEventLoop) -> None:
        turn = loop.create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(who, loop.time())  # the hand was given just as the client went away
            else:
                self._forget(who, turn)
            raise

    def _take(self, who: str) -> None:
        self._free -= 1
        self._working[who] = self._working.get(who, 0) + 1

    def _leave(self, who: str, now: float) -> None:
        self._free += 1
        self._working[who] -= 1
        if not self._working[who]:
            del self._working[who]
        self._call(now)

    def _call(self, now: float) -> None:
        """Give free hands to those who wait, one to each caller in turn, for as long as somebody may take one."""
        share = self._share(now)
        while self._free > 0:
            who = next((who for who in self._waiting if self._working.get(who, 0) < share), None)
            if who is None:
                return
            turns = self._waiting.pop(who)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns  # last in the row of callers
            if not turn.cancelled():
                self._take(who)
                turn.set_result(None)

    def _forget(self, who: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(who, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[who]

    def _ended(self, future: asyncio.Future[T], who: str) -> None:
        self._places += 1
        if not future.cancelled():
            future.exception()  # seen, also when its request has gone
        self._leave(who, future.get_loop().time())

    def close(self) -> None:
        """Take no more work; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
