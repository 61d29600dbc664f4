"""Threads for what blocks: bounded, and what finds no place is told so at once instead of waiting without end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flyball.api.errors import OverloadedError

T = TypeVar("T")


class Crew:
    """Runs blocking calls for one event loop, `hands` at a time; `queue` more may wait for a hand."""

    def __init__(self, name: str, *, hands: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(hands, thread_name_prefix=f"api-{name}")
        self._places = hands + queue

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises.

        Raises:
            OverloadedError: every place is taken.
        """
        if self._places <= 0:
            raise OverloadedError("requests")
        self._places -= 1
        # The place is free when the work has ended, not when nobody waits for it any more.
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._ended)
        return await asyncio.shield(future)

    def _ended(self, future: asyncio.Future[T]) -> None:
        self._places += 1
        if not future.cancelled():
            future.exception()  # seen, also when its request has gone

    def close(self) -> None:
        """Take no more work; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
