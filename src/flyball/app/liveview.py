"""The control plane's read side over one home: what is told of models, windows, versions, events, datasets and predictions.

It changes nothing. What only a running process knows (its clock, its fellow processes, where the loop stands) it asks its `Surroundings`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from flyball.app.controlplane import EventPage, Json, Pulse
from flyball.app.predictiontrace import Predictions, Tracer
from flyball.app.releasing import PRODUCTION
from flyball.app.stores import Stores
from flyball.app.telling import event_told, moment, rollout_told, version_told, window_told
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.duration import MICROSECOND, floor_time
from flyball.core.errors import NotFoundError
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.data.model import DatasetVersion
from flyball.kernels.metrics import get_metric
from flyball.loop.model import Model
from flyball.loop.state import LoopState
from flyball.loop.trace import causes
from flyball.loop.triggers import OnPerformanceDrop
from flyball.loop.watcher import DEFAULT_DROP
from flyball.monitoring.usage import tree_bytes
from flyball.releases import Deployment
from flyball.releases.rollout import Rollout
from flyball.serving.volume import VersionVolume
from flyball.storage.events import EventQuery

BATCH = 1000
FIGURES_SECONDS, SIZE_SECONDS = 1.0, 10.0
"""How old, in real time, the figures of the traffic and the size of the home may be when they are told."""

T = TypeVar("T")


class ModelNotFoundError(NotFoundError):
    """The project declares no such model."""

    code = "model-not-found"

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        super().__init__(f"There is no model {name[:80]!r} here; models: {', '.join(known)}.")


class Declared(Protocol):
    """A project, as far as a view asks it."""

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> Sequence[Model]: ...


class Volumes(Predictions, Protocol):
    """The prediction log, as far as a view asks it."""

    def stats(self, endpoint: str, since: datetime, *, until: datetime | None = None) -> Sequence[VersionVolume]: ...


class Surroundings(Protocol):
    """What a running control plane knows beside its stores. Thread-safe; each answer is quick."""

    def get_clock(self) -> Json:
        """{"now", "speed", "paused"}."""
        ...

    def list_processes(self) -> list[Json]:
        """Of each process: {"name", "pid", "state", "restarts", "cpu_percent", "memory_bytes", "uptime_seconds"}."""
        ...

    def get_phase(self) -> str:
        """What it is doing, in a few words."""
        ...

    def find_state(self, model: str) -> LoopState | None:
        """Where the model's loop stands, or None before it began."""
        ...

    def count_resolved(self, model: str, *, start: datetime, end: datetime) -> tuple[int, int]:
        """The rows answered in [start, end), and how many of them are resolved now."""
        ...

    def plan_revision(self) -> int:
        """The revision of the serving plan."""
        ...


