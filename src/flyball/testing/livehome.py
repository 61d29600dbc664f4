"""A home with a model in production, made by the services that make one live, in a moment and without training anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flyball.app.predictionlog import open_log
from flyball.app.releasing import PRODUCTION
from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.duration import microseconds
from flyball.core.ids import DerivedIds, Digest
from flyball.monitoring import WindowService
from flyball.registry import Estimate, Evidence, Registration, RegistryService
from flyball.releases import CanarySpec, Deployment, GatingService, ReleaseService, Rollout, at_least, canary
from flyball.serving.log import PredictionLog
from flyball.serving.record import Answered, encode
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.tracking import TrackingService

START = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = "late"
SPEC = canary([0.05, 0.25, 1.0], hold="1d")


@dataclass
class LiveHome:
    """The stores of a home at `path`, its clock to be put forward, and services that act on it."""

    path: Path
    clock: VirtualClock
    stores: Stores
    registry: RegistryService
    gating: GatingService
    releases: ReleaseService
    windows: WindowService
    runs: TrackingService
    journal: LocalJournal
    log: PredictionLog

    def validated(self, name: str, *, value: float = 0.7) -> int:
        """A version that passed its gates, trained in a run of its own; its number."""
        recorder = self.stores.journal.recorder
        begun = recorder.record("training.started", f"model/{MODEL}", data={"reason": "drift", "as_of": self.clock.now()})
        run = self.runs.create(MODEL, parameters={"reason": "drift"}, cause=begun.id)
        self.runs.finish(run.id, metrics={"roc_auc": value}, artifacts={}, summary={"training": {"rows": 4321}})
        done = recorder.record("training.finished", f"model/{MODEL}", data={"run": run.id, "rows": 4321}, cause=begun.id)
        registration = Registration(
            model=MODEL, digest=Digest(name), run=run.id, data_versions={"flights": 3}, training_digest=Digest("t"),
            feature_fingerprint=Digest("f"), code_version="git:abc", environment=Digest("e"),
        )  # fmt: skip
        number = self.registry.register(registration, cause=done.id).number
        estimate = Estimate(value, value - 0.01, value + 0.01, 5000)
        evidence = Evidence(metric="roc_auc", metrics={"roc_auc": estimate}, start=START - 14 * DAY, end=START, rows=5000)
        self.gating.decide(MODEL, number, gates=[at_least("roc_auc", 0.6)], evidence=evidence, cause=done.id)
        return number

    def released(self, name: str, spec: CanarySpec | None = SPEC) -> Rollout:
        """A validated version, put into the traffic."""
        number = self.validated(name)
        cause = self.stores.journal.log.list()[-1].id
        return self.releases.start(number, spec, cause=cause)

    def answered(self, *ids: str, version: int, route: str = "champion") -> None:
        """Predictions with these ids, answered now by that version."""
        now = microseconds(self.clock.now())
        looked: list[int | None] = [now - microseconds(START) % 3_600_000_000 - 1_800_000_000] * len(ids)
        self.journal.append(
            encode(
                Answered(
                    endpoint=MODEL,
                    model=MODEL,
                    version=version,
                    route=route,
                    time=now,
                    features_digest="f",
                    ids=list(ids),
                    keys=list(ids),
                    request={"carrier": ["UA"] * len(ids)},
                    features={"flights.carrier": ["UA"] * len(ids), "sky.temp": [1.5] * len(ids)},
                    value_times={"sky": looked},
                    scores=[0.25] * len(ids),
                    seconds=[0.002] * len(ids),
                    task="binary",
                )
            )
        )


@contextmanager
def opened_live_home(path: Path) -> Iterator[LiveHome]:
    """The home at `path`, as a process of its own would have it."""
    clock, ids = VirtualClock(START), DerivedIds(0)
    stores = Stores.open(path, clock=clock, ids=ids)
    journal = LocalJournal.write(path / "journal" / "predictions")
    given: dict[str, Any] = {"transactions": stores.journal.transactions, "recorder": stores.journal.recorder}
    registry = RegistryService(stores.registry, **given)
    place = Deployment(PRODUCTION, MODEL, MODEL)
    try:
        yield LiveHome(
            path=path,
            clock=clock,
            stores=stores,
            registry=registry,
            gating=GatingService(registry, **given),
            releases=ReleaseService(stores.releases, registry, **given, clock=clock, place=place),
            windows=WindowService(stores.windows, **given),
            runs=TrackingService(stores.runs, **given, clock=clock, ids=ids),
            journal=journal,
            log=open_log(path, DeltaTables(path / "tables"), stores=stores),
        )
    finally:
        journal.close()
        stores.close()
