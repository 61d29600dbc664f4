"""What an endpoint gives: rows a second, to one caller and in all, and nothing more while it is behind with what waits already.

Looked at before a request is read, and charged when its rows are known: what it took too much is waited for afterwards.
"""

from __future__ import annotations

import math
from itertools import count

from flyball.core.clock import Timer
from flyball.governance.buckets import Buckets, Rate
from flyball.predict.errors import QuotaError
from flyball.serving.errors import OverloadedError
from flyball.serving.plan import EndpointPlan

QUEUE_SECONDS = 2.0


class Meter:
    """Counts rows and those who wait. For one event loop."""

    def __init__(self, timer: Timer, *, buckets: Buckets | None = None, queue_seconds: float = QUEUE_SECONDS) -> None:
        self.timer, self._queue_seconds = timer, queue_seconds
        self._buckets = buckets or Buckets(timer)
        self._numbers = count()
        self._waiting: dict[str, dict[int, float]] = {}

    def check(self, plan: EndpointPlan, who: str) -> None:
        """Let a request come in.

        Raises:
            QuotaError: the endpoint gave this caller, or all, what it gives.
            OverloadedError: the oldest request waits for longer than one should.
        """
        waiting = self._waiting.get(plan.endpoint)
        if waiting and self.timer.seconds() - next(iter(waiting.values())) > self._queue_seconds:
            raise OverloadedError
        if plan.quota is None:
            return
        if plan.quota.caller_rows_per_second is not None:
            self._check(plan.endpoint, plan.quota.caller_rows_per_second, who=who)
        if plan.quota.rows_per_second is not None:
            self._check(plan.endpoint, plan.quota.rows_per_second, who=None)

    def begin(self, plan: EndpointPlan, who: str, *, rows: int) -> int:
        """Rows wait for their answer from now on; the number under which they do.

        Raises:
            QuotaError: as `check`.
        """
        if plan.quota is not None:
            self.charge(plan, who, rows=rows)
        return self.wait(plan)

    def charge(self, plan: EndpointPlan, who: str, *, rows: int) -> None:
        """So many rows are scored.

        Raises:
            QuotaError: as `check`.
        """
        if plan.quota is None:
            return
        self.check(plan, who)
        if plan.quota.caller_rows_per_second is not None:
            self._buckets.charge(_key(plan.endpoint, who), _rate(plan.quota.caller_rows_per_second), amount=rows)
        if plan.quota.rows_per_second is not None:
            self._buckets.charge(_key(plan.endpoint, None), _rate(plan.quota.rows_per_second), amount=rows)

    def wait(self, plan: EndpointPlan) -> int:
        """Somebody waits for an answer from now on; the number under which they do."""
        number = next(self._numbers)
        self._waiting.setdefault(plan.endpoint, {})[number] = self.timer.seconds()
        return number

    def end(self, plan: EndpointPlan, number: int) -> None:
        """They wait no more."""
        waiting = self._waiting[plan.endpoint]
        del waiting[number]
        if not waiting:
            del self._waiting[plan.endpoint]

    def _check(self, endpoint: str, rows_per_second: float, *, who: str | None) -> None:
        wait = self._buckets.wait_seconds(_key(endpoint, who), _rate(rows_per_second))
        if wait:
            raise QuotaError(endpoint, rows_per_second, who=who, retry_seconds=max(1, math.ceil(wait)))


def _rate(rows_per_second: float) -> Rate:
    return Rate(rows_per_second, max(1.0, rows_per_second))


def _key(endpoint: str, who: str | None) -> tuple[str, str, str]:
    return "quota", endpoint, "" if who is None else f"={who}"
