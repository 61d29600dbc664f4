"""The recorder makes events: it stamps id, business time and actor, and appends to the log within the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flyball.core.clock import Clock
from flyball.core.duration import MICROSECOND
from flyball.core.events import Event
from flyball.core.ids import EventId, Ids
from flyball.storage.events import EventLog, EventQuery


class Recorder:
    """Every service of a home records through one of these, so that ids derive from seed and cause alone.

    Two events of one cause, kind, subject and instant get different ids by their order in the log: so a run that was killed and
    goes on gives the same ids as one that was not, and so does one whose transaction was taken back. Thread-safe where ids are
    random; where they are derived, one thread at a time records.
    """

    def __init__(self, log: EventLog, *, clock: Clock, ids: Ids, actor: str = "system") -> None:
        self._log, self._clock, self._ids, self._actor = log, clock, ids, actor

    def by(self, actor: str) -> Recorder:
        """The same, for what `actor` does."""
        return Recorder(self._log, clock=self._clock, ids=self._ids, actor=actor)

    def now(self) -> datetime:
        """The business time that an event would have."""
        return self._clock.now()

    def record(self, kind: str, subject: str, *, data: Mapping[str, Any] | None = None, cause: EventId | None = None) -> Event:
        """Append what happened now, and return it as it stands in the log.

        Joins the transaction that is open in this thread, so that a state and its event are one.
        """
        now = self._clock.now()
        ordinal = str(1 + self._alike(kind, subject, now=now, cause=cause)) if self._ids.derived else ""
        event_id = EventId(self._ids.create("evt", cause or "", kind, subject, now.isoformat(), ordinal))
        event = Event(event_id, kind, subject, now, data or {}, self._actor, cause)
        self._log.append(event)
        return event

    def list(self, query: EventQuery) -> Sequence[Event]:
        """What stands in the log; in a transaction of this thread, with what that has recorded."""
        return self._log.list(query)

    def _alike(self, kind: str, subject: str, *, now: datetime, cause: EventId | None) -> int:
        found = self._log.list(EventQuery(type=kind, subject=subject, since=now, until=now + MICROSECOND))
        return sum(event.cause == cause for event in found)