@dataclass
class _Read:
    """How far the log was read, for the pulse."""

    position: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Kept:
    """What costs more than a look-up is found out once in a while, however many ask. Thread-safe; one finds out, the others wait."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._values: dict[str, tuple[float, Any]] = {}

    def get(self, name: str, make: Callable[[], T], *, seconds: float) -> T:
        """What `make` says, or said in the last `seconds`."""
        with self._lock:
            known = self._values.get(name)
            if known is not None and self._timer.seconds() - known[0] < seconds:
                found: T = known[1]
                return found
            made = make()
            self._values[name] = (self._timer.seconds(), made)
            return made


@dataclass(frozen=True)
class LiveView:
    """The methods of `ControlPlane` that look. Thread-safe."""

    project: Declared
    stores: Stores
    log: Volumes
    around: Surroundings
    timer: Timer = field(default_factory=MonotonicTimer)
    _read: _Read = field(default_factory=_Read)
    _kept: Kept = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kept", Kept(self.timer))

    def pulse(self) -> Pulse:
        """Where events and plan stand."""
        with self._read.lock:
            while found := self.stores.journal.log.read_after(self._read.position, BATCH):
                self._read.position = found[-1][0]
            return Pulse(self._read.position, self.around.plan_revision())

    def get_status(self) -> Json:
        """The project, its clock, its processes, its disk, and what it is doing."""
        return {
            "project": self.project.name,
            "clock": self.around.get_clock(),
            "models": [model.name for model in self.project.models],
            "processes": self.around.list_processes(),
            "disk": {
                "home_bytes": self._kept.get("size", lambda: tree_bytes(self.stores.path), seconds=SIZE_SECONDS),
                "free_bytes": shutil.disk_usage(self.stores.path).free,
            },
            "phase": self.around.get_phase(),
        }

    def list_models(self) -> Json:
        """Every model's summary."""
        return {"models": [self.get_model(model.name) for model in self.project.models]}

    def get_model(self, name: str) -> Json:
        """One model's summary."""
        model = self.find(name)
        here = self.stores.releases.find_deployment(PRODUCTION, model.serves_at)
        rollouts = {rollout.version: rollout for rollout in self.stores.releases.list_rollouts(PRODUCTION, model.serves_at)}
        figures = self._kept.get(f"figures/{name}", lambda: self._figures(model), seconds=FIGURES_SECONDS)
        return {
            "name": name,
            "endpoint": model.serves_at,
            "metric": self._metric(model),
            "loop": _loop_told(self.around.find_state(name)),
            "champion": self._champion(name, here, rollouts=rollouts),
            "canary": self._canary(name, here, rollouts=rollouts),
            **figures,
        }

    def _figures(self, model: Model) -> Json:
        """What is counted over answered rows."""
        now = self.stores.clock.now()
        self.log.drain()
        volumes = self.log.stats(model.serves_at, now - model.length("window"))
        return {"traffic": _traffic_told(volumes), "open_window": self._open_window(model, now)}

    def list_windows(self, model: str) -> Json:
        """The model's windows, each with what its champion had promised and how far below that it may fall."""
        declared = self.find(model)
        reigns = self._reigns(model)
        told = []
        for window in self.stores.windows.list(model):
            champion = next((version for since, version in reversed(reigns) if since < window.end), None)
            expected = self._promised(model, champion)
            least = self._tolerated(declared, expected)
            told.append({**window_told(window, expected=expected), "threshold": least, "champion": champion})
        return {"windows": told}

    def list_versions(self, model: str) -> Json:
        """The model's versions, each with its evidence, gates, role and rollout."""
        found = self.find(model)
        here = self.stores.releases.find_deployment(PRODUCTION, found.serves_at)
        rollouts = {rollout.version: rollout for rollout in self.stores.releases.list_rollouts(PRODUCTION, found.serves_at)}
        gates = {event.data["version"]: event.data["gates"] for event in self._events(model, "gates.evaluated")}
        told = []
        for version in self.stores.registry.list(model):
            role = None if here is None else here.role(version.number)
            evidence = self.stores.registry.find_evidence(model, version.number)
            row = version_told(version, evidence=evidence, gates=gates.get(version.number, ()), role=None if role is None else role.value)
            rollout = rollouts.get(version.number)
            told.append({**row, "rollout": None if rollout is None else rollout_told(rollout)})
        return {"versions": told}

    def list_events(self, page: EventPage) -> Json:
        """Events after a position, with their sentences."""
        events: list[Json] = []
        position = page.after
        while len(events) < page.limit:
            batch = self.stores.journal.log.read_after(position, BATCH if page.model else page.limit)
            if not batch:
                break
            for position, event in batch:
                if _about(event, page.model):
                    events.append(event_told(event, position))
                if len(events) == page.limit:
                    break
        return {"events": events, "position": position}

    def list_causes(self, event: str) -> Json:
        """The chain from the event to the one without a cause."""
        return {"events": [event_told(found) for found in causes(self.stores.journal.log, EventId(event))]}

    def list_datasets(self) -> Json:
        """Every dataset with its latest version."""
        latest = {version.dataset: version for version in self.stores.datasets.list()}
        return {"datasets": [_dataset_told(version) for _, version in sorted(latest.items())]}

    def get_prediction(self, prediction: str) -> Json:
        """The trace of one prediction."""
        return Tracer(self.stores, self.log).trace(prediction)

    def find(self, name: str) -> Model:
        """The declared model of that name.

        Raises:
            ModelNotFoundError: the project declares none.
        """
        for model in self.project.models:
            if model.name == name:
                return model
        raise ModelNotFoundError(name, known=[model.name for model in self.project.models])

    def _metric(self, model: Model) -> str | None:
        numbers = [version.number for version in self.stores.registry.list(model.name)]
        found = (self.stores.registry.find_evidence(model.name, number) for number in reversed(numbers))
        return next((evidence.metric for evidence in found if evidence is not None), model.objective)

    def _promised(self, model: str, version: int | None) -> float | None:
        evidence = None if version is None else self.stores.registry.find_evidence(model, version)
        return None if evidence is None or evidence.overall is None else evidence.overall.value

    def _tolerated(self, model: Model, expected: float | None) -> float | None:
        """The figure beyond which a window counts as fallen; what is surely so, its interval decides."""
        metric, drops = self._metric(model), [trigger.drop for trigger in model.retrain if isinstance(trigger, OnPerformanceDrop)]
        if expected is None or metric is None:
            return None
        drop = min(drops, default=DEFAULT_DROP)
        return expected - drop if get_metric(metric).greater_is_better else expected + drop

    def _champion(self, model: str, here: Deployment | None, *, rollouts: Mapping[int, Rollout]) -> Json | None:
        if here is None or here.champion is None:
            return None
        reigns = self._reigns(model)
        entered = rollouts[here.champion].entered if here.champion in rollouts else None
        since = reigns[-1][0] if reigns and reigns[-1][1] == here.champion else entered
        return {"version": here.champion, "since": moment(since), "metric_value": self._promised(model, here.champion)}

    def _canary(self, model: str, here: Deployment | None, *, rollouts: Mapping[int, Rollout]) -> Json | None:
        if here is None or here.canary is None or here.canary not in rollouts:
            return None
        told = rollout_told(rollouts[here.canary])
        names = ("version", "stage", "stages", "judge_at")
        facts = {name: told[name] for name in names}
        return {**facts, "share": here.share, "since": told["entered"], "metric_value": self._promised(model, here.canary)}

    def _open_window(self, model: Model, now: datetime) -> Json | None:
        state = self.around.find_state(model.name)
        if state is None:
            return None
        length = model.length("window")
        first = floor_time(state.spec.first_training - MICROSECOND, length) + length
        start = floor_time(now, length)
        if start < first:
            return None
        rows, resolved = self.around.count_resolved(model.name, start=start, end=min(now, start + length))
        return {"start": moment(start), "end": moment(start + length), "rows": rows, "resolved": resolved}

    def _reigns(self, model: str) -> list[tuple[datetime, int]]:
        """Since when which version was champion, in order."""
        found: list[tuple[datetime, int]] = []
        for event in self._events(model, "rollout.finished", "rollout.rolled-back"):
            champion = event.data["version"] if event.type == "rollout.finished" else event.data.get("champion")
            if champion is not None and (not found or found[-1][1] != champion):
                found.append((event.time, champion))
        return found

    def _events(self, model: str, *kinds: str) -> list[Event]:
        prefix = kinds[0].partition(".")[0] + "."
        query = EventQuery(type_prefix=prefix, subject_prefix=f"model/{model}/")
        return [event for event in self.stores.journal.log.list(query) if event.type in kinds]


