"""Keeps a group of replicas at the number that is wanted, tells who answers where, and ends them when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from flyball.app.replicas.cluster import Cluster, next_steps
from flyball.app.replicas.errors import NoRoomError, ReplicaFailedError, ReplicasHeldError
from flyball.app.replicas.order import Order, Seen, State
from flyball.core.clock import MonotonicTimer, Timer

LOOK_SECONDS, PAUSE_SECONDS = 1.0, 0.25
END_SECONDS = 40.0
"""So long replicas may take to answer what they owe and to send their journals."""
Table = Mapping[int, Seen]


@dataclass(frozen=True, kw_only=True)
class Told:
    """To whom it is told: `table` gets all that is seen, at each look; `say` a line for a person where something has changed."""

    table: Callable[[Table], None]
    say: Callable[[str], None]


class Keeper:
    """One per group. For one thread. `wanted` says how many there should be, at each look."""

    def __init__(self, cluster: Cluster, order: Order, *, wanted: Callable[[], int], told: Told, timer: Timer | None = None) -> None:
        self._cluster, self._order, self._wanted, self._told = cluster, order, wanted, told
        self._timer = timer or MonotonicTimer()
        self._known: dict[int, tuple[State, str, str]] = {}
        self._came = False

    def run(self, stop: threading.Event, *, start_seconds: float) -> None:
        """Keep them until `stop`; what runs then runs on.

        Raises:
            ReplicasHeldError: somebody else keeps them.
            NoRoomError, ReplicaFailedError: within `start_seconds` not one came up; none is there then.
        """
        began = self._timer.seconds()
        while not stop.is_set():
            seen = self.step()
            self._came = self._came or any(one.state in {State.UP, State.UNREADY} for one in seen.values())
            if not self._came and self._timer.seconds() - began >= start_seconds:
                self._give_up(seen, after_seconds=start_seconds)
            stop.wait(PAUSE_SECONDS)

    def step(self) -> Table:
        """Look once, and do what is to be done; what was seen.

        Raises:
            ReplicasHeldError: somebody else keeps them.
        """
        seen = self._look()
        steps = next_steps(seen, self._wanted(), digest=self._order.digest)
        for slot in steps.remove:
            self._cluster.remove(slot)
        self._drain(seen, steps.end)
        for slot in steps.start:
            self._cluster.start(slot, self._order)
        return seen

    def end(self) -> Table:
        """All of them answer what they owe and are gone; how each was last."""
        until = self._timer.seconds() + END_SECONDS
        last: dict[int, Seen] = {}
        pause = threading.Event()
        seen = self._look()
        self._drain(seen, list(seen))
        while seen := self._look():
            last |= seen
            late = self._timer.seconds() >= until
            for slot, one in seen.items():
                if late or one.state in {State.ENDED, State.LOST}:
                    self._cluster.remove(slot)
            pause.wait(PAUSE_SECONDS)
        return last

    def _drain(self, seen: Table, slots: Sequence[int]) -> None:
        """No line goes to them any more, and only then they take none."""
        if slots:
            self._told.table({slot: replace(one, state=State.DRAINING) if slot in slots else one for slot, one in seen.items()})
        for slot in slots:
            self._cluster.end(slot)

    def _give_up(self, seen: Table, *, after_seconds: float) -> None:
        room = self._cluster.room()
        self.end()
        for one in seen.values():
            if one.trouble or one.state is not State.WAITING:
                raise ReplicaFailedError(one.trouble or f"that on {one.node or 'its node'} has not answered for {after_seconds:g} s.")
        raise NoRoomError(self._order.cpus, room=room)

    def _look(self) -> Table:
        seen = self._cluster.look(LOOK_SECONDS)
        for one in seen.values():
            if one.keeper:
                raise ReplicasHeldError(self._order.group, one.keeper)
        for slot, one in seen.items():
            now = (one.state, one.address, one.trouble)
            if self._known.get(slot) != now:
                self._known[slot] = now
                self._told.say(_line(slot, one))
        self._known = {slot: known for slot, known in self._known.items() if slot in seen}
        self._told.table(seen)
        return seen


def _line(slot: int, one: Seen) -> str:
    where = f" at {one.address}" if one.address else (f" on {one.node}" if one.node else "")
    left = f"; {one.left} answers wait on {one.node} until a replica runs there again" if one.state is State.ENDED and one.left else ""
    return f"replica {slot} is {one.state}{where}{left}{f': {one.trouble}' if one.trouble else ''}"
