"""The replay: one policy's world, from its first event to its last, on a virtual clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from flyball.core.clock import Timer, VirtualClock
from flyball.core.errors import ConflictError
from flyball.core.events import Event
from flyball.core.ids import Digest, Ids
from flyball.data import DatasetVersion
from flyball.lineage import LineageStore
from flyball.loop.commands import Command
from flyball.loop.context import Context, Objective
from flyball.loop.controller import Controller, Journal, Worker
from flyball.loop.model import Model
from flyball.loop.past import ModelFrame, Past
from flyball.loop.scoring import StepScorer
from flyball.loop.services import services_of
from flyball.loop.state import LoopSpec
from flyball.loop.summary import PolicyStory
from flyball.loop.traffic import ReplayedTraffic, Routes
from flyball.loop.triggers import Trigger
from flyball.loop.worker import ModelWorker
from flyball.monitoring import WindowStore
from flyball.pipelines import StepRunner
from flyball.registry import RegistryStore
from flyball.releases import ReleaseStore, routing
from flyball.storage.blobs import BlobStore
from flyball.tracking import Run, RunStore

ENVIRONMENT = "backtest"
PROGRESS_STEPS = 50


class ReplayStoppedError(ConflictError):
    """The replay was told to stop; its world is made anew by the next run."""

    code = "replay-stopped"

    def __init__(self, policy: str) -> None:
        super().__init__(f"The replay of policy {policy!r} was stopped. Run the backtest again to continue from its finished steps.")


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
    lineage: LineageStore
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
class Ground:
    """What every replay of one backtest stands on; all of it is shared, and nothing of it changes."""

    model: Model
    history: History
    project_file: Path
    code_version: str
    steps: StepRunner
    blobs: BlobStore
    timer: Timer
    progress: Progress


class Replay:
    """Replays policies over the same ground. Thread-safe: each policy has a world and a clock of its own."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._stopped = threading.Event()

    def stop(self) -> None:
        """No policy goes beyond the command that it is carrying out, nor far beyond the time it has reached."""
        self._stopped.set()

    def run(self, world: World, triggers: Sequence[Trigger]) -> tuple[PolicyStory, float]:
        """The whole story of the model in `world` where `triggers` stand for its own, and how many seconds it took.

        What is watched is the same under every policy: alarms that nothing answers are still told.

        Raises:
            ReplayStoppedError: it was stopped.
        """
        ground, history, model = self._ground, self._ground.history, self._ground.model
        began = ground.timer.seconds()
        context = self._context(world)
        spec = LoopSpec(
            model.name,
            first_training=history.first,
            window=model.length("window"),
            cool_down=model.length("cool_down"),
            triggers=tuple(triggers),
        )
        worker = _Stoppable(ModelWorker(context), self._stopped, policy=world.policy)
        controller = Controller({model.name: worker}, {model.name: spec}, journal=world.journal)
        self._open(world, spec)
        self._turn(controller, world)
        story = PolicyStory(
            name=world.policy,
            events=world.journal.log.list(),
            windows=context.services.windows.list(model.name),
            traffic=context.traffic,
            task=history.objective.task,
            metric=history.objective.metric,
            maturity=model.maturity,
        )
        return story, ground.timer.seconds() - began

    def _turn(self, controller: Controller, world: World) -> None:
        history, model = self._ground.history, self._ground.model.name
        whole = history.end - history.first
        step, reached = max(whole / PROGRESS_STEPS, timedelta(hours=1)), history.first
        while reached < history.end:
            if self._stopped.is_set():
                raise ReplayStoppedError(world.policy)
            reached = min(reached + step, history.end)
            controller.run_until(reached, world.clock)
            text = _told(controller, model, reached=reached)
            self._ground.progress.moved(world.policy, (reached - history.first) / whole, text=text)

    def _open(self, world: World, spec: LoopSpec) -> None:
        """The world's first events: the rows that it replays, and the loop that they start."""
        history = self._ground.history
        world.clock.advance_to(history.earliest)
        recorder = world.journal.recorder
        with world.journal.transactions.write():
            pinned = {}
            for name, version in history.versions.items():
                facts = {"version": version.number, "digest": version.digest, "rows": version.rows}
                pinned[name] = recorder.record("dataset.pinned", f"dataset/{name}", data=facts).id
            begun = {"first_training": spec.first_training, "policy": world.policy}
            recorder.record("loop.started", spec.subject, data=begun, cause=pinned[self._ground.model.rows.name])

    def _context(self, world: World) -> Context:
        ground, history, model = self._ground, self._ground.history, self._ground.model
        services = services_of(model, world, environment=ENVIRONMENT)
        routes = Routes(model.serves_at)
        data = {name: version.number for name, version in history.versions.items()}
        scorer = StepScorer(model, history.frame, inputs=history.inputs, steps=ground.steps, registry=services.registry, blobs=ground.blobs)
        return Context(
            model=model,
            objective=history.objective,
            project_file=ground.project_file,
            features_fingerprint=history.features,
            code_version=ground.code_version,
            pasts=_OnePast(Past(history.frame, history.inputs, data, scorer)),
            traffic=ReplayedTraffic(history.frame, routes=routes, scorer=scorer),
            clock=world.clock,
            steps=ground.steps,
            blobs=ground.blobs,
            services=services,
            deployed=lambda since, deployment: routes.set(since, routing(deployment)),
        )


@dataclass(frozen=True)
class _OnePast:
    """All of history: a training leaves out what was known after it."""

    past: Past

    def reaching(self, moment: datetime) -> Past:
        del moment
        return self.past

    def of(self, run: Run) -> Past:
        del run
        return self.past


class _Stoppable:
    """A worker that carries out nothing more once it was told to stop."""

    def __init__(self, worker: Worker, stopped: threading.Event, *, policy: str) -> None:
        self._worker, self._stopped, self._policy = worker, stopped, policy

    def carry_out(self, command: Command, cause: Event) -> None:
        if self._stopped.is_set():
            raise ReplayStoppedError(self._policy)
        self._worker.carry_out(command, cause)


def _told(controller: Controller, model: str, *, reached: datetime) -> str:
    state = controller.state(model)
    trainings = "1 training" if state.trainings == 1 else f"{state.trainings} trainings"
    answers = "no version answers yet" if state.champion is None else f"version {state.champion} answers"
    return f"{reached:%Y-%m-%d}, {trainings}, {answers}"
