"""How many requests one caller gets: a bucket for each caller and permission, filled at a rate, emptied by requests.

The defaults are far above what a training loop or a person does; they end what has gone astray. Which of those who stay below them is
served first is not settled here: the doors share their hands fairly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flyball.core.clock import Timer
from flyball.governance.authority import Caller
from flyball.governance.errors import LimitSettingError, RateLimitedError
from flyball.governance.permissions import Permission, Role

ALL, PREFIX = "FLYBALL_RATE_LIMITS", "FLYBALL_RATE_LIMIT_"
STRANGERS = "STRANGERS"
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second in the long run, and `burst` at once."""

    per_second: float
    burst: float


DEFAULT_RATES: Mapping[Permission, Rate] = {
    Permission.LIVENESS: Rate(100, 1_000),
    Permission.LOGIN: Rate(20, 200),
    Permission.READ: Rate(2_000, 10_000),
    Permission.PREDICT: Rate(10_000, 20_000),
    Permission.INGEST: Rate(500, 5_000),
    Permission.TRACK: Rate(10_000, 50_000),
    Permission.REGISTER: Rate(500, 5_000),
    Permission.RELEASE: Rate(10, 100),
    Permission.ADMIN: Rate(50, 1_000),
}
DEFAULT_STRANGERS = Rate(50, 200)
"""For one address, of requests that nobody known makes: no secret, or a wrong one."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate of each permission, for one caller, and that of `strangers`, for one address; None is without a limit."""

    known: Mapping[Permission, Rate | None] = field(default_factory=lambda: dict(DEFAULT_RATES))
    strangers: Rate | None = DEFAULT_STRANGERS

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The defaults, with what FLYBALL_RATE_LIMIT_READ, …_TRACK, …, …_STRANGERS say: "500", "500/2000" or "off".

        The first number is per second, the second how many may come at once: ten seconds' worth, where it is left out.
        FLYBALL_RATE_LIMITS=off is without any.

        Raises:
            LimitSettingError: one says something else.
        """
        if ALL in environment and _parsed(ALL, environment[ALL]) is None:
            return cls({}, None)
        known: dict[Permission, Rate | None] = dict(DEFAULT_RATES)
        for permission in Permission:
            name = PREFIX + permission.name
            if name in environment:
                known[permission] = _parsed(name, environment[name])
        name = PREFIX + STRANGERS
        return cls(known, _parsed(name, environment[name]) if name in environment else DEFAULT_STRANGERS)


class Limiter:
    """Counts requests. At most `REMEMBERED` buckets are kept; those untouched for longest are forgotten, full. Thread-safe."""

    def __init__(self, rates: Rates, timer: Timer) -> None:
        self._rates, self._timer = rates, timer
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # (whose, what) → (left, when)

    def check(self, caller: Caller, permission: Permission, *, address: str) -> None:
        """Count one request of the caller at `address`, or refuse it.

        Raises:
            RateLimitedError: they have had as many as they get; it says when there is room again.
        """
        if permission is Permission.LIVENESS:  # apart, so that wrong secrets make nobody look dead
            self._spend((address, permission.value), self._rates.known.get(permission), who="this address")
        elif caller.role is Role.ANONYMOUS:
            self._spend((address, STRANGERS), self._rates.strangers, who="this address")
        else:
            self._spend((caller.principal, permission.value), self._rates.known.get(permission), who=f"'{caller.principal}'")

    def _spend(self, key: tuple[str, str], rate: Rate | None, *, who: str) -> None:
        if rate is None:
            return
        now = self._timer.seconds()
        with self._lock:
            left, when = self._buckets.pop(key, (rate.burst, now))
            left = min(rate.burst, left + (now - when) * rate.per_second)
            spent = left >= 1
            self._buckets[key] = (left - 1 if spent else left, now)
            while len(self._buckets) > REMEMBERED:
                self._buckets.pop(next(iter(self._buckets)))
        if not spent:
            raise RateLimitedError(who, max(1, math.ceil((1 - left) / rate.per_second)))


def _parsed(name: str, text: str) -> Rate | None:
    if text.strip().lower() == "off":
        return None
    first, slash, second = text.partition("/")
    try:
        rate = float(first)
        burst = float(second) if slash else rate * 10
    except ValueError:
        raise LimitSettingError(name, text) from None
    if not (0 < rate < math.inf and 1 <= burst < math.inf):
        raise LimitSettingError(name, text)
    return Rate(rate, burst)
