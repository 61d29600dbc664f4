"""One model of a live home: what its workers stand on, made anew for each thread, and what its endpoint's traffic is read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from flyball.app.home import Home
from flyball.app.releasing import PRODUCTION
from flyball.core.ids import Digest
from flyball.features import FeatureSet
from flyball.kernels import get_metric
from flyball.loop.context import Context, Objective
from flyball.loop.earning import Earning, PlacedRows
from flyball.loop.livepast import LivePasts
from flyball.loop.livetraffic import LoggedTraffic, ServedRows
from flyball.loop.model import Model
from flyball.loop.services import services_of
from flyball.loop.state import LoopSpec
from flyball.loop.trainer import moment, objective_of
from flyball.loop.worker import ModelWorker
from flyball.pipelines import StepRunner
from flyball.releases import Deployment
from flyball.storage.events import EventQuery


class Log(ServedRows, PlacedRows, Protocol):
    """The prediction log, as far as models ask it."""


@dataclass(frozen=True)
class Ground:
    """What all models of a live home stand on. `code` is the blob of the project's source, `code_version` its name."""

    home: Home
    project_file: Path
    code: Digest
    code_version: str
    log: Log
    labels: Callable[[str], pl.DataFrame]
    steps: StepRunner


@dataclass(frozen=True)
class LiveModel:
    """A model in production; `worker` gives each thread its own."""

    model: Model
    features: FeatureSet
    objective: Objective
    pasts: LivePasts
    traffic: LoggedTraffic
    ground: Ground

    @classmethod
    def open(cls, model: Model, features: FeatureSet, *, ground: Ground, pasts: LivePasts) -> LiveModel:
        """The model as it stands in the home.

        Raises:
            FlyballError: its metric is not for its task, or its data cannot be read.
        """
        labels = ground.labels
        traffic = LoggedTraffic(model, ground.log, labels=lambda: labels(model.label.dataset.name), names=features.names)
        return cls(model, features, _objective(model, ground, pasts=pasts), pasts, traffic, ground)

    @property
    def subject(self) -> str:
        """The subject of the model's events."""
        return f"model/{self.model.name}"

    def worker(self) -> ModelWorker:
        """A worker for one thread: services keep what they record apart."""
        return ModelWorker(self.context())

    def context(self, actor: str = "system") -> Context:
        """What a worker stands on, for one thread, acting as `actor`."""
        ground = self.ground
        stores = ground.home.stores
        return Context(
            model=self.model,
            objective=self.objective,
            project_file=ground.project_file,
            features_fingerprint=self.features.fingerprint,
            code_version=ground.code_version,
            pasts=self.pasts,
            traffic=self.traffic,
            clock=stores.clock,
            steps=ground.steps,
            blobs=ground.home.blobs,
            services=services_of(self.model, stores, environment=PRODUCTION, actor=actor),
            deployed=_pulled,
            code=ground.code,
        )

    def earning(self, since: datetime) -> Earning:
        """What counts the answers from then on that were right."""
        name = self.model.label.dataset.name
        return Earning(self.model, self.ground.log, labels=lambda: self.ground.labels(name), since=since)

    def begin(self) -> LoopSpec:
        """What `decide` must know; the loop's first event is recorded where there is none yet.

        The first training comes when the declared history is there, and not before the loop has begun.
        """
        model, stores = self.model, self.ground.home.stores
        spec = {"window": model.length("window"), "cool_down": model.length("cool_down")}
        known = stores.journal.log.list(EventQuery(type="loop.started", subject=self.subject, limit=1))
        if known:
            first = moment(known[0].data["first_training"])
        else:
            version = self.ground.home.data.get_accepted(model.rows.name)
            opening = version.earliest_event_time
            now = stores.clock.now()
            first = now if opening is None else max(now, opening + model.length("history"))
            services_of(model, stores, environment=PRODUCTION, actor="system").recorder.record(
                "loop.started", self.subject, data={"first_training": first}, cause=version.event
            )
        return LoopSpec(model.name, first_training=first, triggers=tuple(model.retrain), **spec)


def _pulled(since: datetime, deployment: Deployment) -> None:
    """Model servers pull their plan; nobody has to be told."""


def _objective(model: Model, ground: Ground, *, pasts: LivePasts) -> Objective:
    """As at the last training; before the first, what the labels that are known say."""
    stores = ground.home.stores
    numbers = [version.number for version in stores.registry.list(model.name)]
    for number in reversed(numbers):
        evidence = stores.registry.find_evidence(model.name, number)
        if evidence is not None:
            metric = get_metric(evidence.metric)
            return Objective(metric.task.value, metric.name)
    past = pasts.reaching(stores.clock.now())
    labels = past.frame.known_labels(stores.clock.now())
    return objective_of(model, labels if len(labels) else np.empty(0))
