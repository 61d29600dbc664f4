"""What a version is made of: a client's `source` resolved to files that this server keeps, and refused where it names anything else.

Nothing of a source is ever opened or fetched: it is parsed, and what it names is looked up in rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flyball.core.canonical import digest
from flyball.core.errors import NotFoundError
from flyball.core.ids import Digest
from flyball.registry import names
from flyball.registry.modelstore import ModelStore
from flyball.registry.refusals import SourceError
from flyball.registry.registered import RegisteredVersion, Stage, VersionFile, VersionRequest
from flyball.tracking.artifact import Manifest, Root, RootKind
from flyball.tracking.artifacterrors import ArtifactNotFoundError, ArtifactOwnerNotFoundError, ArtifactPathError, ArtifactSourceError
from flyball.tracking.loggedmodel import LoggedModel
from flyball.tracking.page import Page
from flyball.tracking.trackedrun import TrackedRun

_REGISTERED = re.compile(r"models:/(?P<name>[^/:@]+)(?:/(?P<suffix>[^/]+)|@(?P<alias>[\w-]+))")
_ENVIRONMENTS = ("conda.yaml", "python_env.yaml", "requirements.txt")
_COMMIT_TAG = "mlflow.source.git.commit"
_SHOWN = 200


class Artifacts(Protocol):
    """What is asked of the files of runs and logged models."""

    def locate(self, source: str) -> tuple[Root, str]: ...
    def manifest(self, root: Root, path: str = "") -> Manifest: ...


class Runs(Protocol):
    """What is asked of runs; `get` raises NotFoundError."""

    def get(self, run: str, /) -> TrackedRun: ...


class LoggedModels(Protocol):
    """What is asked of logged models; `get` raises NotFoundError."""

    def get(self, model: str, /) -> LoggedModel: ...
    def set_tags(self, model: str, tags: Mapping[str, str], /) -> object: ...
    def search(self, experiments: Sequence[str], *, filter: str = "") -> Page[LoggedModel]: ...  # noqa: A002  MLflow's word


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a version is made of; `source` is how it is named from now on, `datasets` are (name, digest) of what its run has read."""

    source: str
    run: str | None
    model: str | None
    files: tuple[VersionFile, ...]
    datasets: tuple[tuple[str, str], ...] = ()
    code_version: str = ""

    @property
    def may_run_code(self) -> bool:
        """Whether everybody who brought a file of it might run code then."""
        return bool(self.files) and all(file.may_run_code for file in self.files)

    @property
    def environment(self) -> Digest:
        """The digest of the files that name its packages; empty where there are none."""
        stated = {file.path: file.digest for file in self.files if file.path in _ENVIRONMENTS}
        return digest(stated) if stated else Digest("")


