"""The control plane of a home without a project: runs, models and events are kept and looked at; no loop runs and nothing is served."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flyball.app.controlplane import Deed, Json
from flyball.app.liveview import LiveView
from flyball.app.places import Places
from flyball.app.settings import Settings
from flyball.app.stores import Stores
from flyball.app.viewed import Viewed
from flyball.app.watching import Watching
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import ConflictError, NotFoundError
from flyball.core.ids import RandomIds
from flyball.data.bodies import Body
from flyball.governance import DEFAULT_PROJECT
from flyball.loop.model import Model
from flyball.loop.state import LoopState
from flyball.serving.plan import ServingPlan
from flyball.serving.volume import VersionVolume
from flyball.storage.blobs import BlobStore

NAME = "no project"
PHASE = "keeping runs and models"
SYSTEM = "system"


class NoProjectError(ConflictError):
    """What was asked takes a project, and this server has none."""

    code = "no-project"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} takes a project, and this server runs without one. Start it with `flyball up PROJECT.py`.")


class PredictionNotHereError(NotFoundError):
    """No prediction is recorded where nothing answers."""

    code = "prediction-not-found"

    def __init__(self, prediction: str) -> None:
        super().__init__(f"There is no prediction {prediction[:80]!r} here: this server runs without a project and answers no requests.")


class _NoProject:
    """What stands for the project in a view."""

    name = NAME
    models: Sequence[Model] = ()


class _NoPredictions:
    """The log of a home that answered nothing."""

    def drain(self) -> int:
        return 0

    def find(self, prediction: str) -> Mapping[str, Any] | None:
        raise PredictionNotHereError(prediction)

    def stats(self, endpoint: str, since: datetime, *, until: datetime | None = None) -> Sequence[VersionVolume]:
        del endpoint, since, until
        return ()


class _Around:
    """`Surroundings` without a loop."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._watching = Watching(stores.path, clock=stores.clock, timer=MonotonicTimer())

    def get_clock(self) -> Json:
        return {"now": self._stores.clock.now().isoformat(), "speed": None, "paused": False}

    def list_processes(self) -> list[Json]:
        return self._watching.processes()

    def get_phase(self) -> str:
        return PHASE

    def find_state(self, model: str) -> LoopState | None:
        del model
        return None

    def count_resolved(self, model: str, *, start: datetime, end: datetime) -> tuple[int, int]:
        del model, start, end
        return 0, 0

    def plan_revision(self) -> int:
        return 0


class BareControl(Viewed):
    """A `ControlPlane` of a home that has no project. Thread-safe."""

    begun = True
    project_name = DEFAULT_PROJECT

    def find_catalogue(self) -> None:
        """No rows are kept here."""

    data = None
    traffic = None
    inbox = None

    def __init__(self, stores: Stores, blobs: BlobStore) -> None:
        self.stores, self.blobs = stores, blobs
        super().__init__(LiveView(_NoProject(), stores, _NoPredictions(), _Around(stores)))

    @classmethod
    def open(cls, settings: Settings, *, failed: Callable[[BaseException], None]) -> BareControl:
        """The control plane of the settings' home.

        Raises:
            FlyballError: the home cannot be opened.
        """
        del failed  # nothing runs behind it that could
        stores = Stores.at_home(settings.home, clock=WallClock(), ids=RandomIds(), actor=SYSTEM)
        return cls(stores, Places.of(settings.home, os.environ).open_blobs(settings.home))

    def begin(self) -> None:
        """There is nothing to begin."""

    def close(self) -> None:
        """Let go of the home; idempotent."""
        self.stores.close()

    def get_prediction(self, prediction: str) -> Json:
        raise PredictionNotHereError(prediction)

    def find_parity(self) -> Json:
        return {"report": None}

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        del endpoint, version, deed
        raise NoProjectError("To promote a version")

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        del endpoint, deed
        raise NoProjectError("To roll back")

    def pull_dataset(self, dataset: str, *, deed: Deed) -> Json:
        del dataset, deed
        raise NoProjectError("A dataset's source")

    def push_rows(self, dataset: str, rows: Body, *, key: str | None, visible: bool) -> Json:
        del dataset, rows, key, visible
        raise NoProjectError("To take rows")

    def run_parity(self, *, deed: Deed) -> Json:
        del deed
        raise NoProjectError("A parity check")

    def listen(self, told: Callable[[], None]) -> None:
        """There is never another plan."""

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> ServingPlan | None:
        del revision, server, refusal
        return None
