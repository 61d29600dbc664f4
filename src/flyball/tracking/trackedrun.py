"""Runs in MLflow's meaning: what a client logs, and what it reads back. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flyball.tracking.experiment import Lifecycle
from flyball.tracking.model import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One value of a metric, which may be NaN or infinite.

    `model` is the id of the logged model that it speaks of, with the dataset it was taken on; `run` is set where metrics of several runs
    stand together.
    """

    key: str
    value: float
    time_ms: int
    step: int = 0
    model: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """A run without what was logged to it."""

    id: str
    experiment: str
    name: str
    user: str = ""
    status: RunStatus = RunStatus.RUNNING
    start_ms: int
    end_ms: int | None = None
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    artifact_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInput:
    """A dataset that a run has read; (name, digest) name it within the experiment, `tags` belong to this reading of it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """A logged model that a run has read."""

    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutput:
    """A logged model that a run has made, at its step."""

    model: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A run with the latest value of each metric, by (step, time, value); metrics and texts are ordered by key."""

    head: RunHead
    metrics: tuple[Metric, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[ModelInput, ...] = ()
    model_outputs: tuple[ModelOutput, ...] = ()
