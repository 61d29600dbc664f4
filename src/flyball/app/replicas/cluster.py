"""The port of what replicas run on, and which of them to begin and to end: a function of what is seen and of how many are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Protocol

from flyball.app.replicas.order import Order, Seen, State


class Cluster(Protocol):
    """Replicas of one group, each in a slot of its own, on nodes that the cluster chooses. For one thread.

    What runs there outlives who asks, and is found again by the group's name. A replica whose node or process dies is begun anew by the
    cluster.
    """

    def start(self, slot: int, order: Order) -> None:
        """A replica is to run in the slot, as soon as there is room; does not wait."""
        ...

    def look(self, seconds: float) -> Mapping[int, Seen]:
        """By slot, how each is now; waits for what they say for so long at most. A `lost` one is told once."""
        ...

    def end(self, slot: int) -> None:
        """The replica in the slot drains; does not wait; idempotent."""
        ...

    def remove(self, slot: int) -> None:
        """Nothing is in the slot any more, however that ends what was there; idempotent."""
        ...

    def room(self) -> str:
        """How much room there is, for a person."""
        ...

    def close(self) -> None:
        """Let go of the cluster; what runs there runs on. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done now: slots in which to begin, those that drain, and those that are empty."""

    start: Sequence[int] = ()
    end: Sequence[int] = ()
    remove: Sequence[int] = ()


def next_steps(seen: Mapping[int, Seen], wanted: int, *, digest: str) -> Steps:
    """How to come to `wanted` replicas of the order of that digest.

    Those of another order are replaced one after another, each when all that are new are up: never by more at once than the cluster has.

    >>> next_steps({0: Seen(state=State.UP, digest="a")}, 2, digest="a").start
    [1]
    """
    gone = [slot for slot, one in seen.items() if one.state in {State.ENDED, State.LOST}]
    here = {slot: one for slot, one in seen.items() if not one.state.goes}
    old = [slot for slot, one in here.items() if one.digest and one.digest != digest]
    surplus = sorted(here, key=lambda slot: (slot not in old, here[slot].state is State.UP, -slot))[: max(0, len(here) - wanted)]
    free = (slot for slot in count() if slot not in seen)
    start = list(islice(free, max(0, wanted - len(here))))
    if old and not surplus and not start and len(seen) == len(here) and all(one.state is State.UP for one in here.values()):
        surplus = [min(old)]
    return Steps(start, surplus, gone)
