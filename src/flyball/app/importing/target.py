"""A home as the target of an import: tracking, registry and files, as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from flyball.app.importing.copying import Counts
from flyball.app.importing.source import FoundModel, FoundVersion, Source
from flyball.app.keeping import Keeping
from flyball.registry.adoption import AdoptedVersion, ModelAdoption
from flyball.registry.registered import Stage, VersionFile
from flyball.storage.blobs import BlobStore
from flyball.tracking.adoption import Adoption
from flyball.tracking.artifacts import Artifacts, Root, RootKind
from flyball.tracking.experiment import Experiment, Lifecycle
from flyball.tracking.loggedmodel import LoggedModel
from flyball.tracking.trackedrun import Metric, TrackedRun


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports: an `Uploader`, whose files may be loaded as code only where they said so."""

    principal: str
    may_run_code: bool = False


@dataclass(frozen=True)
class HomeTarget:
    """A `Target` over a home's services."""

    runs: Adoption
    models: ModelAdoption
    artifacts: Artifacts
    blobs: BlobStore
    importer: Importer

    @classmethod
    def of(cls, keeping: Keeping, blobs: BlobStore, *, importer: Importer) -> HomeTarget:
        """The target over what the home keeps."""
        models = ModelAdoption(keeping.parts, actor=importer.principal)
        return cls(Adoption(keeping.ledger), models, keeping.artifacts, blobs, importer)

    def put_experiment(self, found: Experiment) -> str:
        return self.runs.put_experiment(found)

    def settle_experiment(self, here: str, lifecycle: Lifecycle) -> None:
        self.runs.settle_experiment(here, lifecycle)

    def put_run(self, found: TrackedRun, experiment: str, *, history: Iterable[Metric]) -> None:
        self.runs.put_run(found, experiment, history=history)

    def settle_run(self, run: str, lifecycle: Lifecycle) -> None:
        self.runs.settle_run(run, lifecycle)

    def put_logged_model(self, found: LoggedModel, experiment: str) -> None:
        self.runs.put_logged_model(found, experiment)

    def settle_logged_model(self, model: str, lifecycle: Lifecycle) -> None:
        self.runs.settle_logged_model(model, lifecycle)

    def put_file(self, kind: Literal["run", "model"], experiment: str, *, owner: str, path: str, pieces: Iterable[bytes]) -> int:
        root = Root(RootKind(kind), experiment, owner)
        return self.artifacts.put(root, path, chunks=pieces, principal=self.importer).size

    def put_model(self, found: FoundModel) -> None:
        self.models.put_model(found.name, description=found.description, tags=found.tags, created_ms=found.created_ms)

    def put_version(self, model: str, found: FoundVersion, *, source: Source) -> bool:
        files = [self._file(source, found.files, path=path) for path in source.files(found.files)]
        adopted = AdoptedVersion(
            number=found.number,
            source=found.source,
            files=files,
            principal=found.user or self.importer.principal,
            may_run_code=self.importer.may_run_code and bool(files),
            run=found.run,
            model=found.model,
            description=found.description,
            stage=Stage(found.stage) if found.stage in set(Stage) else Stage.NONE,
            created_ms=found.created_ms,
            tags=found.tags,
        )
        return self.models.put_version(model, adopted)

    def put_aliases(self, found: FoundModel) -> None:
        self.models.put_aliases(found.name, found.aliases)

    def count(self, here: Sequence[str], models: Sequence[str]) -> Counts:
        counted = self.runs.count(here)
        versions = sum(self.models.count(name) or 0 for name in models)
        registered = sum(self.models.count(name) is not None for name in models)
        return Counts(experiments=len(here), registered_models=registered, versions=versions, **counted)

    def _file(self, source: Source, uri: str, *, path: str) -> VersionFile:
        size = 0

        def counted() -> Iterable[bytes]:
            nonlocal size
            for piece in source.read(uri, path):
                size += len(piece)
                yield piece

        digest = self.blobs.put_chunks(counted())
        who = self.importer
        return VersionFile(path=path, digest=digest, size_bytes=size, uploader=who.principal, may_run_code=who.may_run_code)
