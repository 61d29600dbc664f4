"""A home with tracking, artifacts and a signed registry, in one database, as a test sees it: on a clock that it moves itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds, RandomIds
from flyball.core.rand import SeededRandom
from flyball.data._sqlstore import SqlVersions
from flyball.lineage._sqlstore import SqlLineage
from flyball.registry._sqlmodels import SqlModels
from flyball.registry._sqlstore import SqlRegistry
from flyball.registry.models import Models
from flyball.registry.parts import RegistryParts
from flyball.registry.registered import RegisteredVersion, VersionRequest
from flyball.registry.sealing import Sealer
from flyball.registry.service import RegistryService
from flyball.registry.signing import Keyring
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.artifact import Root, RootKind
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.tracking import Tracking, open_tracking

START = datetime(2013, 3, 1, tzinfo=UTC)
FILES: Mapping[str, bytes] = {"MLmodel": b"flavors: {}\n", "data/weights.bin": b"weights" * 1000, "requirements.txt": b"numpy\n"}


@dataclass(frozen=True)
class Person:
    """Who uploads and registers."""

    principal: str = "ann"
    may_run_code: bool = False


@dataclass(frozen=True)
class RegistryHome:
    """What lies at `place`, and the services over it."""

    place: Path
    database: Database
    clock: VirtualClock
    tracking: Tracking
    artifacts: Artifacts
    parts: RegistryParts
    models: Models
    registry: RegistryService
    recorder: Recorder

    def logged(self, files: Mapping[str, bytes] = FILES, *, name: str = "model", by: Person = Person()) -> tuple[str, str]:
        """The ids of a run and of a ready logged model with these files that it made."""
        run = self.tracking.runs.create("0", name="fit", user=by.principal, tags={"mlflow.source.git.commit": "abc123"}).head.id
        model = self.tracking.models.create("0", name=name, source_run=run)
        for path, content in files.items():
            self.artifacts.put(Root(RootKind.MODEL, "0", model.id), path, chunks=[content], principal=by)
        return run, model.id

    def run_with(self, files: Mapping[str, bytes] = FILES, *, path: str = "model", by: Person = Person()) -> str:
        """The id of a run with these files as its own artifacts, below `path`."""
        run = self.tracking.runs.create("0", user=by.principal).head.id
        for name, content in files.items():
            self.artifacts.put(Root(RootKind.RUN, "0", run), f"{path}/{name}", chunks=[content], principal=by)
        return run

    def version(self, name: str = "churn", *, by: Person = Person()) -> RegisteredVersion:
        """The next version of the model, which is made where there is none, from a new logged model."""
        if self.parts.models.find(name) is None:
            self.models.create(name)
        _, model = self.logged(by=by)
        return self.models.create_version(name, VersionRequest(source=f"models:/{model}"), principal=by)

    def types(self) -> list[str]:
        """The types of all events."""
        return [event.type for event in self.parts.log.list()]


@contextmanager
def open_registry_home(place: Path, *, signed: bool = True, database: Database | None = None) -> Iterator[RegistryHome]:
    """The home at `place`, made when there is none; `database` instead of its own SQLite file. It is closed with the block."""
    database = database or Database.open(place / "flyball.db")
    try:
        yield _home(place, database, signed=signed)
    finally:
        database.close()


def _home(place: Path, database: Database, *, signed: bool) -> RegistryHome:
    clock, log, blobs = VirtualClock(START), SqlEventLog(database), LocalBlobs(place / "blobs")
    ids = DerivedIds(0)
    recorder = Recorder(log, clock=clock, ids=ids)
    datasets = SqlVersions(database)
    sealer = Sealer(Keyring(place / "keys"), datasets) if signed else None
    tracking = open_tracking(database, clock=clock, ids=RandomIds(), random=SeededRandom(0), recorder=recorder)
    artifacts = Artifacts(SqlArtifacts(database), blobs, transactions=database, clock=clock, ids=RandomIds())
    registry = SqlRegistry(database, sealer)
    parts = RegistryParts(
        models=SqlModels(database, sealer),
        registry=registry,
        transactions=database,
        log=log,
        clock=clock,
        ids=ids,
        lineage=SqlLineage(database),
        blobs=blobs,
        runs=tracking.runs,
        logged=tracking.models,
        artifacts=artifacts,
        datasets=datasets,
        sealer=sealer,
    )
    service = RegistryService(registry, transactions=database, recorder=recorder, lineage=parts.lineage)
    return RegistryHome(place, database, clock, tracking, artifacts, parts, Models(parts), service, recorder)
