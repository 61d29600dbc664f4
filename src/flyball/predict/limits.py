"""What a model server takes in, settled by the head of a request, before anything of it is decoded.

In this order: how often a caller and an address ask (429), how much is inside already, of one caller and in all (429, 503). What an
endpoint gives, and whether it is behind, is `meter`'s.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from flyball.core.clock import Timer
from flyball.governance import Caller, Permission
from flyball.governance.buckets import Buckets, Ledger
from flyball.governance.limits import Limiter, Rates
from flyball.predict.errors import TooManyInsideError
from flyball.predict.meter import QUEUE_SECONDS, Meter
from flyball.predict.options import BULK_ROWS
from flyball.serving.errors import OverloadedError

COOLING_SECONDS = 0.1
MOST_COOLING = 512


@dataclass(frozen=True)
class Limits:
    """What the server takes in: of one request, of all that are inside at once, and how long it waits for those who are slow.

    A request in bulk has at most `bulk_rows`. A body has `body_seconds` to arrive, and an answer `answer_seconds` to be read. Of what may
    be inside at once one caller has `caller_share` at most. Where the oldest request of an endpoint has waited for `queue_seconds`, no more
    are taken in for it.
    """

    body_bytes: int = 10 << 20
    body_seconds: float = 10.0
    answer_seconds: float = 30.0
    bulk_rows: int = BULK_ROWS
    requests: int = 1024
    inside_bytes: int = 64 << 20
    caller_share: float = 0.75
    queue_seconds: float = QUEUE_SECONDS


class Entry:
    """One request that is inside, until the block ends."""

    __slots__ = ("_admission", "_bytes", "_who")

    def __init__(self, admission: Admission, who: str, *, size: int) -> None:
        self._admission, self._who, self._bytes = admission, who, size

    def weigh(self, size: int) -> None:
        """The body turned out to have so many bytes.

        Raises:
            OverloadedError: with them too much is inside.
        """
        admission = self._admission
        admission.inside_bytes += size - self._bytes
        self._bytes = size
        if admission.inside_bytes > admission.limits.inside_bytes:
            raise OverloadedError

    def leave(self) -> None:
        """It is outside again."""
        self._admission.leave(self._who, self._bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()


class Admission:
    """Counts who is inside. For one event loop."""

    def __init__(self, limits: Limits, rates: Rates, *, timer: Timer, ledger: Ledger | None = None) -> None:
        """`ledger` is shared with the processes that answer at the same port."""
        buckets = Buckets(timer, ledger)
        self.limits, self._limiter = limits, Limiter(rates, timer, buckets=buckets)
        self.meter = Meter(timer, buckets=buckets, queue_seconds=limits.queue_seconds)
        self.requests, self.inside_bytes, self.cooling = 0, 0, 0
        self._of: dict[str, int] = {}
        self._most_of_one = max(1, int(limits.requests * limits.caller_share))

    @classmethod
    def unlimited(cls, timer: Timer) -> Self:
        """As many requests of one caller as fit inside."""
        return cls(Limits(caller_share=1.0), Rates({}, None), timer=timer)

    def check_rate(self, caller: Caller, permission: Permission, *, address: str) -> None:
        """Count one request.

        Raises:
            RateLimitedError: the caller, or the address, has had as many as it gets.
        """
        self._limiter.check(caller, permission, address=address)

    def enter(self, who: str, *, expected: int = 0) -> Entry:
        """A request of so many bytes comes in.

        Raises:
            OverloadedError: too much is inside.
            TooManyInsideError: too much of this caller is.
        """
        limits = self.limits
        if self.requests >= limits.requests or self.inside_bytes + expected > limits.inside_bytes:
            raise OverloadedError
        inside = self._of.get(who, 0)
        if inside >= self._most_of_one:
            raise TooManyInsideError(who, inside)
        self._of[who] = inside + 1
        self.requests += 1
        self.inside_bytes += expected
        return Entry(self, who, size=expected)

    async def cool(self) -> None:
        """Who asks too often waits a moment for the refusal, so that asking over and over costs little more than asking once.

        Few wait at a time, so that they are no burden themselves; the others are refused at once.
        """
        if self.cooling >= MOST_COOLING:
            return
        self.cooling += 1
        try:
            await asyncio.sleep(COOLING_SECONDS)
        finally:
            self.cooling -= 1

    def leave(self, who: str, size: int) -> None:
        """It is outside again."""
        self.requests -= 1
        self.inside_bytes -= size
        left = self._of[who] - 1
        if left:
            self._of[who] = left
        else:
            del self._of[who]
