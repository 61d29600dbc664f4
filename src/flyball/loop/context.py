"""What the loop's workers for one model stand on: its declaration, what is known of it, and the services of its home or world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flyball.core.clock import Clock
from flyball.core.ids import Digest
from flyball.data import DatasetVersion
from flyball.loop.feed import Feed
from flyball.loop.model import Model
from flyball.monitoring import WindowService
from flyball.pipelines import StepRunner
from flyball.registry import RegistryService
from flyball.releases import Deployment, GatingService, ReleaseService
from flyball.storage.blobs import BlobStore
from flyball.storage.recorder import Recorder
from flyball.tracking import TrackingService


@dataclass(frozen=True)
class Objective:
    """What the model is measured by: the task ("binary" or "regression") and the metric that gates, monitors and reports share."""

    task: str
    metric: str


@dataclass(frozen=True)
class Services:
    """The rooms' services over one database; the same in a home and in a world."""

    recorder: Recorder
    registry: RegistryService
    gating: GatingService
    releases: ReleaseService
    windows: WindowService
    runs: TrackingService


@dataclass(frozen=True)
class Context:
    """One model in one world. `deployed` is told of every change of the deployment; `code_version` is of the project's tree."""

    model: Model
    objective: Objective
    project_file: Path
    data: Mapping[str, DatasetVersion]
    features_fingerprint: Digest
    feature_names: Sequence[str]
    code_version: str
    feed: Feed
    clock: Clock
    steps: StepRunner
    blobs: BlobStore
    services: Services
    deployed: Callable[[datetime, Deployment], None]

    @property
    def subject(self) -> str:
        """The subject of the model's own events."""
        return f"model/{self.model.name}"
