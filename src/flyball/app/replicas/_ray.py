"""Replicas as actors of Ray, detached and named, so that they outlive who began them and Ray begins them anew on another node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flyball.app.replicas.order import Order, Seen, State
from flyball.app.replicas.replica import Replica
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.optional import extra
from flyball.pipelines._ray import attach

with extra("ray"):
    import ray
    from ray.exceptions import ActorUnavailableError, RayActorError, RayError

NAMESPACE = "flyball"
QUIET_SECONDS = 10.0
"""Who has said nothing for so long is away; until then it is as it was."""
_AT_ONCE = 4


class _Actor:
    """On the node: owns a replica."""

    def __init__(self, order: Order) -> None:
        node = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]  # Ray's
        self._replica = Replica(order, host=node, node=node)

    def look(self, keeper: str) -> Seen:
        return self._replica.look(keeper)

    def end(self) -> None:
        self._replica.end()


@dataclass
class _Slot:
    """An actor, what it was asked and has not answered, and what it said last."""

    actor: Any
    seen: Seen
    asked: Any = None
    asked_seconds: float = 0.0


class RayCluster:
    """A `Cluster` of Ray. `address` is as in `pipelines._ray.attach`; `keeper` is who asks, as others read it."""

    def __init__(self, address: str | None, group: str, *, keeper: str, timer: Timer | None = None) -> None:
        self._begun = attach(address)
        self._timer = timer or MonotonicTimer()
        self._group, self._keeper = group, keeper
        self._slots: dict[int, _Slot] = {}
        for found in ray.util.list_named_actors(all_namespaces=True):
            name, _, slot = found["name"].rpartition("-")
            if found["namespace"] == NAMESPACE and name == f"replicas-{group}" and slot.isdecimal():
                self._slots[int(slot)] = _Slot(ray.get_actor(found["name"], namespace=NAMESPACE), Seen(state=State.AWAY))

    def start(self, slot: int, order: Order) -> None:
        kind = ray.remote(_Actor).options(
            name=f"replicas-{self._group}-{slot}", namespace=NAMESPACE, lifetime="detached", get_if_exists=True,
            num_cpus=order.cpus, max_restarts=-1, max_concurrency=_AT_ONCE, scheduling_strategy="SPREAD",
        )  # fmt: skip
        self._slots[slot] = _Slot(kind.remote(order), Seen(state=State.WAITING, digest=order.digest))

    def look(self, seconds: float) -> Mapping[int, Seen]:
        for slot in self._slots.values():
            if slot.asked is None:
                slot.asked, slot.asked_seconds = slot.actor.look.remote(self._keeper), self._timer.seconds()
        asked = {slot.asked: slot for slot in self._slots.values()}
        if asked:
            said, quiet = ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
            for reference in said:
                asked[reference].seen, asked[reference].asked = self._said(reference, asked[reference]), None
            for reference in quiet:
                slot = asked[reference]
                if slot.seen.state is not State.WAITING and self._timer.seconds() - slot.asked_seconds >= QUIET_SECONDS:
                    slot.seen = replace(slot.seen, state=State.AWAY)
        return {number: slot.seen for number, slot in sorted(self._slots.items())}

    def _said(self, reference: Any, slot: _Slot) -> Seen:
        try:
            seen: Seen = ray.get(reference)
        except ActorUnavailableError:
            return replace(slot.seen, state=State.AWAY)
        except RayActorError as error:
            return replace(slot.seen, state=State.LOST, trouble=str(error).strip().partition("\n")[0])
        except RayError as error:
            return replace(slot.seen, state=State.AWAY, trouble=str(error).strip().partition("\n")[0])
        return seen

    def end(self, slot: int) -> None:
        found = self._slots[slot]
        if found.seen.state is State.WAITING:  # it was nowhere yet, and owes nothing
            self.remove(slot)
            return
        found.actor.end.remote()

    def remove(self, slot: int) -> None:
        found = self._slots.pop(slot, None)
        if found is not None:
            ray.kill(found.actor)

    def room(self) -> str:
        now = (ray.available_resources(), ray.cluster_resources())  # type: ignore[no-untyped-call]  # Ray's
        free, whole = (found.get("CPU", 0.0) for found in now)
        return f"of its {whole:g} processors {free:g} are free"

    def close(self) -> None:
        if self._begun:
            ray.shutdown()
            self._begun = False
