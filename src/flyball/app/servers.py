"""Which model servers follow this control plane, what each of them answers from, and who has acknowledged a plan."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flyball.app.deed import Json
from flyball.core.clock import Timer

SEEN_SECONDS = 30.0
"""A server that has not asked for so long, longer than a poll lasts, is gone; it takes the plan over if it comes back."""

REFUSED_TIMES = 4
"""A server that was given a plan so often and answers from another still cannot take it over: business time goes on without it."""

FETCH_SECONDS = 2.0
"""A server that follows fetches a new plan at once; one that has not for so long is not there, and nobody waits for it."""

_LOG = logging.getLogger(__name__)


class Planned(Protocol):
    """A planner, as far as servers are measured by it."""

    def revision(self) -> int: ...


@dataclass
class _Server:
    """What a model server answers from, when it said so last, and which plan it was given how often without taking it over."""

    revision: int
    seen_seconds: float
    given: int = 0
    times: int = 0
    refusal: str = ""

    def refuses(self, revision: int) -> bool:
        """Whether it said why it does not take over a plan that is as new as that."""
        return self.revision < revision <= self.given and bool(self.refusal)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who answers from a plan.

    `servers` do, `refused` do not take it up and say why, `late` have it and are not done with it, `absent` were heard of lately and did
    not fetch it.
    """

    servers: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    late: Sequence[str] = ()
    absent: Sequence[str] = ()

    @property
    def whole(self) -> bool:
        """Every server that was heard of lately answers from it."""
        return not (self.refused or self.late or self.absent)

    def to_json(self) -> Json:
        """The fields as JSON, and whether all have acknowledged it."""
        lists = {name: list(getattr(self, name)) for name in ("servers", "late", "absent")}
        return {"acknowledged": self.whole, "refused": dict(self.refused), **lists}


class Servers:
    """Which model servers ask for plans, and what they answer from. Thread-safe."""

    def __init__(self, planner: Planned, timer: Timer) -> None:
        self._planner, self._timer = planner, timer
        self._changed = threading.Condition()
        self._known: dict[str, _Server] = {}

    def heard(self, server: str, revision: int, *, refusal: str = "") -> None:
        """The server answers from that revision now; `refusal` is why it does not from what it was given last."""
        with self._changed:
            now = self._timer.seconds()
            self._known = {name: found for name, found in self._known.items() if now - found.seen_seconds < SEEN_SECONDS}
            known = self._known.setdefault(server, _Server(revision, now))
            known.revision, known.seen_seconds, known.refusal = revision, now, refusal
            self._changed.notify_all()

    def given(self, server: str, revision: int) -> None:
        """The server was given the plan of that revision; one that keeps asking for it refuses it, and is waited for no more."""
        with self._changed:
            known = self._known.get(server)
            if known is None:
                return
            if known.given != revision:
                known.refusal = ""  # what was said was about another plan
            known.given, known.times = revision, known.times + 1 if known.given == revision else 1
            if known.times == REFUSED_TIMES:
                _LOG.warning(
                    "The model server %r does not take over plan %d and answers from %d; its log says why", server, revision, known.revision
                )

    def names(self) -> list[str]:
        """The servers that were heard of lately."""
        with self._changed:
            return sorted(self._known)

    def list(self) -> list[Json]:
        """Of each server that was heard of lately: {"name", "revision", "refusal": text or null}."""
        with self._changed:
            return [{"name": name, "revision": known.revision, "refusal": known.refusal or None} for name, known in self._there().items()]

    def wait(self, revision: int, *, seconds: float) -> Acknowledgement:
        """What the servers say of the plan of that revision, once each of them has, for at most so long.

        Who has not fetched it soon is not there, and is not waited for.
        """
        began = self._timer.seconds()
        with self._changed:
            while True:
                passed = self._timer.seconds() - began
                there = self._there()
                lacking = {name for name, found in there.items() if found.revision < revision and not found.refuses(revision)}
                absent = {name for name in lacking if there[name].given < revision}
                if not (lacking - absent if passed >= FETCH_SECONDS else lacking) or passed >= seconds:
                    break
                self._changed.wait(min(seconds, FETCH_SECONDS))
            refused = {name: found.refusal for name, found in there.items() if found.refuses(revision)}
            done = [name for name in there if name not in refused and name not in lacking]
            return Acknowledgement(done, refused, late=sorted(lacking - absent), absent=sorted(absent))

    def caught_up(self) -> bool:
        """Whether every server that was seen within the last seconds answers from the present plan, or refuses it."""
        with self._changed:
            known = list(self._there().values())
        if not known:
            return True
        revision = self._planner.revision()
        return all(found.revision >= revision or (found.given == revision and found.times >= REFUSED_TIMES) for found in known)

    def _there(self) -> dict[str, _Server]:
        now = self._timer.seconds()
        return {name: found for name, found in sorted(self._known.items()) if now - found.seen_seconds < SEEN_SECONDS}
