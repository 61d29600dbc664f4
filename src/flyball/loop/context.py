"""What the loop's workers for one model stand on: its declaration, what is known of it, and the services of its home or world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flyball.core.clock import Clock
from flyball.core.ids import Digest
from flyball.loop.model import Model
from flyball.loop.past import Pasts
from flyball.loop.traffic import Traffic
from flyball.monitoring import WindowService
from flyball.pipelines import StepRunner
from flyball.registry import RegistryService
from flyball.releases import Deployment, GatingService, ReleaseService
from flyball.storage.blobs import BlobStore
from flyball.storage.events import EventLog
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions
from flyball.tracking import TrackingService


@dataclass(frozen=True)
class Objective:
    """What the model is measured by: the task ("binary" or "regression") and the metric that gates, monitors and reports share."""

    task: str
    metric: str


@dataclass(frozen=True)
class Services:
    """The rooms' services over one database; the same in a home and in a world."""

    log: EventLog
    recorder: Recorder
    transactions: Transactions
    registry: RegistryService
    gating: GatingService
    releases: ReleaseService
    windows: WindowService
    runs: TrackingService


@dataclass(frozen=True)
class Context:
    """One model in one world.

    `deployed` is told of every change of the deployment; `code_version` names the project's tree, and `code` is the blob of its
    source where versions are to be served from it.
    """

    model: Model
    objective: Objective
    project_file: Path
    features_fingerprint: Digest
    code_version: str
    pasts: Pasts
    traffic: Traffic
    clock: Clock
    steps: StepRunner
    blobs: BlobStore
    services: Services
    deployed: Callable[[datetime, Deployment], None]
    code: Digest | None = None

    @property
    def subject(self) -> str:
        """The subject of the model's own events."""
        return f"model/{self.model.name}"
