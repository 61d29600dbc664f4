"""How many workers there should be, by how long requests wait: a pure decision, taken again and again."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.app.workers import Workers

BUSY_SECONDS = 0.010
"""A request that waits longer than this before anybody looks at it waits for a processor."""
CALM_SECONDS = 0.003
RISE_SECONDS, FALL_SECONDS = 2.0, 60.0
"""So long it must have been busy, or calm, without a break."""
SETTLE_SECONDS = 5.0
"""A worker that is being started is waited for, before another one is."""


@dataclass
class Scaler:
    """Says one more when requests have waited for a while, one less when nobody has for long; never beyond the bounds."""

    bounds: Workers
    _busy_since: float | None = None
    _calm_since: float | None = None
    _changed: float = float("-inf")

    def want(self, running: int, *, delay_seconds: float, now: float) -> int:
        """How many there should be, where `running` are there and a request waits so long, at the Timer's `now`."""
        self._busy_since = self._since(self._busy_since, delay_seconds >= BUSY_SECONDS, now=now)
        self._calm_since = self._since(self._calm_since, delay_seconds <= CALM_SECONDS, now=now)
        wanted = running
        if now - self._changed >= SETTLE_SECONDS:
            if self._busy_since is not None and now - self._busy_since >= RISE_SECONDS:
                wanted = running + 1
            elif self._calm_since is not None and now - self._calm_since >= FALL_SECONDS:
                wanted = running - 1
        wanted = min(max(wanted, self.bounds.least), self.bounds.most)
        if wanted != running:
            self._changed, self._busy_since, self._calm_since = now, None, None
        return wanted

    @staticmethod
    def _since(since: float | None, holds: bool, *, now: float) -> float | None:  # noqa: FBT001 - a condition, by its place
        if not holds:
            return None
        return now if since is None else since
