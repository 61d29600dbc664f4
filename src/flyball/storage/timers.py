"""The timers' port: waiting for a business time, which turns into one event exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.core.ids import EventId


@dataclass(frozen=True, slots=True)
class DueTimer:
    """Wake `name` at `at`, because of `cause`."""

    name: str
    at: datetime
    cause: EventId


class TimerStore(Protocol):
    """A name waits for one time, and that name fires at that time at most once, for one caller.

    That (name, at) has fired is remembered for ever: to set it again is to ask for what has been done, and waits for nothing.
    Thread-safe; every method joins the transaction that is open in its thread, so that `fire` and the event it leads to are one.
    """

    def set(self, name: str, at: datetime, *, cause: EventId) -> None:
        """`name` waits for `at` and for no other time; for nothing when it has already fired at `at`."""
        ...

    def delete(self, name: str) -> None:
        """`name` waits for nothing; so does one that did not wait."""
        ...

    def due(self, now: datetime) -> list[DueTimer]:
        """All that wait for `now` or earlier, ordered by (at, name)."""
        ...

    def next(self) -> DueTimer | None:
        """The first of all that wait, by (at, name)."""
        ...

    def fire(self, name: str, at: datetime) -> bool:
        """True for one caller ever, and only while `name` waits for `at`; it waits no longer then."""
        ...
