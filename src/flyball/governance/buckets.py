"""Token buckets: each is filled at its rate up to its burst, and emptied by what is taken.

Processes that answer at one port share them through a `Ledger`: each tells what it took, and looks every few milliseconds at what the
others did, so that together they give what one alone would, to within a few milliseconds' worth.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from flyball.core.clock import Timer

REMEMBERED = 10_000
LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and `burst` at once."""

    per_second: float
    burst: float


class Ledger(Protocol):
    """What the processes beside this one took, by key. For whoever holds the lock of `Buckets`."""

    def tell(self, key: str, *, amount: float, left: float, when: float) -> None:
        """This process took so much more, and saw so much left at that time."""
        ...

    def taken(self, key: str) -> float:
        """What the others took in all, which falls where one of them began anew."""
        ...

    def latest(self, key: str) -> tuple[float, float] | None:
        """What was left, and when, as another process saw it last; None where none knows the key."""
        ...


@dataclass(slots=True)
class _Bucket:
    left: float
    when: float
    others: float = 0.0
    looked: float = float("-inf")


class Buckets:
    """Buckets by key. At most `REMEMBERED` are kept; those untouched for longest are forgotten, full. Thread-safe."""

    def __init__(self, timer: Timer, ledger: Ledger | None = None) -> None:
        self._timer, self._ledger = timer, ledger
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, _Bucket] = {}

    def take(self, key: Hashable, rate: Rate, *, amount: float = 1.0) -> float:
        """Take so much, where so much is left: 0, or in how many seconds it will be. What is refused costs nothing."""
        with self._lock:
            bucket = self._filled(key, rate)
            if bucket.left >= amount:
                self._spend(key, bucket, amount=amount)
                return 0.0
            return (amount - bucket.left) / rate.per_second

    def wait_seconds(self, key: Hashable, rate: Rate) -> float:
        """0 while anything is left, or in how many seconds there will be."""
        with self._lock:
            left = self._filled(key, rate).left
            return 0.0 if left > 0 else (1.0 - left) / rate.per_second

    def charge(self, key: Hashable, rate: Rate, *, amount: float) -> None:
        """Take so much, whatever is left: of what is known only when it was let in. What is owed is waited for."""
        with self._lock:
            self._spend(key, self._filled(key, rate), amount=amount)

    def _filled(self, key: Hashable, rate: Rate) -> _Bucket:
        now = self._timer.seconds()
        buckets = self._buckets
        bucket = buckets.pop(key, None)
        if bucket is None:
            bucket = self._opened(key, rate, now=now)
        else:
            left = bucket.left + (now - bucket.when) * rate.per_second
            bucket.left = min(left, rate.burst)
            bucket.when = now
        buckets[key] = bucket
        if len(buckets) > REMEMBERED:
            del buckets[next(iter(buckets))]
        if self._ledger is not None and now - bucket.looked >= LOOK_SECONDS:
            others = self._ledger.taken(str(key))
            bucket.left -= max(0.0, others - bucket.others)
            bucket.others, bucket.looked = others, now
        return bucket

    def _opened(self, key: Hashable, rate: Rate, *, now: float) -> _Bucket:
        seen = None if self._ledger is None else self._ledger.latest(str(key))
        if self._ledger is None or seen is None or seen[1] > now:  # the last: it is of before the machine was started
            return _Bucket(rate.burst, now)
        left, when = seen
        return _Bucket(min(rate.burst, left + max(0.0, now - when) * rate.per_second), now, others=self._ledger.taken(str(key)), looked=now)

    def _spend(self, key: Hashable, bucket: _Bucket, *, amount: float) -> None:
        bucket.left -= amount
        if self._ledger is not None:
            self._ledger.tell(str(key), amount=amount, left=bucket.left, when=bucket.when)
