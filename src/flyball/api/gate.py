"""Between the rim and the routes: while a framework looks at a request nothing else runs, so one caller's requests go through in turn.

A place is had until the request has its work done by a crew, or is answered; whoever works or waits for long holds none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flyball.governance.turns import Turns

PLACES = 4


class Place:
    """One request's place; leaving twice is leaving."""

    def __init__(self, turns: Turns, who: str) -> None:
        self._turns, self._who, self._held = turns, who, True

    def leave(self) -> None:
        """Let the next in."""
        if self._held:
            self._held = False
            self._turns.give(self._who)


PLACE: ContextVar[Place | None] = ContextVar("flyball_place", default=None)


class Gate:
    """Lets few in at a time; for one event loop."""

    def __init__(self, places: int = PLACES) -> None:
        self._turns = Turns(places)

    async def enter(self, who: str) -> Place:
        """A place, when it is this caller's turn."""
        await self._turns.take(who)
        return Place(self._turns, who)


@contextmanager
def held(place: Place) -> Iterator[None]:
    """The place is this task's, until it leaves it or the block ends."""
    token = PLACE.set(place)
    try:
        yield
    finally:
        PLACE.reset(token)
        place.leave()


def leave_place() -> None:
    """What follows takes long: whoever holds a place leaves it."""
    place = PLACE.get()
    if place is not None:
        place.leave()
