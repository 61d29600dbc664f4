"""How many requests one caller gets: a bucket for each caller and permission, filled at a rate, emptied by requests.

The defaults are far above what a training loop or a person does; they end what has gone astray. Which of those who stay below them is
served first is not settled here: the doors share their hands fairly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flyball.core.clock import Timer
from flyball.governance.authority import Caller
from flyball.governance.buckets import Buckets, Rate
from flyball.governance.errors import LimitSettingError, RateLimitedError
from flyball.governance.permissions import Permission, Role

ALL, PREFIX = "FLYBALL_RATE_LIMITS", "FLYBALL_RATE_LIMIT_"
STRANGERS, ADDRESS = "STRANGERS", "ADDRESS"


DEFAULT_RATES: Mapping[Permission, Rate] = {
    Permission.LIVENESS: Rate(100, 1_000),
    Permission.LOGIN: Rate(20, 200),
    Permission.READ: Rate(2_000, 10_000),
    Permission.PREDICT: Rate(50_000, 100_000),
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
    """The rate of each permission, for one caller, and that of `strangers`, for one address; None is without a limit.

    `addresses` is for all that callers who are known ask from one address, together: without a limit unless it is set, for behind a proxy
    all of them have one.
    """

    known: Mapping[Permission, Rate | None] = field(default_factory=lambda: dict(DEFAULT_RATES))
    strangers: Rate | None = DEFAULT_STRANGERS
    addresses: Rate | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The defaults, with what FLYBALL_RATE_LIMIT_READ, …_TRACK, …, …_STRANGERS, …_ADDRESS say: "500", "500/2000" or "off".

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
        apart: dict[str, Rate | None] = {STRANGERS: DEFAULT_STRANGERS, ADDRESS: None}
        for name in apart:
            if PREFIX + name in environment:
                apart[name] = _parsed(PREFIX + name, environment[PREFIX + name])
        return cls(known, apart[STRANGERS], apart[ADDRESS])


class Limiter:
    """Counts requests. Thread-safe."""

    def __init__(self, rates: Rates, timer: Timer, *, buckets: Buckets | None = None) -> None:
        self._known = {permission.value: rate for permission, rate in rates.known.items()}  # texts keep their hash, enums do not
        self._strangers, self._addresses = rates.strangers, rates.addresses
        self._buckets = buckets or Buckets(timer)

    def check(self, caller: Caller, permission: Permission, *, address: str) -> None:
        """Count one request of the caller at `address`, or refuse it.

        Raises:
            RateLimitedError: they have had as many as they get; it says when there is room again.
        """
        what = permission.value
        if permission is Permission.LIVENESS:  # apart, so that wrong secrets make nobody look dead
            self._spend(address, what, rate=self._known.get(what))
        elif caller.role is Role.ANONYMOUS:
            self._spend(address, STRANGERS, rate=self._strangers)
        else:
            self._spend(caller.principal, what, rate=self._known.get(what), named=True)
            self._spend(address, ADDRESS, rate=self._addresses)

    def _spend(self, who: str, what: str, *, rate: Rate | None, named: bool = False) -> None:
        wait = 0.0 if rate is None else self._buckets.take((who, what), rate)
        if wait and rate is not None:
            raise RateLimitedError(f"'{who}'" if named else "this address", max(1, math.ceil(wait)))


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
