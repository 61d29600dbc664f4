"""Makes what a plan names ready to answer: code unpacked, features compiled and compared, models loaded and their digests checked.

A version that is not what the plan says is refused, and its endpoint goes on with what it had. What is loaded already is kept.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from flyball.core.clock import Timer
from flyball.core.errors import FlyballError
from flyball.core.ids import Digest
from flyball.data import Dataset
from flyball.features import Feature, FeatureSet
from flyball.provenance.snapshot import unpack
from flyball.runtimes import CodeNotAllowedError, ModelManifest, Predictor, describe, levels_of, load, read_manifest
from flyball.serving.child import ChildModel
from flyball.serving.errors import VersionRefusedError
from flyball.serving.plan import EndpointPlan, ServingPlan, VersionPlan
from flyball.serving.rowform import kind_of
from flyball.serving.selfcheck import SelfCheckError, check
from flyball.serving.version import LoadedEndpoint, LoadedVersion, RequestAsIs, Serving, VectorSource
from flyball.storage.blobs import BlobStore
from flyball.storage.isolation import GUARDED

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # Python 3.13's own

    from flyball.serving.graphs.running import GraphModel

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.02
SCRATCH = "scratch"
"""Beside the unpacked code: what the processes of models may write, gone with each of them."""
Declared: TypeAlias = "tuple[tuple[Feature, ...], Dataset]"


@dataclass(frozen=True)
class Loader:
    """Loads plans, in a thread of its own. `declared` reads features and rows of a model from a project file.

    `code` is the directory for unpacked snapshots; children belong to the event loop `loop` and have `deadline_seconds` for an answer.
    Features whose look-ups are not published are waited for, `ready_seconds` long.
    """

    blobs: BlobStore
    code: Path
    declared: Callable[[Path, str], Declared]
    vectors: Callable[[FeatureSet], VectorSource]
    timer: Timer
    loop: asyncio.AbstractEventLoop
    deadline_seconds: float = 1.0
    ready_seconds: float = 10.0
    scratch: Path | None = None
    _sources: dict[str, tuple[FeatureSet, VectorSource]] = field(default_factory=dict)
    _started: list[ChildModel] = field(default_factory=list)

    def load(self, plan: ServingPlan, before: Serving) -> tuple[Serving, list[FlyballError]]:
        """What `plan` says, as far as its versions are what it says they are, and why others are refused.

        An endpoint with a refused version stays as it was in `before`; then the revision stays too, and what was opened for it is closed.
        """
        self._started.clear()
        endpoints: dict[str, LoadedEndpoint] = {}
        refused: list[FlyballError] = []
        for endpoint in plan.endpoints:
            try:
                endpoints[endpoint.endpoint] = self._endpoint(endpoint, before.endpoints.get(endpoint.endpoint))
            except FlyballError as error:
                refused.append(error)
                if endpoint.endpoint in before.endpoints:
                    endpoints[endpoint.endpoint] = before.endpoints[endpoint.endpoint]
        self._forget(endpoints)
        found = Serving(before.revision if refused else plan.revision, endpoints)
        self._close_but(found)
        return found, refused

    def _endpoint(self, plan: EndpointPlan, before: LoadedEndpoint | None) -> LoadedEndpoint:
        if before is not None and before.plan == plan:
            return before
        held = {} if before is None else before.versions
        versions = {found.number: self._version(plan, found, held=held) for found in plan.versions}
        return LoadedEndpoint.of(plan, versions)

    def _version(self, endpoint: EndpointPlan, plan: VersionPlan, *, held: Mapping[int, LoadedVersion]) -> LoadedVersion:
        found = held.get(plan.number)
        if found is not None and found.plan == plan:
            return found
        try:
            if plan.code is None:
                return self._made_elsewhere(plan)
            features, vectors = self._features(endpoint.model, plan, code=plan.code)
            model = self._model(plan, canary=plan.number == endpoint.canary) if features.fingerprint == plan.features else None
        except Exception as error:  # code of the snapshot may raise anything
            if not isinstance(error, FlyballError):
                _LOG.exception("version %d for endpoint %r", plan.number, endpoint.endpoint)
            raise VersionRefusedError(endpoint.endpoint, plan.number, reason=f"{error}") from error
        if model is None:
            raise VersionRefusedError(endpoint.endpoint, plan.number, reason="its features, compiled here, are not its own")
        levels = {} if _is_apart(model) else levels_of(model)
        loaded = LoadedVersion(plan, features, vectors, model, levels)
        self._check(loaded, endpoint)
        return loaded

    def _check(self, version: LoadedVersion, endpoint: EndpointPlan) -> None:
        """The version scores what was kept with it as it did when it was made; a canary need not answer at all yet."""
        if version.plan.samples is None:
            return
        try:
            check(version, self.blobs.get(version.plan.samples), loop=self.loop)
        except SelfCheckError as error:
            raise VersionRefusedError(endpoint.endpoint, version.number, reason=str(error)) from error
        except Exception as error:  # a model, and a library that reads what was kept, may raise anything
            if version.number != endpoint.canary:
                reason = f"it was asked what was kept with it, and raised {type(error).__name__}: {error}"
                raise VersionRefusedError(endpoint.endpoint, version.number, reason=reason) from error

    def _made_elsewhere(self, plan: VersionPlan) -> LoadedVersion:
        """A version without a project: its model takes the columns of the request, and says itself what it answers."""
        model = self._model(plan, canary=False)
        description = model.description if _is_apart(model) else describe(model)
        return LoadedVersion(plan, None, RequestAsIs(), model, {}, description)

    def _features(self, model: str, plan: VersionPlan, *, code: Digest) -> tuple[FeatureSet, VectorSource]:
        known = f"{plan.features}/{code}/{sorted((name, *columns.items()) for name, columns in plan.schemas.items())}"
        if known not in self._sources:
            place = self.code / code
            unpack(self.blobs.get(code), place)
            try:
                declared, rows = self.declared(place / plan.project_file, model)
                schemas = {name: _schema(columns) for name, columns in plan.schemas.items()}
                features = FeatureSet.compile(declared, rows, schemas=schemas)
                _ = features.fingerprint  # reads the source of what the features use, while its modules are still there
                self._sources[known] = (features, self._ready(self.vectors(features)))
            finally:
                forget_modules(place)
        return self._sources[known]

    def _ready(self, vectors: VectorSource) -> VectorSource:
        """The vectors, once what they look up is published, or after a while without it: nulls are better than no answer."""
        until = self.timer.seconds() + self.ready_seconds
        while not vectors.ready:
            if self.timer.seconds() >= until:
                _LOG.warning("what the features look up is not all published yet; until it is they are null")
                break
            time.sleep(_POLL_SECONDS)
        return vectors

    def _model(self, plan: VersionPlan, *, canary: bool) -> Predictor | ChildModel | GraphModel:
        path = self.blobs.open_path(Digest(plan.model_digest))
        manifest = read_manifest(path)
        if manifest.carries_code and not plan.trusted:
            raise CodeNotAllowedError(f"the format {manifest.format}")
        if manifest.format != "graph":
            return self._opened(path, manifest, plan=plan, canary=canary)
        from flyball.serving.graphs.opening import open_graph  # most servers have none, and need not what it computes with

        unpacked = self.code.parent / "graphs" / plan.model_digest
        return open_graph(path, unpacked, open_model=lambda part, told: self._opened(part, told, plan=plan, canary=canary))

    def _opened(self, path: Path, manifest: ModelManifest, *, plan: VersionPlan, canary: bool) -> Predictor | ChildModel:
        if not manifest.apart:
            return load(path)
        scratch = self.scratch or self.code.parent / SCRATCH
        scratch.mkdir(parents=True, exist_ok=True)
        beside = 0.0 if plan.cost is None else plan.cost.call_seconds - plan.cost.row_seconds
        child = ChildModel(path, manifest, timer=self.timer, deadline_seconds=self.deadline_seconds, scratch=scratch, call_seconds=beside)
        self._started.append(child)
        starting = asyncio.run_coroutine_threadsafe(child.start(), self.loop)
        try:
            starting.result()
        except FlyballError:
            if not canary:
                raise
            _LOG.warning("version %d cannot be loaded; its rows are answered by the champion until it can", plan.number)
        _tell_isolation(plan, child)
        return child

    def _close_but(self, found: Serving) -> None:
        """Processes that were started for what was refused end: a plan is tried again and again, and would start them each time."""
        used = {id(child) for child in _children(found)}
        for child in self._started:
            if id(child) not in used:
                asyncio.run_coroutine_threadsafe(child.close(), self.loop)
        self._started.clear()

    def _forget(self, endpoints: Mapping[str, LoadedEndpoint]) -> None:
        used = [version.vectors for endpoint in endpoints.values() for version in endpoint.versions.values()]
        for known, (_, vectors) in list(self._sources.items()):
            if not any(vectors is other for other in used):
                del self._sources[known]


def isolation_of(serving: Serving) -> dict[tuple[str, int, str], int]:
    """By endpoint, version and measure, whether the process of its model was granted it: 1 or 0."""
    return {
        (endpoint.name, version.number, measure.name): int(measure.granted)
        for endpoint in serving.endpoints.values()
        for version in endpoint.versions.values()
        for child in _children_of(version.model)
        for measure in child.measures
    }


def retired(before: Serving, after: Serving) -> list[ChildModel]:
    """The child processes that `before` had and `after` has not."""
    kept = {id(model) for model in _children(after)}
    return [model for model in _children(before) if id(model) not in kept]


def _children(serving: Serving) -> list[ChildModel]:
    versions = [version for endpoint in serving.endpoints.values() for version in endpoint.versions.values()]
    return [child for version in versions for child in _children_of(version.model)]


def _children_of(model: Any) -> tuple[ChildModel, ...]:
    """The processes of a model: itself, those of a graph, or none."""
    return (model,) if isinstance(model, ChildModel) else getattr(model, "children", ())


def _is_apart(model: Predictor | ChildModel | GraphModel) -> TypeIs[ChildModel | GraphModel]:
    """Whether it is waited for, and describes itself."""
    return inspect.iscoroutinefunction(model.predict)


def _tell_isolation(plan: VersionPlan, child: ChildModel) -> None:
    refused = [f"{measure.name} ({measure.detail})" for measure in child.measures if not measure.granted and measure.name in GUARDED]
    granted = [measure.name for measure in child.measures if measure.granted]
    _LOG.info("version %d runs in a process of its own; taken from it: %s", plan.number, ", ".join(granted) or "nothing")
    if refused:
        _LOG.warning("version %d: this host did not grant: %s", plan.number, ", ".join(refused))


def _schema(columns: Mapping[str, str]) -> pl.Schema:
    return pl.Schema({name: kind_of(dtype).dtype for name, dtype in columns.items()})


def forget_modules(place: Path) -> None:
    """Modules that were imported from `place` are imported anew: another snapshot has modules of the same names, and its own."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(place):
            del sys.modules[name]
