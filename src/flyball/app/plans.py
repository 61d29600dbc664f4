"""The serving plan of a home, made from its deployments and registry."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flyball.app.releasing import PRODUCTION
from flyball.core.errors import FlyballError, IntegrityError
from flyball.core.ids import Digest
from flyball.data.model import Dataset
from flyball.data.service import DataService
from flyball.loop.definition import datasets_of
from flyball.loop.model import Model
from flyball.registry import RegistryStore
from flyball.registry.admission import Admission
from flyball.releases import Deployment, ReleaseStore
from flyball.runtimes import read_manifest
from flyball.serving.converting import Conversion, get_conversion
from flyball.serving.logspec import PLAIN
from flyball.serving.plan import EndpointPlan, ServingPlan, VersionPlan
from flyball.storage.blobs import BlobStore
from flyball.tracking import RunStore

_LOG = logging.getLogger(__name__)


class MissingCodeError(IntegrityError):
    """A version cannot be served, because nothing says what code its features are."""

    code = "missing-code"

    def __init__(self, model: str, version: int) -> None:
        super().__init__(
            f"Version {version} of model {model!r} has no snapshot of its project's code and cannot be served. Train a new one."
        )


@dataclass(frozen=True)
class Planner:
    """Makes plans. Thread-safe as its stores are; a version's part is made once."""

    models: Sequence[Model]
    project_file: str
    registry: RegistryStore
    releases: ReleaseStore
    runs: RunStore
    data: DataService
    blobs: BlobStore
    admission: Admission | None = None
    _versions: dict[tuple[str, int], VersionPlan] = field(default_factory=dict)

    def revision(self) -> int:
        """The revision of the plan that stands: the sum of its deployments' transitions, which only grows."""
        return sum(deployment.revision for _, deployment in self._deployed())

    def make(self) -> ServingPlan:
        """The plan that stands; an endpoint where nothing was released yet is in it, without a champion.

        Raises:
            MissingCodeError: a deployed version cannot be served by anybody.
            VersionTamperedError: one is not what was signed when it was made.
        """
        deployed = self._deployed()
        endpoints = tuple(self._endpoint(model, deployment) for model, deployment in deployed)
        return ServingPlan(revision=sum(deployment.revision for _, deployment in deployed), endpoints=endpoints)

    def _deployed(self) -> list[tuple[Model, Deployment]]:
        places = ((model, Deployment(PRODUCTION, model.serves_at, model.name)) for model in self.models)
        return [(model, self.releases.find_deployment(PRODUCTION, place.endpoint) or place) for model, place in places]

    def _endpoint(self, model: Model, deployment: Deployment) -> EndpointPlan:
        must = [number for number in (deployment.champion, deployment.canary) if number is not None]
        found = {number: self._version(model, number) for number in must}
        for number in deployment.held:
            if number not in found and (made := self._find_version(model, number)) is not None:
                found[number] = made
        return EndpointPlan(
            endpoint=deployment.endpoint,
            model=model.name,
            revision=deployment.revision,
            champion=deployment.champion,
            canary=deployment.canary,
            share=deployment.share,
            versions=tuple(found.values()),
            sticky=() if model.sticky is None else model.sticks_to,
            policy=deployment.policy if all(number in found for number in deployment.challengers) else None,
            shadows=tuple(number for number in deployment.shadows if number in found),
            log=PLAIN if model.log is None else model.log.plan,
            quota=model.quota,
        )

    def _find_version(self, model: Model, number: int) -> VersionPlan | None:
        """A version without which the champion answers; None where it was deleted, or is no longer what it was."""
        try:
            return self._version(model, number)
        except FlyballError as error:
            _LOG.warning("version %d of %r gets no rows: %s", number, model.name, error)
            return None

    def _version(self, model: Model, number: int) -> VersionPlan:
        key = (model.name, number)
        if key not in self._versions:
            if self.admission is not None:
                self.admission.admit_named(model.name, number)
            version = self.registry.find(model.name, number)
            run = None if version is None else self.runs.find(version.run)
            if version is None or run is None or "code" not in run.artifacts:
                raise MissingCodeError(model.name, number)
            manifest = read_manifest(self.blobs.open_path(Digest(version.digest)))
            found = self._find_conversion(model.name, number)
            made = VersionPlan(
                number=number,
                model_digest=version.digest if found is None or found.digest is None else found.digest,
                code=run.artifacts["code"],
                project_file=self.project_file,
                features=version.feature_fingerprint,
                samples=run.artifacts.get("samples"),
                schemas=self._schemas(datasets_of(model), version.data_versions),
                task=manifest.task,
                cost=None if found is None else found.cost,
                kept="" if found is None else found.kept,
            )
            if self.admission is not None and found is None:  # it may still be converted and measured, and is looked at again
                return made
            self._versions[key] = made
        return self._versions[key]

    def _find_conversion(self, model: str, number: int) -> Conversion | None:
        """What came of writing the version in a form without code; None before that, or where what came of it is gone."""
        found = None if self.admission is None else get_conversion(self.admission.log, model, number=number)
        gone = found is not None and found.digest is not None and not self.blobs.exists(found.digest)
        return None if gone else found

    def _schemas(self, datasets: Mapping[str, Dataset], versions: Mapping[str, int]) -> dict[str, dict[str, str]]:
        return {
            name: {column: str(dtype) for column, dtype in self.data.get_contract(dataset, versions[name]).schema.items()}
            for name, dataset in datasets.items()
            if name in versions
        }
