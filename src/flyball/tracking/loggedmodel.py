"""Logged models in MLflow's meaning: a model as a run made it, before anybody registers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flyball.tracking.experiment import Lifecycle
from flyball.tracking.trackedrun import Metric


class LoggedModelStatus(StrEnum):
    """Whether its files are all there."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """One logged model: `id` is ``m-`` and 32 hexadecimal digits; `metrics` name the runs that took them."""

    id: str
    experiment: str
    name: str
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str = ""
    model_type: str | None = None
    source_run: str | None = None
    created_ms: int
    updated_ms: int
    artifact_uri: str
    creator: str | None = None
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