@dataclass(frozen=True)
class Sources:
    """Resolves the sources of this server. Thread-safe."""

    store: ModelStore
    artifacts: Artifacts
    runs: Runs
    models: LoggedModels

    def resolve(self, request: VersionRequest) -> Found:
        """The files of the source as they are now, and whose they are.

        Raises:
            SourceError: it lies elsewhere, is not there, or the run or logged model that is named beside it is not the one it lies in.
        """
        found = _REGISTERED.fullmatch(request.source)
        if found is not None and (found["suffix"] or found["alias"]):
            return self._copied(request, self._version(found["name"], found["suffix"], alias=found["alias"]))
        root, path = self._located(request)
        if root.kind is RootKind.RUN:
            return self._of_run(request, root, path=path)
        return self._of_model(request, root, path=path)

    def _located(self, request: VersionRequest) -> tuple[Root, str]:
        try:
            return self.artifacts.locate(request.source)
        except ArtifactSourceError as error:
            raise SourceError.foreign(_shown(request.source)) from error
        except ArtifactPathError as error:
            raise SourceError.relative(_shown(request.source)) from error
        except ArtifactOwnerNotFoundError as error:
            raise SourceError.unnamed(_shown(request.source), "model_id" if "models" in request.source else "run_id") from error

    def _of_run(self, request: VersionRequest, root: Root, *, path: str) -> Found:
        if request.model is not None:
            raise SourceError.unnamed(request.source, "model_id")
        if request.run not in {None, root.id}:
            raise SourceError.unnamed(request.source, "run_id")
        files, model = self._files(root, path), None
        if not files and path:
            files, model = self._of_logged(root, path)
        return self._found(request.source, run=root.id, model=model, files=files)

    def _of_logged(self, root: Root, name: str) -> tuple[tuple[VersionFile, ...], str | None]:
        """Clients of MLflow 3 log a model beside the run's own artifacts, and still call it by its path there."""
        asked = name.replace("'", "''")
        logged = self.models.search([root.experiment], filter=f"name = '{asked}' AND source_run_id = '{root.id}'").items
        if not logged:
            return (), None
        newest = max(logged, key=lambda model: (model.created_ms, model.id))
        return self._files(Root(RootKind.MODEL, root.experiment, newest.id), ""), newest.id

    def _of_model(self, request: VersionRequest, root: Root, *, path: str) -> Found:
        if request.model not in {None, root.id}:
            raise SourceError.unnamed(request.source, "model_id")
        run = request.run or self.models.get(root.id).source_run
        return self._found(request.source, run=run, model=root.id, files=self._files(root, path))

    def _found(self, source: str, *, run: str | None, model: str | None, files: tuple[VersionFile, ...]) -> Found:
        if run is None:
            return Found(source=source, run=None, model=model, files=files)
        try:
            tracked = self.runs.get(run)
        except NotFoundError as error:
            raise SourceError.unnamed(source, "run_id") from error
        commit = tracked.tags.get(_COMMIT_TAG, "")
        return Found(
            source=source,
            run=run,
            model=model,
            files=files,
            datasets=tuple(sorted((dataset.name, dataset.digest) for dataset in tracked.dataset_inputs)),
            code_version=f"git:{commit}"[:_SHOWN] if commit else "",
        )

    def _files(self, root: Root, path: str) -> tuple[VersionFile, ...]:
        try:
            manifest = self.artifacts.manifest(root, path)
        except ArtifactNotFoundError:
            return ()
        return tuple(
            VersionFile(path=file.path, digest=file.digest, size_bytes=file.size, uploader=file.uploader, may_run_code=file.may_run_code)
            for file in manifest.files
        )

    def _copied(self, request: VersionRequest, version: RegisteredVersion) -> Found:
        for asked, own in ((request.run, version.run), (request.model, version.model)):
            if asked not in {None, own}:
                raise SourceError.unmatched(request.source)
        return Found(
            source=f"models:/{version.name}/{version.number}",
            run=version.run,
            model=version.model,
            files=tuple(self.store.list_files(version.name, version.number)),
            datasets=version.origin.datasets,
            code_version=version.made.code_version,
        )

    def _version(self, name: str, suffix: str | None, *, alias: str | None) -> RegisteredVersion:
        found = find_version(self.store, name, suffix=suffix, alias=alias)
        if found is None:
            raise SourceError(f"models:/{name}", reason=f"There is no version '{suffix or alias}' of that model.")
        return found


def find_version(store: ModelStore, name: str, *, suffix: str | None, alias: str | None) -> RegisteredVersion | None:
    """The version that ``models:/NAME/SUFFIX`` or ``models:/NAME@ALIAS`` names: by number, stage, "latest", or alias."""
    versions = store.list_versions(name)
    if suffix is not None and suffix.isascii() and suffix.isdigit():
        return next((version for version in versions if version.number == int(suffix)), None)
    if names.LATEST in {(suffix or "").lower(), (alias or "").lower()}:
        return max(versions, key=lambda version: version.number, default=None)
    if alias is not None:
        return next((version for version in versions if alias in version.aliases), None)
    stages = {stage.value.lower(): stage for stage in Stage}
    stage = stages.get((suffix or "").lower())
    return max((version for version in versions if version.stage is stage), key=lambda version: version.number, default=None)


def _shown(source: str) -> str:
    return ascii(source[:_SHOWN])[1:-1]
