"""The backtest: the model's own history, replayed through the loop's own code under several retraining policies.

The world at virtual time T is what was known by T; nothing else differs from live. A world is made from its first event on; what
takes long (the frame, trainings, scores) are steps that are computed once, kept, and shared between policies and with
the next run, which is how a backtest that was killed continues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from flyball.core.clock import Timer, VirtualClock
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.ids import Digest, Ids
from flyball.data import DatasetVersion
from flyball.data.service import DataService
from flyball.features import FeatureSet
from flyball.loop.context import Context, Objective, Services
from flyball.loop.controller import Controller, Journal
from flyball.loop.definition import datasets_of
from flyball.loop.errors import NothingToReplayError
from flyball.loop.feed import ModelFrame, ReplayFeed, Routes
from flyball.loop.frames import compiled, frame_step
from flyball.loop.ingestion import snapshot
from flyball.loop.model import Model
from flyball.loop.scoring import StepScorer
from flyball.loop.state import LoopSpec
from flyball.loop.summary import PolicyStory, summarise
from flyball.loop.trainer import objective_of
from flyball.loop.triggers import policy_triggers
from flyball.loop.worker import ModelWorker
from flyball.monitoring import WindowService, WindowStore, unwatched_in_backtest
from flyball.pipelines import StepRunner
from flyball.registry import RegistryService, RegistryStore
from flyball.releases import Deployment, GatingService, ReleaseService, ReleaseStore, routing
from flyball.storage.blobs import BlobStore
from flyball.tracking import RunStore, TrackingService

ENVIRONMENT = "backtest"


class Progress(Protocol):
    """Told how far a phase ("data", or a policy) has come: the share of it that is done, and a few words."""

    def moved(self, phase: str, share: float, *, text: str) -> None: ...


@dataclass(frozen=True)
class World:
    """One policy's own stores and clock; it shares the finished steps with the others, and nothing else."""

    policy: str
    clock: VirtualClock
    ids: Ids
    journal: Journal
    registry: RegistryStore
    releases: ReleaseStore
    runs: RunStore
    windows: WindowStore
    close: Callable[[], None]


@dataclass(frozen=True)
class History:
    """What all policies replay: the frame, where its files are, the data's versions, and the time from first training to end."""

    frame: ModelFrame
    inputs: Mapping[str, Digest]
    versions: Mapping[str, DatasetVersion]
    features: Digest
    objective: Objective
    earliest: datetime
    first: datetime
    end: datetime