def _about(event: Event, model: str | None) -> bool:
    return model is None or event.subject == f"model/{model}" or event.subject.startswith(f"model/{model}/")


def _loop_told(state: LoopState | None) -> Json:
    if state is None:
        return {"busy": False, "training": False, "release": None, "trainings": 0, "last_training": None, "cool_until": None}
    return {
        "busy": state.busy,
        "training": state.training is not None,
        "release": None if state.release is None else state.release.version,
        "trainings": state.trainings,
        "last_training": moment(state.last_training),
        "cool_until": moment(state.cool_until()),
    }


def _traffic_told(volumes: Sequence[VersionVolume]) -> list[Json]:
    rows = sum(volume.rows for volume in volumes)
    return [
        {
            "version": volume.version,
            "route": volume.route,
            "rows": volume.rows,
            "share": volume.rows / rows if rows else 0.0,
            "errors": volume.errors,
            "latency_ms": {"p50": _ms(volume.p50_seconds), "p99": _ms(volume.p99_seconds)},
        }
        for volume in volumes
    ]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _dataset_told(version: DatasetVersion) -> Json:
    return {
        "name": version.dataset,
        "version": version.number,
        "state": version.state.value,
        "rows": version.rows,
        "added": version.added,
        "quarantined": version.quarantined,
        "duplicates": version.duplicates,
        "ingested_at": moment(version.ingested_at),
        "earliest_event_time": moment(version.earliest_event_time),
        "latest_event_time": moment(version.latest_event_time),
        "event": version.event,
    }
