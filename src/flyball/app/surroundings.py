"""What only the running process knows, for those who look: its clock, its fellow processes, what it is doing, where the loop stands."""

from __future__ import annotations

import threading
from datetime import datetime

from flyball.app.controlplane import Json
from flyball.app.liveloop import LiveLoop
from flyball.app.liveparts import LiveParts
from flyball.loop.state import LoopState
from flyball.storage.clockfile import SharedClock


class Around:
    """The `Surroundings` of a live home's view. Until `ready` is set the loop is being opened, and what was told last is its phase."""

    def __init__(self, parts: LiveParts, loop: LiveLoop) -> None:
        self._parts, self._loop = parts, loop
        self._phase = "starting"
        self.ready = threading.Event()

    def tell(self, phase: str) -> None:
        """What takes long now."""
        self._phase = phase

    def get_clock(self) -> Json:
        clock = self._parts.place.clock
        shared = clock if isinstance(clock, SharedClock) else None
        return {
            "now": clock.now().isoformat(),
            "speed": None if shared is None else shared.speed,
            "paused": shared is not None and shared.standing,
        }

    def list_processes(self) -> list[Json]:
        return self._parts.watching.processes()

    def get_phase(self) -> str:
        if not self.ready.is_set():
            return self._phase
        states = [self._loop.conductor.state(name) for name in self._parts.models]
        if any(state.champion is None and state.training is not None for state in states):
            return "training the first version"
        if any(state.champion is None for state in states):
            return "waiting for the first training"
        return "serving"

    def find_state(self, model: str) -> LoopState | None:
        return self._loop.conductor.state(model) if self.ready.is_set() and model in self._parts.models else None

    def count_resolved(self, model: str, *, start: datetime, end: datetime) -> tuple[int, int]:
        stretch = self._parts.models[model].traffic.stretch(start, end)
        return len(stretch), int(stretch.truth(self._parts.place.clock.now()).resolved.sum())

    def plan_revision(self) -> int:
        return self._parts.planner.revision()
