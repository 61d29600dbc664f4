"""One question to a database: where, what, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flyball.core.clock import Timer
from flyball.core.duration import format_duration
from flyball.data.sourceerrors import DatabaseSlowError


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`place` is what errors call it; `url` may hold a password, or is the path of a SQLite file; `begun` is by `timer`."""

    place: str
    url: str
    text: str
    timeout: timedelta
    timer: Timer
    begun: float

    @property
    def is_late(self) -> bool:
        """Whether more time has gone by than the source allows."""
        return self.timer.seconds() - self.begun > self.timeout.total_seconds()

    def check_time(self) -> None:
        """Raises DatabaseSlowError: more time has gone by than the source allows."""
        if self.is_late:
            raise self.slow()

    def slow(self) -> DatabaseSlowError:
        """The error that says so."""
        return DatabaseSlowError(self.place, limit=format_duration(self.timeout))
