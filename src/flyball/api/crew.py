"""Threads for what blocks: bounded, shared fairly between callers; what finds no place is told so at once instead of waiting without end.

Nobody has more than most of the places, and those who wait are taken in turn: a flood drowns who makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flyball.api.errors import RETRY_SECONDS, OverloadedError
from flyball.api.gate import leave_place
from flyball.governance.errors import RateLimitedError
from flyball.governance.turns import CALLING, Turns

T = TypeVar("T")


class Crew:
    """Runs blocking calls for one event loop, `hands` at a time; `queue` more may wait for a hand."""

    def __init__(self, name: str, *, hands: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(hands, thread_name_prefix=f"api-{name}")
        self._turns = Turns(hands)
        self._places = hands + queue
        self._most = max(1, self._places * 3 // 4)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises.

        Raises:
            OverloadedError: every place is taken.
            RateLimitedError: this caller has taken most of them.
        """
        who = CALLING.get()
        if self._places <= 0:
            raise OverloadedError("requests")
        if who and self._turns.count(who) >= self._most:
            raise RateLimitedError(who, RETRY_SECONDS)
        leave_place()
        self._places -= 1
        try:
            await self._turns.take(who)
        except BaseException:
            self._places += 1
            raise
        # The place is free when the work has ended, not when nobody waits for it any more.
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda done: self._ended(done, who))
        return await asyncio.shield(future)

    def _ended(self, future: asyncio.Future[T], who: str) -> None:
        self._places += 1
        if not future.cancelled():
            future.exception()  # seen, also when its request has gone
        self._turns.give(who)

    def close(self) -> None:
        """Take no more work; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
