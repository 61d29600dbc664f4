"""The serving plan of a home, made from its deployments and registry, and which model servers answer from it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flyball.app.releasing import PRODUCTION
from flyball.core.clock import Timer
from flyball.core.errors import IntegrityError
from flyball.core.ids import Digest
from flyball.data.model import Dataset
from flyball.data.service import DataService
from flyball.loop.definition import datasets_of
from flyball.loop.model import Model
from flyball.registry import RegistryStore
from flyball.registry.admission import Admission
from flyball.releases import Deployment, ReleaseStore
from flyball.runtimes import read_manifest
from flyball.serving.plan import EndpointPlan, ServingPlan, VersionPlan
from flyball.storage.blobs import BlobStore
from flyball.tracking import RunStore

SEEN_SECONDS = 30.0
"""A server that has not asked for so long, longer than a poll lasts, is gone; it takes the plan over if it comes back."""

REFUSED_TIMES = 4
"""A server that was given a plan so often and answers from another still cannot take it over: business time goes on without it."""

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
        numbers = [number for number in (deployment.champion, deployment.canary) if number is not None]
        return EndpointPlan(
            endpoint=deployment.endpoint,
            model=model.name,
            revision=deployment.revision,
            champion=deployment.champion,
            canary=deployment.canary,
            share=deployment.share,
            versions=tuple(self._version(model, number) for number in numbers),
            sticky=() if model.sticky is None else model.sticks_to,
        )

    def _version(self, model: Model, number: int) -> VersionPlan:
        key = (model.name, number)
        if key not in self._versions:
            if self.admission is not None:
                self.admission.admit_named(model.name, number)
            version = self.registry.find(model.name, number)
            run = None if version is None else self.runs.find(version.run)
            if version is None or run is None or "code" not in run.artifacts:
                raise MissingCodeError(model.name, number)
            self._versions[key] = VersionPlan(
                number=number,
                model_digest=version.digest,
                code=run.artifacts["code"],
                project_file=self.project_file,
                features=version.feature_fingerprint,
                schemas=self._schemas(datasets_of(model), version.data_versions),
                task=read_manifest(self.blobs.open_path(Digest(version.digest))).task,
            )
        return self._versions[key]

    def _schemas(self, datasets: Mapping[str, Dataset], versions: Mapping[str, int]) -> dict[str, dict[str, str]]:
        return {
            name: {column: str(dtype) for column, dtype in self.data.get_contract(dataset, versions[name]).schema.items()}
            for name, dataset in datasets.items()
            if name in versions
        }


@dataclass
class _Server:
    """What a model server answers from, when it said so last, and which plan it was given how often without taking it over."""

    revision: int
    seen_seconds: float
    given: int = 0
    times: int = 0


class Planned(Protocol):
    """A planner, as far as servers are measured by it."""

    def revision(self) -> int: ...


class Servers:
    """Which model servers ask for plans, and what they answer from. Thread-safe."""

    def __init__(self, planner: Planned, timer: Timer) -> None:
        self._planner, self._timer = planner, timer
        self._lock = threading.Lock()
        self._known: dict[str, _Server] = {}

    def heard(self, server: str, revision: int) -> None:
        """The server answers from that revision now."""
        with self._lock:
            now = self._timer.seconds()
            self._known = {name: found for name, found in self._known.items() if now - found.seen_seconds < SEEN_SECONDS}
            known = self._known.setdefault(server, _Server(revision, now))
            known.revision, known.seen_seconds = revision, now

    def given(self, server: str, revision: int) -> None:
        """The server was given the plan of that revision; one that keeps asking for it refuses it, and is waited for no more."""
        with self._lock:
            known = self._known.get(server)
            if known is None:
                return
            known.given, known.times = revision, known.times + 1 if known.given == revision else 1
            if known.times == REFUSED_TIMES:
                _LOG.warning(
                    "The model server %r does not take over plan %d and answers from %d; its log says why", server, revision, known.revision
                )

    def names(self) -> list[str]:
        """The servers that were heard of lately."""
        with self._lock:
            return sorted(self._known)

    def caught_up(self) -> bool:
        """Whether every server that was seen within the last seconds answers from the present plan, or refuses it."""
        with self._lock:
            now = self._timer.seconds()
            known = [found for found in self._known.values() if now - found.seen_seconds < SEEN_SECONDS]
        if not known:
            return True
        revision = self._planner.revision()
        return all(found.revision >= revision or (found.given == revision and found.times >= REFUSED_TIMES) for found in known)
