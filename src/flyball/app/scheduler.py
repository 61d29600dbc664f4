"""The scheduler lets business time go on: it settles what happened, closes boundaries, fires timers, and waits.

On a scaled clock it is also what makes time stand still: while a deed of the loop is under way, while a model server has not taken over
a deployment, and at every timer and boundary until what follows from it is done. Business time thus passes no moment at which
something was to happen before it has happened, as in a backtest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.core.clock import Clock
from flyball.core.errors import UnavailableError
from flyball.loop.conductor import Conductor
from flyball.storage.clockfile import SharedClock
from flyball.storage.jobs import JobQueue

IDLE_SECONDS = 0.5
LONGEST_SECONDS = 0.1
LOCKSTEP_SECONDS = 0.005
FAULT_SECONDS = 1.0
GLANCE_SECONDS = 0.002
"""How often the clock alone is looked at, which costs microseconds, while nothing else can have happened."""


_LOG = logging.getLogger(__name__)


class Boundaries(Protocol):
    """The moments at which views change by themselves."""

    def next_boundary(self) -> datetime | None: ...

    def close_boundaries(self) -> None: ...


class Servers(Protocol):
    """The model servers, as far as time waits for them."""

    def caught_up(self) -> bool:
        """Whether every server that is seen alive answers from the present plan."""
        ...


@dataclass(frozen=True)
class Work:
    """The deeds that business time waits for: those in these lanes of the queue."""

    queue: JobQueue
    lanes: Sequence[str]


class Scheduler:
    """One per home, in a thread of its own. `wake` may be called from any thread."""

    def __init__(self, conductor: Conductor, work: Work, *, clock: Clock, boundaries: Boundaries, servers: Servers) -> None:
        self._conductor, self._queue, self._lanes, self._clock = conductor, work.queue, tuple(work.lanes), clock
        self._boundaries, self._servers = boundaries, servers
        self._shared = clock if isinstance(clock, SharedClock) else None
        self._awake = threading.Event()
        self._pause = ExitStack()
        self._standing = False
        self._limit: datetime | None = None
        self.moved = threading.Event()  # jobs may have been created: workers look

    def wake(self) -> None:
        """Something happened: look at once."""
        self._awake.set()

    def run(self, stop: threading.Event) -> None:
        """Go on until `stop`; business time stands still when this returns."""
        if self._shared is not None:
            self._shared.reset_pauses()
            self._limit = self._shared.now()
            self._shared.set_limit("scheduler", self._limit)
        told = ""
        while not stop.is_set():
            self._awake.clear()
            try:
                if not self._step():
                    self._rest()
                told = ""
            except UnavailableError as error:  # nothing that is due may be passed, and nothing is lost: it is still due
                self._stand()
                if str(error) != told:
                    _LOG.warning("Business time cannot go on: %s", error)
                told = str(error)
                stop.wait(FAULT_SECONDS)
        if self._shared is not None:
            self._shared.set_limit("scheduler", self._shared.now())
        self._pause.close()

    def _rest(self) -> None:
        """Wait until something may have happened: a wake-up, the clock at its limit, or a while."""
        if self._shared is None:
            self._awake.wait(self._idle_seconds())
        elif self._standing:
            self._awake.wait(LOCKSTEP_SECONDS)
        else:
            for _ in range(int(LONGEST_SECONDS / GLANCE_SECONDS)):
                if self._awake.wait(GLANCE_SECONDS) or (self._limit is not None and self._shared.now() >= self._limit):
                    return

    def _step(self) -> bool:
        """Do the next thing that is due; whether there was one."""
        if self._conductor.settle():
            self.moved.set()
            return True
        if self._busy():
            self._stand()
            return False
        if self._conductor.settle():  # what the last job recorded before it was done
            self.moved.set()
            return True
        boundary, now = self._boundaries.next_boundary(), self._clock.now()
        if boundary is not None and boundary <= now:
            self._stand()
            self._boundaries.close_boundaries()
            return True
        if self._conductor.fire_due(self._clock):
            self._stand()
            return True
        self._go_on(boundary)
        return False

    def _busy(self) -> bool:
        if self._shared is None:
            return False  # deeds take their time, and time goes on
        return any(self._queue.pending(lane) for lane in self._lanes) or not self._servers.caught_up()

    def _stand(self) -> None:
        if self._shared is not None and not self._standing:
            self._pause.enter_context(self._shared.paused())
            self._standing = True

    def _go_on(self, boundary: datetime | None) -> None:
        if self._shared is None:
            return
        moments = [moment for moment in (boundary, self._conductor.next_timer()) if moment is not None]
        limit = min(moments, default=None)
        if limit != self._limit or self._standing:
            self._limit = limit
            self._shared.set_limit("scheduler", limit)
        if self._standing:
            self._pause.close()
            self._standing = False

    def _idle_seconds(self) -> float:
        moments = [moment for moment in (self._boundaries.next_boundary(), self._conductor.next_timer()) if moment is not None]
        if not moments:
            return IDLE_SECONDS
        return min(max((min(moments) - self._clock.now()).total_seconds(), 0.0), IDLE_SECONDS)
