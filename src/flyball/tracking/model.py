"""Experiments and runs in MLflow's meaning: what was tried, with which parameters, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flyball.core.clock import utc
from flyball.core.ids import Digest, EventId, RunId


class RunStatus(StrEnum):
    """Where a run stands; only a running one changes."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric: at `step` of the run, logged at `time` (business time, UTC)."""

    name: str
    value: float
    step: int
    time: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", utc(self.time))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an experiment.

    `parameters` are JSON values and never change once set; `metrics` hold the last point of each metric; `artifacts` are blobs by name;
    `tags` are texts such as seed, environment and code version; `summary` is what a step
    said of itself (JSON); `cause` is the event that led to the run.
    """

    id: RunId
    experiment: str
    name: str
    status: RunStatus = RunStatus.RUNNING
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, Digest] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    started: datetime
    ended: datetime | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    cause: EventId | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", utc(self.started))
        if self.ended is not None:
            object.__setattr__(self, "ended", utc(self.ended))
        for name in ("parameters", "metrics", "artifacts", "tags", "summary"):
            object.__setattr__(self, name, dict(sorted(getattr(self, name).items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What is added to a run at once; `metrics` are points at `step`."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, Digest] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
