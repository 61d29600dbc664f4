"""The conductor is the controller of a live home: it turns events into durable jobs, and what it has read is kept with them.

Position, timers and jobs of an event are one transaction, so that a conductor that dies anywhere goes on where it was: no command is
lost and none is given twice. It carries nothing out itself; the workers do, and report by events, which come back here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flyball.core.clock import Clock
from flyball.loop.commands import ForgetTimer, WakeAt
from flyball.loop.controller import Journal, States, fire, set_timer
from flyball.loop.deeds import encode, lane_of
from flyball.loop.state import LoopSpec, LoopState
from flyball.storage.jobs import JobQueue
from flyball.storage.positions import Positions

POSITION = "loop"
KIND = "loop"
BATCH = 100


class Conductor:
    """One per home, under the home's lock; not thread-safe."""

    def __init__(
        self, specs: Mapping[str, LoopSpec], *, journal: Journal, queue: JobQueue, positions: Positions, lockstep: bool = False
    ) -> None:
        self._journal, self._queue, self._positions, self._lockstep = journal, queue, positions, lockstep
        self._states = States(specs)
        self._position = 0

    def state(self, model: str) -> LoopState:
        """Where the model's loop stands, as far as events have been read."""
        return self._states.get(model)

    def replay(self) -> None:
        """Stand where the last conductor of this home stood: fold what it had read, and give no command."""
        end = self._positions.get(POSITION)
        while self._position < end and (batch := self._journal.log.read_after(self._position)):
            for position, event in batch:
                if position > end:
                    return
                self._states.fold(event)
                self._position = position

    def settle(self) -> bool:
        """Read all events that there are and give the commands that follow; whether there was any."""
        moved = False
        while self._read():
            moved = True
        return moved

    def _read(self) -> bool:
        batch = self._journal.log.read_after(self._position, BATCH)
        if not batch:
            return False
        states, position = self._states.copy(), batch[-1][0]
        with self._journal.transactions.write():
            for _, event in batch:
                for number, (model, command) in enumerate(states.fold(event)):
                    if isinstance(command, WakeAt | ForgetTimer):
                        set_timer(self._journal.timers, model, command=command, cause=event)
                    else:
                        lane = lane_of(model, command, lockstep=self._lockstep)
                        self._queue.create(KIND, lane=lane, payload=encode(model, command), key=f"{event.id}/{number}", cause=event.id)
            self._positions.set(POSITION, position)
        self._states, self._position = states, position  # only now: a transaction that was taken back was not read
        return True

    def next_timer(self) -> datetime | None:
        """When the next timer is due, or None."""
        found = self._journal.timers.next()
        return None if found is None else found.at

    def fire_due(self, clock: Clock) -> bool:
        """Fire the first timer that is due, so that what follows from it is done before the next one; whether one was due."""
        timer = self._journal.timers.next()
        return timer is not None and timer.at <= clock.now() and fire(self._journal, timer)