@dataclass(frozen=True)
class Backtest:
    """A backtest of one model over one home's data. `data`, `steps` and `blobs` are the home's."""

    project: str
    model: Model
    project_file: Path
    data: DataService
    steps: StepRunner
    blobs: BlobStore
    code_version: str
    timer: Timer
    told_features: Callable[[FeatureSet], None]

    def run(self, policies: Sequence[str], *, start: datetime | None, worlds: Callable[[str], World], progress: Progress) -> dict[str, Any]:
        """The figures of every policy, in the order given; a policy named twice counts once.

        Raises:
            PolicyError: a text is no policy; nothing has run.
            NothingToReplayError: the rows end before the first training.
        """
        triggers = {policy: policy_triggers(policy, self.model.retrain) for policy in policies}
        began = self.timer.seconds()
        history = self._history(start)
        timings = {"frame": self.timer.seconds() - began}
        stories, opened = [], []
        try:
            for policy, wanted in triggers.items():
                began = self.timer.seconds()
                world = worlds(policy)
                opened.append(world)
                stories.append(self._replay(replace(self.model, retrain=wanted), world, history=history, progress=progress))
                timings[policy] = self.timer.seconds() - began
            figures = summarise(stories, history.earliest, end=history.end)
        finally:
            for world in opened:
                world.close()
        return {**self._head(history), "policies": figures, "timings": timings}

    def _head(self, history: History) -> dict[str, Any]:
        return {
            "project": self.project,
            "model": self.model.name,
            "metric": history.objective.metric,
            "start": history.earliest.isoformat(),
            "first_training": history.first.isoformat(),
            "end": history.end.isoformat(),
            "seed": self.model.seed,
            "data": {name: version.number for name, version in history.versions.items()},
            "notes": list(unwatched_in_backtest(self.model.monitors)),
        }

    def _history(self, start: datetime | None) -> History:
        datasets = datasets_of(self.model)
        histories = snapshot(datasets, self.data, blobs=self.blobs)
        versions = {name: self.data.get_accepted(name) for name in datasets}
        features = compiled(self.model, {name: self.blobs.open_path(found) for name, found in histories.items()})
        self.told_features(features)
        made = self.steps.run(frame_step(self.model, project=self.project_file, histories=histories, features=features.fingerprint))
        frame = ModelFrame(self.model, self.blobs.open_path(made.outputs["frame"]), labels=self.blobs.open_path(made.outputs["labels"]))
        opening = versions[self.model.rows.name].earliest_event_time
        first = start or ((opening or EPOCH) + self.model.length("history"))
        end = _moment(int(frame.prediction_times[-1]) + 1) if len(frame) else first
        if end <= first:
            raise NothingToReplayError(self.model.name, first=first.isoformat(), end=end.isoformat())
        return History(
            frame=frame,
            inputs=made.outputs,
            versions=versions,
            features=features.fingerprint,
            objective=objective_of(self.model, frame.known_labels(first)),
            earliest=_moment(int(frame.prediction_times[0])),
            first=first,
            end=end,
        )

    def _replay(self, model: Model, world: World, *, history: History, progress: Progress) -> PolicyStory:
        context = self._context(model, world, history=history)
        spec = LoopSpec(
            model.name,
            first_training=history.first,
            window=model.length("window"),
            cool_down=model.length("cool_down"),
            triggers=tuple(model.retrain),
        )
        controller = Controller({model.name: ModelWorker(context)}, {model.name: spec}, journal=world.journal)
        self._open(world, history, spec=spec)
        step = max((history.end - history.first) / 50, timedelta(hours=1))
        reached = history.first
        while reached < history.end:
            reached = min(reached + step, history.end)
            controller.run_until(reached, world.clock)
            share = (reached - history.first) / (history.end - history.first)
            progress.moved(world.policy, share, text=_told(controller, model.name, reached=reached))
        return PolicyStory(
            name=world.policy,
            events=world.journal.log.list(),
            windows=context.services.windows.list(model.name),
            feed=context.feed,
            task=history.objective.task,
            metric=history.objective.metric,
            maturity=model.maturity,
        )

    def _open(self, world: World, history: History, *, spec: LoopSpec) -> None:
        """The world's first events: the rows that it replays, and the loop that they start."""
        world.clock.advance_to(history.earliest)
        recorder = world.journal.recorder
        with world.journal.transactions.write():
            pinned = {}
            for name, version in history.versions.items():
                facts = {"version": version.number, "digest": version.digest, "rows": version.rows}
                pinned[name] = recorder.record("dataset.pinned", f"dataset/{name}", data=facts).id
            begun = {"first_training": spec.first_training, "policy": world.policy}
            recorder.record("loop.started", spec.subject, data=begun, cause=pinned[self.model.rows.name])

    def _context(self, model: Model, world: World, *, history: History) -> Context:
        services = _services(model, world)
        registry = services.registry
        routes = Routes(model.serves_at)
        scorer = StepScorer(model, history.frame, inputs=history.inputs, steps=self.steps, registry=registry, blobs=self.blobs)
        return Context(
            model=model,
            objective=history.objective,
            project_file=self.project_file,
            data=history.versions,
            features_fingerprint=history.features,
            feature_names=history.frame.feature_names,
            code_version=self.code_version,
            feed=ReplayFeed(history.frame, history.inputs, routes=routes, scorer=scorer),
            clock=world.clock,
            steps=self.steps,
            blobs=self.blobs,
            services=services,
            deployed=lambda since, deployment: routes.set(since, routing(deployment)),
        )


def _services(model: Model, world: World) -> Services:
    recorder, transactions = world.journal.recorder, world.journal.transactions
    registry = RegistryService(world.registry, transactions=transactions, recorder=recorder)
    place = Deployment(ENVIRONMENT, model.serves_at, model.name)
    return Services(
        recorder=recorder,
        registry=registry,
        gating=GatingService(registry, transactions=transactions, recorder=recorder),
        releases=ReleaseService(world.releases, registry, transactions=transactions, recorder=recorder, clock=world.clock, place=place),
        windows=WindowService(world.windows, transactions=transactions, recorder=recorder),
        runs=TrackingService(world.runs, transactions=transactions, recorder=recorder, clock=world.clock, ids=world.ids),
    )


def _moment(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def _told(controller: Controller, model: str, *, reached: datetime) -> str:
    state = controller.state(model)
    trainings = "1 training" if state.trainings == 1 else f"{state.trainings} trainings"
    return f"{reached:%Y-%m-%d}, {trainings}, champion {state.champion or 'none'}"
