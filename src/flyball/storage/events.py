"""The event log's port: append-only, in one order, each event once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.core.events import Event
from flyball.core.ids import EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events: all given conditions hold. Text matches exactly, case included; `since` is inclusive, `until` is not.

    `subject_prefix` "model/late" also matches "model/late-arrival": end it with "/" to stay below one subject.
    `after` is a log position as `read_after` gives it; `limit` keeps the first ones in log order.
    """

    type: str | None = None
    type_prefix: str | None = None
    subject: str | None = None
    subject_prefix: str | None = None
    after: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    cause: EventId | None = None
    limit: int | None = None


EVERYTHING = EventQuery()


class EventLog(Protocol):
    """Every event stands in the log once, at a position that grows in the order of commits and never changes.

    Who has read up to position n has seen all there ever will be up to n. Thread-safe; `append` joins the write
    transaction that is open in its thread, and is one by itself otherwise.
    """

    def append(self, *events: Event) -> None:
        """Put `events` at the end, in this order; all or none.

        Raises:
            DuplicateEventError: an id is in the log already, or twice in `events`.
        """
        ...

    def get(self, event_id: EventId) -> Event:
        """The event, equal to the one appended.

        Raises:
            EventNotFoundError: no event has this id.
        """
        ...

    def find(self, event_id: EventId) -> Event | None:
        """The event, or None."""
        ...

    def read_after(self, position: int, limit: int = 1000) -> list[tuple[int, Event]]:
        """At most `limit` events with positions above `position` (0: from the start), in log order, with their positions."""
        ...

    def list(self, query: EventQuery = EVERYTHING) -> list[Event]:
        """The matching events in log order."""
        ...

    def find_latest(self) -> datetime | None:
        """The latest time that any event has, or None."""
        ...
