"""Hands shared fairly between callers.

One caller alone may have all hands but one, so that the next finds a free one. While several are there, each has its share, and those who
wait are taken in turn, caller by caller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar

CALLING: ContextVar[str] = ContextVar("flyball_calling", default="")
"""For whom this task works; whatever has the same name shares."""
ACTIVE_SECONDS = 1.0


class Turns:
    """`hands` that are taken and given back; for one event loop."""

    def __init__(self, hands: int) -> None:
        self._hands = self._free = hands
        self._working: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # callers in the order of their turns
        self._seen: dict[str, float] = {}  # who has asked when last, the longest ago first

    def count(self, who: str) -> int:
        """How many hands the caller has or waits for."""
        return self._working.get(who, 0) + len(self._waiting.get(who, ()))

    async def take(self, who: str) -> None:
        """Have a hand when this returns."""
        loop = asyncio.get_running_loop()
        self._seen.pop(who, None)
        self._seen[who] = loop.time()
        if self._free > 0 and self._working.get(who, 0) < self._share(loop.time()):
            self._grant(who)
            return
        turn = loop.create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(who)  # the hand was given just as the client went away
            else:
                self._forget(who, turn)
            raise

    def give(self, who: str) -> None:
        """Give a hand back, and on to who is next."""
        self._free += 1
        self._working[who] -= 1
        if not self._working[who]:
            del self._working[who]
        share = self._share(asyncio.get_running_loop().time())
        while self._free > 0:
            lucky = next((who for who in self._waiting if self._working.get(who, 0) < share), None)
            if lucky is None:
                return
            turns = self._waiting.pop(lucky)
            turn = turns.popleft()
            if turns:
                self._waiting[lucky] = turns  # last in the row of callers
            if not turn.cancelled():
                self._grant(lucky)
                turn.set_result(None)

    def _grant(self, who: str) -> None:
        self._free -= 1
        self._working[who] = self._working.get(who, 0) + 1

    def _share(self, now: float) -> int:
        """How many hands one caller may have now."""
        while self._seen and now - next(iter(self._seen.values())) > ACTIVE_SECONDS:
            self._seen.pop(next(iter(self._seen)))
        active = len(self._seen)
        return max(1, self._hands - 1 if active <= 1 else self._hands // (2 * active))

    def _forget(self, who: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(who, deque())
        if turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[who]
