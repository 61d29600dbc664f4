"""The two clocks: `Clock` tells business time, `Timer` measures real time, and there is no other.

Windows, triggers, holds and known times are business time and may be scaled or virtual; timeouts, leases and rate limits are
real time and never are. Nothing else in the product calls ``datetime.now`` or ``time.monotonic``.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from flyball.core.errors import NaiveTimeError, TimeReversedError, TimeTextError


def utc(moment: datetime) -> datetime:
    """The same instant in UTC; a naive time has no instant and is refused.

    Raises:
        NaiveTimeError: `moment` carries no time zone.
    """
    if moment.tzinfo is None:
        raise NaiveTimeError(moment)
    return moment.astimezone(UTC)


def parse_time(text: str, *, what: str) -> datetime:
    """The moment that an ISO 8601 text means; `what` names the option or field that it stands in.

    Raises:
        TimeTextError: it is none, or has no zone.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise TimeTextError(what, text)
    return found


class Clock(Protocol):
    """Business time, UTC and aware; it never runs backwards within one process. Thread-safe."""

    def now(self) -> datetime: ...


class Timer(Protocol):
    """Monotonic real time in seconds from an arbitrary origin. Thread-safe; never goes back, whatever the system clock does."""

    def seconds(self) -> float: ...


class WallClock:
    """Business time is the system's time, held back where the system clock steps back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        with self._lock:
            self._last = max(self._last, self._read())
            return self._last

    def advance_to(self, moment: datetime) -> None:
        """It shows at least `moment` from now on, and stands there until the system's clock has come so far."""
        with self._lock:
            self._last = max(self._last, utc(moment))

    def _read(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  the one place that reads the wall


class VirtualClock:
    """Business time is where it was put; it only moves forward, by `advance_to`."""

    def __init__(self, start: datetime) -> None:
        self._now = utc(start)

    def now(self) -> datetime:
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """Jump to `moment`.

        Raises:
            TimeReversedError: `moment` lies before now; the clock stays where it was.
        """
        moment = utc(moment)
        if moment < self._now:
            raise TimeReversedError(self._now, moment)
        self._now = moment


class MonotonicTimer:
    """Real time from the operating system's monotonic clock."""

    def seconds(self) -> float:
        return time.monotonic()  # noqa: TID251  the one place that reads it


class ManualTimer:
    """Real time moved by hand, for tests of leases and timeouts."""

    def __init__(self, start_seconds: float = 0.0) -> None:
        self._seconds = start_seconds

    def seconds(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; a negative number is refused."""
        if seconds < 0:
            raise ValueError(f"time passes forward only, not by {seconds} s")
        self._seconds += seconds
