"""Registered models and their versions: what a client of MLflow does with them, and what it may not.

A version's files are its own: a list of paths and digests that was taken when it was made, so that no later change of the run's or the
logged model's artifacts changes it. What it is made of, and who brought it, is signed (`flyball.registry.sealing`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flyball.core.canonical import digest
from flyball.core.ids import Digest, EventId, RunId
from flyball.registry import names
from flyball.registry.descent import edges_of
from flyball.registry.errors import VersionDamagedError
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion, VersionState
from flyball.registry.modelnames import ModelNames, asked, paged, refuse_used, sized
from flyball.registry.parts import milliseconds
from flyball.registry.refusals import ArchiveStageError
from flyball.registry.registered import ACTIVE_STAGES, Origin, RegisteredVersion, Stage, VersionFile, VersionRequest
from flyball.registry.report import Check, Outcome, Report
from flyball.registry.service import RegistryService
from flyball.registry.signing import SealState
from flyball.registry.sources import Found, Sources
from flyball.registry.statement import files_digest
from flyball.registry.verifying import Verifier
from flyball.registry.versionfiles import VersionFiles
from flyball.tracking.artifact import Uploader
from flyball.tracking.page import Page
from flyball.tracking.search import Kind

MOST_VERSIONS = 200_000
_VERSIONS_TAG = "mlflow.modelVersions"
_MARKED = 50  # as many as fit into a tag
_UNKNOWN = Digest("")


class Models(ModelNames):
    """Registered models and their versions; one registry with the versions that the loop makes. Thread-safe."""

    def by(self, actor: str) -> Models:
        """The same, telling what is done as done by `actor`."""
        return Models(self._parts, actor=actor)

    @property
    def files(self) -> VersionFiles:
        """The files of versions, by the paths of artifacts."""
        return VersionFiles(self._store, self._parts.blobs)

    def create_version(self, name: str, request: VersionRequest, *, principal: Uploader) -> RegisteredVersion:
        """The next version of the model, made of the source's files as they are now: `version.registered`.

        Raises:
            InvalidError: a name or a tag may not be; SourceError: the source lies elsewhere, or is another run's.
            ModelNotFoundError: no model has the name.
        """
        tags = dict(names.version_tag(key, value) for key, value in request.tags.items())
        description = names.described(request.description)
        with self._parts.transactions.write():
            self.get(name)
            sources = Sources(self._store, self._parts.artifacts, self._parts.runs, self._parts.logged)
            found = sources.resolve(request)
            made = self._made(name, found, tags=tags, description=description)
            origin = Origin(
                source=found.source,
                logged_model=found.model,
                run_link=names.described(request.run_link),
                principal=principal.principal,
                may_run_code=found.may_run_code,
                datasets=found.datasets,
            )
            asked_for = RegisteredVersion(made=made, origin=origin, updated_ms=0, description=description, own_tags=tags)
            version = self._store.create_version(asked_for, found.files)
            self._parts.lineage.create(*edges_of(version.made, version.origin))
            self._mark(version)
        return version

    def _made(self, name: str, found: Found, *, tags: Mapping[str, str], description: str) -> ModelVersion:
        number, content = self._store.next_number(name), files_digest(found.files)
        told = {"tags": {key: digest(value) for key, value in tags.items()}, "description": digest(description)}
        facts = {"run": found.run or "", "digest": content, "source": found.source[:500], **told}
        event = self._teller.of_version("version.registered", name, number=number, facts=facts)
        return ModelVersion(
            model=name,
            number=number,
            digest=content,
            run=RunId(found.run or ""),
            training_digest=digest(found.datasets) if found.datasets else _UNKNOWN,
            feature_fingerprint=_UNKNOWN,
            code_version=found.code_version,
            environment=found.environment,
            created=event.time,
        )

    def _mark(self, version: RegisteredVersion) -> None:
        """The logged model says which versions were made of it, as MLflow's own server lets it."""
        if version.model is None:
            return
        before = self._parts.logged.get(version.model).tags.get(_VERSIONS_TAG, "[]")
        known: list[object] = []
        with contextlib.suppress(ValueError):
            read = json.loads(before)
            known = read if isinstance(read, list) else []
        mine = {"name": version.name, "version": version.number}
        if mine not in known:
            self._parts.logged.set_tags(version.model, {_VERSIONS_TAG: json.dumps([*known, mine][-_MARKED:])})

    def update_version(self, name: str, number: int, *, description: str) -> RegisteredVersion:
        """The version with another description: `version.updated`.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
        """
        description = names.described(description)
        with self._parts.transactions.write():
            version = self.get_version(name, number)
            event = self._teller.of_version("version.updated", name, number=number, facts={"description": digest(description)})
            self._store.set_version(replace(version, description=description, updated_ms=milliseconds(event)))
        return self.get_version(name, number)

    def delete_version(self, name: str, number: int) -> None:
        """Nothing of the version is left but what happened: `version.deleted`. Its number is not given again.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
            DeployedVersionError: it answers, is about to, or is needed by what does.
        """
        with self._parts.transactions.write():
            version = self.get_version(name, number)
            model = self.get(name)
            refuse_used(model, version, uses=self._parts.uses())
            event = self._teller.of_version("version.deleted", name, number=number, facts={"digest": version.made.digest})
            self._store.delete_version(name, number)
            self._store.set(replace(model, updated_ms=milliseconds(event)))

    def transition_stage(self, name: str, number: int, *, stage: str, archive_existing: bool) -> RegisteredVersion:
        """The version is in another stage, and those that were in it before are archived where that is asked: `version.stage-set`.

        Raises:
            StageError, ArchiveStageError: it is no stage, or not one that others leave.
            RegisteredVersionNotFoundError: there is no such version.
        """
        wanted = names.stage_named(stage)
        if archive_existing and wanted not in ACTIVE_STAGES:
            raise ArchiveStageError(stage)
        with self._parts.transactions.write():
            version = self.get_version(name, number)
            for other in self._store.list_versions(name) if archive_existing else ():
                if other.stage is wanted and other.number != number:
                    self._stage(other, Stage.ARCHIVED)
            moved_ms = self._stage(version, wanted)
            self._store.set(replace(self.get(name), updated_ms=moved_ms))
        return self.get_version(name, number)

    def _stage(self, version: RegisteredVersion, stage: Stage) -> int:
        facts = {"stage": stage.value, "before": version.stage.value}
        event = self._teller.of_version("version.stage-set", version.name, number=version.number, facts=facts)
        self._store.set_version(replace(version, stage=stage, updated_ms=milliseconds(event)))
        return milliseconds(event)

    def search_versions(
        self,
        *,
        filter: str = "",  # noqa: A002  MLflow's word
        order_by: Sequence[str] = (),
        max_results: int = 10_000,
        token: str | None = None,
    ) -> Page[RegisteredVersion]:
        """The versions that match the filter, in the asked order; without one, those that changed last come first.

        Raises:
            InvalidError: filter, order, size or token is none.
        """
        query, search = asked(Kind.MODEL_VERSION, filter, order_by=order_by, size=sized(max_results, most=MOST_VERSIONS), token=token)
        return paged(self._store.search_versions(query), query, search=search)

    def latest_versions(self, name: str, stages: Sequence[str] = ()) -> tuple[RegisteredVersion, ...]:
        """The highest version of each of the stages, or of all of them.

        Raises:
            ModelNotFoundError, StageError: there is no such model, or no such stage.
        """
        latest = self.get(name).latest
        wanted = {names.stage_named(stage) for stage in stages} or set(Stage)
        return tuple(version for version in latest if version.stage in wanted)

    def set_version_tag(self, name: str, number: int, *, key: str, value: str) -> None:
        """The version has the tag: `version.tag-set`.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
            ReservedTagError: Flyball says that tag.
        """
        key, value = names.version_tag(key, value)
        with self._parts.transactions.write():
            self.get_version(name, number)
            self._store.set_version_tag(name, number, key=key, value=value)
            self._teller.of_version("version.tag-set", name, number=number, facts={"key": key, "value": digest(value)})

    def delete_version_tag(self, name: str, number: int, *, key: str) -> None:
        """The version has no such tag: `version.tag-deleted`. Idempotent.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
        """
        key, _ = names.version_tag(key)
        with self._parts.transactions.write():
            if key in self.get_version(name, number).own_tags:
                self._store.delete_version_tag(name, number, key=key)
                self._teller.of_version("version.tag-deleted", name, number=number, facts={"key": key})

    def download_uri(self, name: str, number: int) -> str:
        """Where the version's own files are read, which nobody can change.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
            VersionTamperedError: its signature says that it is not what was made.
        """
        version = self.get_version(name, number)
        Verifier(self._parts).admission.admit(version)
        return version.location

    def list_files(self, name: str, number: int) -> list[VersionFile]:
        """The version's files.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
        """
        self.get_version(name, number)
        return self._store.list_files(name, number)

    def check(self, name: str, number: int) -> SealState:
        """Whether the version is what was signed when it was made, by its rows alone: to be asked before it is loaded or given away.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
        """
        return Verifier(self._parts).admission.check(self.get_version(name, number))

    def verify(self, name: str, number: int) -> Report:
        """The whole chain of the version, each content read.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
        """
        try:
            return Verifier(self._parts).verify(self.get_version(name, number))
        except VersionDamagedError as error:
            return Report(name, number, (Check("row", Outcome.FAILED, str(error)),))

    def validate(self, name: str, number: int, *, why: str, evidence: Evidence | None = None) -> RegisteredVersion:
        """A candidate that a person, or a job with `evidence`, says may be released: `evidence.attached`, `version.validated`.

        Gates are asked by `releases.GatingService` instead, which reads the evidence.

        Raises:
            RegisteredVersionNotFoundError: there is no such version.
            IllegalVersionMoveError: it is no candidate.
        """
        service = RegistryService(self._parts.registry, transactions=self._parts.transactions, recorder=self._teller.recorder)
        cause: EventId | None = None
        with self._parts.transactions.write():
            self.get_version(name, number)
            if evidence is not None:
                cause = service.attach(name, number, evidence=evidence).id
            service.move(name, number, state=VersionState.VALIDATED, why=why, cause=cause)
        return self.get_version(name, number)
