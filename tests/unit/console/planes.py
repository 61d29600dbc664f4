"""A control plane in memory for what stands behind the port: it says what it is given to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flyball.console.answers import ClockFace, Happening, ModelFigures, Status, WindowFigures
from flyball.console.controlplane import Visitor
from flyball.core.errors import FlyballError, NotFoundError, UnavailableError

T0 = datetime(2013, 11, 26, tzinfo=UTC)


def happening(position: int, kind: str = "alert.raised", **fields: Any) -> Happening:
    return Happening(**{"position": position, "id": f"e{position}", "type": kind, "subject": "model/late", "time": T0, **fields})


@dataclass
class MemoryPlane:
    """Keeps what it is told; `away` makes every question fail."""

    away: bool = False
    events: list[Happening] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    broken: Exception | None = None

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise UnavailableError("Nobody answers.")
        if self.broken is not None:
            raise self.broken

    def get_status(self) -> Status:
        self._ask("status")
        return Status(project="flights", clock=ClockFace(now=T0), models=("late",))

    def list_models(self) -> tuple[ModelFigures, ...]:
        self._ask("models")
        return (ModelFigures(name="late", endpoint="late", metric="roc_auc"),)

    def list_windows(self, model: str) -> tuple[WindowFigures, ...]:
        self._ask(f"windows/{model}")
        return ()

    def list_events(self, after: int, *, wait_seconds: float) -> tuple[tuple[Happening, ...], int]:
        self._ask(f"events/{after}/{wait_seconds:g}")
        found = tuple(event for event in self.events if event.position > after)
        last = self.events[-1].position if self.events else 0
        return found, last

    def list_causes(self, event: str) -> tuple[Happening, ...]:
        self._ask("causes")
        raise NotFoundError(event)

    def create_visitor(self, token: str | None) -> Visitor:
        raise AssertionError(token)

    def create_session(self, code: str) -> tuple[str, float]:
        self._ask("create")
        if code not in self.codes:
            raise FlyballError("This login code opens nothing.")
        self.codes.remove(code)
        self.sessions.add(f"session-of-{code}")
        return f"session-of-{code}", 60.0

    def is_session(self, token: str) -> bool:
        self._ask("session")
        return token in self.sessions

    def delete_session(self, token: str) -> None:
        self._ask("delete")
        self.sessions.discard(token)
