"""Chores of a live home, each at its own pace of real time: rows, sources, predictions, guardrails, memory.

One that fails is told, and done again at its next turn: nothing here is needed for business time to go on.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from flyball.app.expiring import Expiring
from flyball.app.freshness import Freshness
from flyball.app.livemodel import LiveModel
from flyball.app.liveparts import LiveParts
from flyball.app.parity import KIND as PARITY
from flyball.app.parity import LOOKED_BACK
from flyball.app.parity import lane_of as parity_lane
from flyball.app.tending import Tending
from flyball.app.volumes import Volumes
from flyball.core.errors import FlyballError
from flyball.loop.services import services_of
from flyball.monitoring import ResourcesMonitor
from flyball.releases import Deployment
from flyball.releases.guardrails import check
from flyball.releases.service import rollout_subject
from flyball.serving.log import SHIP_ROWS

ROUND_SECONDS = 0.2
APPLY_SECONDS = 1.0
"""Pushed rows are applied together: every version of a dataset is a commit, and costs those that come after it."""
LEARN_SECONDS = 30.0
"""Shares of a bandit that move all the time would move callers all the time."""
TEND_SECONDS = 30.0
"""Sixteen small files are worth merging; pushes make one a second."""
REFILL_SECONDS = 1.0
"""A store that was emptied answers no server that starts until it is full again, and to ask it costs a fraction of a millisecond."""
PARITY_SECONDS, PARITY_EVERY = 60.0, timedelta(hours=1)
"""Parity is checked no oftener than both: a real minute, for what it costs, and an hour of business time, for what it tells."""
TOLD_AGAIN_SECONDS = 60.0
"""A breach that nothing came of is told again after so long: the canary may have been moving, or could not be taken out. No chore
tells more often that it fails."""
_LOG = logging.getLogger(__name__)


@dataclass
class _Chore:
    """What is done every so many seconds; `failure` is why it failed last, `told` when an event said so."""

    name: str
    work: Callable[[], object]
    every_seconds: float
    due: float = 0.0
    failure: str | None = None
    told: float = -math.inf


class Chores:
    """One thread runs it."""

    def __init__(self, parts: LiveParts, wake: Callable[[], None], *, learn: Callable[[], object] = int) -> None:
        """`wake` is called when something was recorded that the loop should see at once; `learn` lets bandits follow what was earned."""
        self._parts, self._timer, self._wake = parts, parts.place.timer, wake
        self._idle_since = self._timer.seconds()
        self._breached: dict[tuple[str, int, int], float] = {}  # model, canary and stage → when it was told last
        self._compared: dict[str, datetime] = {}
        self._chores = [
            _Chore("applying pushed rows", self._apply, APPLY_SECONDS),
            _Chore("reading sources", self._look, 2.0),
            _Chore("reading predictions", parts.log.drain, 1.0),
            _Chore("shipping predictions", partial(parts.log.ship, at_least=SHIP_ROWS), 2.0),
            _Chore("tending tables", Tending(parts.place.home.tables, self._timer).run, TEND_SECONDS),
            _Chore("watching guardrails", self._guard, 1.0),
            _Chore("learning who answers best", learn, LEARN_SECONDS),
            _Chore("asking for a parity check", self._compare, PARITY_SECONDS),
            _Chore("looking at processes", self._measure, 5.0),
            _Chore("looking whether the online store is whole", self._refill, REFILL_SECONDS),
            _Chore("forgetting rows", parts.online.forget, 60.0),
            _Chore("forgetting ids of predictions", parts.postbox.forget, 3600.0),
            _Chore("deleting old predictions", self._expiring(parts).run, 60.0),
            _Chore("counting what callers were answered", self._volumes(parts).run, 60.0),
            _Chore("looking how old features are", self._freshness(parts).run, 60.0),
            _Chore("ending idle steps", self._rest, 5.0),
        ]

    @staticmethod
    def _expiring(parts: LiveParts) -> Expiring:
        home = parts.place.home
        recorder = home.stores.journal.recorder
        return Expiring(parts.place.project.models, home.tables, parts.log, parts.place.clock, recorder)

    @staticmethod
    def _volumes(parts: LiveParts) -> Volumes:
        recorder = parts.place.home.stores.journal.recorder
        return Volumes.of(parts.place.project.models, parts.log, clock=parts.place.clock, recorder=recorder)

    @staticmethod
    def _freshness(parts: LiveParts) -> Freshness:
        recorder = parts.place.home.stores.journal.recorder
        return Freshness(
            lambda: {live.model.serves_at: live.features for live in list(parts.models.values())}, parts.log, parts.place.clock, recorder
        )

    def run(self, stop: threading.Event) -> None:
        """Go on until `stop`."""
        while not stop.wait(ROUND_SECONDS):
            self.run_due(stop)

    def run_due(self, stop: threading.Event | None = None) -> None:
        """Do each chore whose turn it is, until `stop`."""
        for chore in self._chores:
            if self._timer.seconds() >= chore.due and not (stop is not None and stop.is_set()):
                self._do(chore)

    def _do(self, chore: _Chore) -> None:
        chore.due = self._timer.seconds() + chore.every_seconds
        try:
            chore.work()
        except FlyballError as error:
            if str(error) != chore.failure:
                _LOG.warning("While %s: %s", chore.name, error)
            self._tell(chore, str(error))
        except Exception as error:  # noqa: BLE001  the rim of the loop: a defect in one chore must not end the others
            if repr(error) != chore.failure:
                _LOG.exception("While %s", chore.name)
            self._tell(chore, repr(error))
        else:
            chore.failure = None

    def _tell(self, chore: _Chore, why: str) -> None:
        """An event for each failure that is not the last one again, and no more than one a minute."""
        again, chore.failure = why == chore.failure, why
        if again or self._timer.seconds() - chore.told < TOLD_AGAIN_SECONDS:
            return
        chore.told = self._timer.seconds()
        try:
            recorder = self._parts.place.home.stores.journal.recorder
            recorder.record("chore.failed", "home", data={"chore": chore.name, "why": why})
        except FlyballError:
            _LOG.exception("The failure of a chore cannot be recorded")

    def _apply(self) -> None:
        if self._parts.intake.apply_all():
            self._wake()

    def _look(self) -> None:
        if self._parts.intake.look():
            self._wake()

    def _refill(self) -> None:
        if self._parts.online.check():
            why = "the online store had lost what was written to it, and was given all of it again"
            self._parts.place.home.stores.journal.recorder.record("features.republished", "home", data={"why": why})

    def _guard(self) -> None:
        for live in self._parts.models.values():
            deployment = live.context().services.releases.find()
            if deployment is not None and deployment.canary is not None:
                self._guard_canary(live, deployment, canary=deployment.canary)

    def _guard_canary(self, live: LiveModel, deployment: Deployment, *, canary: int) -> None:
        stores = self._parts.place.home.stores
        services = services_of(live.model, stores, environment=deployment.environment, actor="system")
        rollout = services.releases.get_rollout(canary)
        told = self._breached.get((live.model.name, canary, rollout.stage))
        if told is not None and self._timer.seconds() - told < TOLD_AGAIN_SECONDS:
            return
        volumes = {volume.version: volume for volume in self._parts.log.stats(deployment.endpoint, rollout.entered)}
        champion = volumes.get(deployment.champion) if deployment.champion is not None else None
        breaches = check(volumes.get(canary), champion, spec=rollout.spec.guardrails)
        if breaches:
            self._breached[live.model.name, canary, rollout.stage] = self._timer.seconds()
            facts: Mapping[str, object] = {"version": canary, "why": " ".join(breaches)}
            services.recorder.record("guardrail.breached", rollout_subject(live.model.name, canary), data=facts)
            self._wake()

    def _compare(self) -> None:
        for name, live in self._parts.models.items():
            now = self._parts.place.clock.now()
            newest = max((volume.last for volume in self._parts.log.stats(live.model.serves_at, now - LOOKED_BACK)), default=None)
            before = self._compared.get(name)
            if newest is not None and (before is None or newest - before >= PARITY_EVERY):
                self._compared[name] = newest
                self._parts.place.home.stores.jobs.create(
                    PARITY, lane=parity_lane(name), payload={"model": name}, key=f"parity/{name}/{newest}"
                )

    def _measure(self) -> None:
        """Sampled always; told as alarms where a model asks for that with `resources()`."""
        alerts = self._parts.watching.look()
        if any(isinstance(spec, ResourcesMonitor) for live in self._parts.models.values() for spec in live.model.monitors):
            for alert in alerts:
                recorder = self._parts.place.home.stores.journal.recorder
                recorder.record("resources.exceeded", "home", data={"what": alert.what, "why": alert.text})

    def _rest(self) -> None:
        """A child that waits for steps weighs as much as a training; it is started again in a second."""
        if self._parts.place.home.stores.jobs.pending():
            self._idle_since = self._timer.seconds()
        elif self._timer.seconds() - self._idle_since > 10.0:
            self._parts.place.rest()
            self._idle_since = self._timer.seconds()
