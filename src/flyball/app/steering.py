"""A person's word on who answers, taken over by all model servers before it is given back.

Versions that servers do not hold yet are made ready first, by all of them: loaded, warmed and found to score as they did when they were
made. Only then does the word count; a server that cannot make one ready stops it, and everything is as before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from flyball.app.controlplane import Deed, Json
from flyball.app.releasing import Releasing
from flyball.app.servers import Acknowledgement, Servers
from flyball.core.errors import UnavailableError
from flyball.releases import Deployment
from flyball.releases.errors import NotHeldReadyError

READY_SECONDS = 60.0
"""So long servers may take to make a version ready."""
TAKE_OVER_SECONDS = 10.0
"""So long they may take to put what they hold into force, which takes them milliseconds."""


class ServersLateError(UnavailableError):
    """A server neither made a version ready nor said why not."""

    code = "servers-late"

    def __init__(self, endpoint: str, late: Sequence[str]) -> None:
        super().__init__(
            f"Model server {', '.join(late)} was to make a version ready for endpoint '{endpoint}' and has not in {READY_SECONDS:g} s. "
            "Nothing was changed. Its log says how far it is; try again, or stop it."
        )


class _RehearsedError(Exception):
    """What was rehearsed is taken back."""


@dataclass(frozen=True)
class Steering:
    """Carries out a person's word. Thread-safe; one word is carried out at a time.

    `changed` tells those who wait for a plan that there is another, and returns its revision; None where nobody can get one yet.
    """

    releasing: Releasing
    servers: Servers
    changed: Callable[[], int | None]
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(self, endpoint: str, act: Callable[[], Json], *, deed: Deed, undo: Callable[[Deployment], object] | None = None) -> Json:
        """What `act` says, with who acknowledged it as "servers".

        Where a server then refuses what it had made ready, `undo` takes it back, given what stood before.

        Raises:
            NotHeldReadyError: a server cannot make a version ready; nothing was changed.
            ServersLateError: one says nothing; nothing was changed.
            FlyballError: what `act` raises; nothing was changed.
        """
        with self._turn:
            before, after = self.releasing.here(endpoint), self._rehearsed(act)
            missing = [number for number in after.asked if number not in before.held]
            if missing:
                self._prepare(endpoint, missing, deed=deed)
            found, acknowledged = act(), self._acknowledged(TAKE_OVER_SECONDS)
            if acknowledged.refused and undo is not None:
                undo(before)
                self.changed()
                raise _refusal(endpoint, acknowledged)
            return {**found, "servers": acknowledged.to_json()}

    def _rehearsed(self, act: Callable[[], Json]) -> Deployment:
        """The deployment that `act` would leave."""
        told: list[Json] = []
        with suppress(_RehearsedError), self.releasing.shelf.journal.transactions.write():
            told.append(act()["deployment"])
            raise _RehearsedError
        return Deployment.from_json(told[0])

    def _prepare(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> None:
        self.releasing.prepare(endpoint, versions, deed=deed)
        found = self._acknowledged(READY_SECONDS)
        if found.refused or found.late:
            self.releasing.drop(endpoint, versions, deed=replace(deed, why="a server did not make it ready"))
            self.changed()
            raise _refusal(endpoint, found) if found.refused else ServersLateError(endpoint, found.late)

    def _acknowledged(self, seconds: float) -> Acknowledgement:
        revision = self.changed()
        return Acknowledgement() if revision is None else self.servers.wait(revision, seconds=seconds)


def _refusal(endpoint: str, found: Acknowledgement) -> NotHeldReadyError:
    server, reason = next(iter(found.refused.items()))
    return NotHeldReadyError(endpoint, server, reason=reason)
