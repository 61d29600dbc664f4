"""What a model server does, whatever protocol it is asked by: what it has, whether that is ready, and answers to rows and tensors.

Doors parse, call this and render. It knows no HTTP and no gRPC.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from flyball.core.exposition import Family
from flyball.predict.batching import Batcher
from flyball.predict.bulk import Bulk
from flyball.predict.errors import NotReadyError, OutputError, UnloadedError, WhichEndpointError
from flyball.predict.meter import Meter
from flyball.predict.metrics import families
from flyball.predict.repository import Fixed, Repository
from flyball.predict.signature import ON_REQUEST, TensorSpec, beside_of, inputs_of, outputs_of, tensors_of
from flyball.predict.statistics import ModelStatistics, statistics_of
from flyball.predict.target import Asker, Target
from flyball.predict.tensors import Tensor, columns_of
from flyball.runtimes import ModelManifest
from flyball.serving.asked import ROUTED, VECTOR, Answer, Asked, Wants
from flyball.serving.engine import Engine
from flyball.serving.errors import EndpointNotFoundError, TooManyRowsError, VersionNotServedError
from flyball.serving.fitting import Values, fit
from flyball.serving.rowform import MAX_ROWS, Rows
from flyball.serving.version import VECTOR_SUFFIX, LoadedEndpoint, LoadedVersion

_LONGEST_VERSION, _MOST_KEPT = 18, 1000
NOTHING: Mapping[str, Any] = {}
NAN_IS_NULL = "nan_is_null"
"""The parameter of a request whose numbers are NaN where they are not known: raw tensors know no null."""


class ModelMetadata(msgspec.Struct, frozen=True, gc=False):
    """What a model is called, which versions answer, and what it takes and gives; the fields are the protocol's."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    more: Sequence[TensorSpec] = ()
    """Outputs that are given on request."""
    facts: Mapping[str, Any] = NOTHING
    """How it runs, and what asking it costs."""
    optional: Sequence[TensorSpec] = ()
    """Inputs that may be left out, beside those of `inputs` that may be null."""


class Inferred(msgspec.Struct, gc=False):
    """The answer to tensors. `version` is None where several answered."""

    name: str
    version: int | None
    route: str
    outputs: Sequence[Tensor]


class IndexEntry(msgspec.Struct, frozen=True, gc=False):
    """A version as the repository's index has it; `state` is READY or UNAVAILABLE, and then `reason` says why."""

    name: str
    version: str
    state: str
    reason: str


class DataPlane:
    """One model server, below its doors. For one event loop."""

    def __init__(self, engine: Engine, batcher: Batcher, *, meter: Meter, repository: Repository | None = None) -> None:
        self.engine, self.repository = engine, repository or Fixed()
        self.figures: Callable[[], Awaitable[list[Family]]] = self._own_figures
        """What was counted, of all processes that answer together."""
        self._batcher, self.meter = batcher, meter
        self.bulk = Bulk(batcher, meter, again=self.find_again)
        self._found: dict[tuple[str, str], Target] = {}
        self._found_in = engine.serving

    async def _own_figures(self) -> list[Family]:
        return families(self.engine.counters, revision=self.engine.serving.revision)

    # ---- what there is ---------------------------------------------------------------------------------------------------

    def find(self, name: str, version: str = "") -> Target:
        """What is asked by this name: an endpoint, or ``NAME.vector`` for its finished features; "" is whichever version is routed to.

        Raises:
            EndpointNotFoundError, VersionNotServedError: there is none such.
            VectorVersionError: the version takes other features than the champion.
            NotDeployedError, UnloadedError: nothing answers there now.
        """
        if self.repository.unloaded:
            self._check_loaded(name)
        if self._found_in is not self.engine.serving or len(self._found) > _MOST_KEPT:
            self._found, self._found_in = {}, self.engine.serving
        found = self._found.get((name, version))
        if found is None:
            found = self._found[name, version] = self._find(name, version)
        return found

    def _find(self, name: str, version: str) -> Target:
        endpoint, vector = self.engine.serving.find_endpoint(name)
        champion = endpoint.champion
        assert champion is not None, "an endpoint that is found has one"
        form = endpoint.vector_form if vector and endpoint.vector_form is not None else endpoint.form
        if not version:
            return Target(name, endpoint, form, VECTOR if vector else ROUTED, champion)
        number = _number(endpoint, version)
        return Target(name, endpoint, form, Wants(version=number, vector=vector), endpoint.get_version(number, vector=vector))

    def find_again(self, target: Target) -> Target:
        """What is asked by the target's name now.

        Raises:
            FlyballError: as `find` raises.
        """
        number = target.wants.version
        found = self.find(target.name, "" if number is None else str(number))
        return msgspec.structs.replace(found, wants=target.wants)

    def check_room(self, name: str, version: str, *, who: str) -> None:
        """What is asked by this name is there, and takes a request of this caller.

        Raises:
            QuotaError, OverloadedError: it does not now.
            FlyballError: as `find` raises.
        """
        self.meter.check(self.find(name, version).endpoint.plan, who)

    def get_only(self) -> str:
        """The name of the one endpoint.

        Raises:
            WhichEndpointError: there is not just one.
        """
        names = list(self.engine.serving.endpoints)
        if len(names) != 1:
            raise WhichEndpointError(names)
        return names[0]

    def names(self) -> list[str]:
        """The endpoints at which something answers now."""
        gone = self.repository.unloaded
        return [name for name, found in self.engine.serving.endpoints.items() if found.champion is not None and name not in gone]

    def check_ready(self) -> None:
        """A plan is in force.

        Raises:
            NotReadyError: none is.
        """
        if not self.engine.serving.revision:
            raise NotReadyError

    def metadata(self, name: str, version: str = "") -> ModelMetadata:
        """What the model takes and gives.

        Raises:
            FlyballError: as `find` raises.
        """
        target = self.find(name, version)
        numbers = [target.version.number] if version else sorted(target.endpoint.versions)
        return ModelMetadata(
            name, tuple(map(str, numbers)), platform_of(target.version), inputs_of(target.form), outputs_of(target.version), ON_REQUEST,
            facts_of(target.version), beside_of(target.form),
        )  # fmt: skip

    async def statistics(self, name: str = "", version: str = "") -> list[ModelStatistics]:
        """What all processes counted of each version that answers, of all endpoints where none is named.

        Raises:
            FlyballError: as `find` raises.
        """
        if name:
            found = self.find(name, version)
            pairs = [(found.endpoint.name, number) for number in ([found.version.number] if version else sorted(found.endpoint.versions))]
        else:
            pairs = [(known, number) for known in self.names() for number in sorted(self.engine.serving.endpoints[known].versions)]
        return statistics_of(await self.figures(), pairs)

    # ---- the repository --------------------------------------------------------------------------------------------------

    def index(self, *, ready: bool = False) -> list[IndexEntry]:
        """Every endpoint with its versions; only what answers where `ready`."""
        found: list[IndexEntry] = []
        for name, endpoint in sorted(self.engine.serving.endpoints.items()):
            gone = name in self.repository.unloaded
            if endpoint.champion is None or gone:
                found.append(IndexEntry(name, "", "UNAVAILABLE", "unloaded" if gone else "no version has been released"))
            else:
                found += [IndexEntry(name, str(number), "READY", "") for number in sorted(endpoint.versions)]
        return [entry for entry in found if entry.state == "READY"] if ready else found

    async def load(self, name: str) -> None:
        """The endpoint answers when this returns.

        Raises:
            FlyballError: as `Repository.load` raises.
        """
        await self.repository.load(self._own(name))

    async def unload(self, name: str) -> None:
        """The endpoint answers nobody when this returns.

        Raises:
            FlyballError: as `Repository.unload` raises.
        """
        await self.repository.unload(self._own(name))

    def _own(self, name: str) -> str:
        if name not in self.engine.serving.endpoints:
            raise EndpointNotFoundError(name, known=self.engine.serving.endpoints)
        return name

    def _check_loaded(self, name: str) -> None:
        own = name if name in self.engine.serving.endpoints else name.removesuffix(VECTOR_SUFFIX)
        if own in self.repository.unloaded:
            raise UnloadedError(own)

    # ---- answers ---------------------------------------------------------------------------------------------------------

    async def ask(self, target: Target, rows: Rows, *, asker: Asker) -> Answer:
        """The answer to rows of the target's form.

        Raises:
            FlyballError: a row has none.
        """
        meter, plan = self.meter, target.endpoint.plan
        number = meter.begin(plan, asker.principal, rows=rows.n)
        try:
            return await self._batcher.ask(target.endpoint, rows, arrived=asker.arrived, wants=target.wants, asker=asker)
        finally:
            meter.end(plan, number)

    def begin(self, target: Target, rows: Rows, *, asker: Asker, done: Callable[[Asked], None]) -> None:
        """As `ask`, for who does not wait: `done` is called once, with what has the answer or the reason why there is none.

        Raises:
            FlyballError: nobody is asked, and `done` is not called.
        """
        meter, plan = self.meter, target.endpoint.plan
        number = meter.begin(plan, asker.principal, rows=rows.n)

        def settle() -> None:
            meter.end(plan, number)
            done(asked)

        asked = Asked(target.endpoint, rows, arrived=asker.arrived, done=settle, wants=target.wants)
        asked.asker = asker
        self._batcher.put(asked)

    def rows_of(self, target: Target, columns: Mapping[str, Values], *, nan_is_null: bool = False) -> Rows:
        """Columns as rows of the target's form.

        Raises:
            TooManyRowsError: they are longer than a request may be.
            FlyballError: they are no rows of that form.
        """
        n = max(map(len, columns.values()), default=0)
        if n > MAX_ROWS:
            raise TooManyRowsError(n, limit=MAX_ROWS)
        return fit(target.form, columns, nan_is_null=nan_is_null)

    async def ask_columns(self, target: Target, columns: Mapping[str, Values], *, asker: Asker, nan_is_null: bool = False) -> Answer:
        """The answer to columns, which are made rows of the target's form.

        Raises:
            FlyballError: they cannot be made such rows, or a row has no answer.
        """
        return await self.ask(target, self.rows_of(target, columns, nan_is_null=nan_is_null), asker=asker)

    async def infer(
        self,
        target: Target,
        tensors: Sequence[Tensor],
        *,
        asker: Asker,
        wanted: Sequence[str] = (),
        parameters: Mapping[str, Any] = NOTHING,
    ) -> Inferred:
        """The outputs that are wanted for the tensors; where none is named, those of the metadata that the model has.

        Raises:
            FlyballError: as `rows_of_tensors` raises, or a row has no answer.
        """
        rows = self.rows_of_tensors(target, tensors, wanted=wanted, parameters=parameters)
        return inferred_of(target, await self.ask(target, rows, asker=asker), wanted=wanted)

    def rows_of_tensors(
        self, target: Target, tensors: Sequence[Tensor], *, wanted: Sequence[str] = (), parameters: Mapping[str, Any] = NOTHING
    ) -> Rows:
        """The tensors as rows of the target's form, of which these outputs are wanted.

        Raises:
            OutputError: an output is wanted that there is not.
            FlyballError: the tensors are no such rows.
        """
        if wanted:
            known = [spec.name for spec in (*outputs_of(target.version), *ON_REQUEST)]
            for name in wanted:
                if name not in known:
                    raise OutputError(name, known=known)
        return self.rows_of(target, columns_of(target.form, tensors), nan_is_null=parameters.get(NAN_IS_NULL) is True)


def inferred_of(target: Target, answer: Answer, *, wanted: Sequence[str] = ()) -> Inferred:
    """The answer as the outputs that are wanted."""
    return Inferred(target.name, answer.version, answer.route, tensors_of(answer, target.version, wanted=wanted))


def platform_of(version: LoadedVersion) -> str:
    """What runs the version's model: the name of its format."""
    manifest = _manifest(version)
    return f"flyball_{'graph' if manifest is None else manifest.format}"


def facts_of(version: LoadedVersion) -> Mapping[str, Any]:
    """Where the version's model runs, why in its own form if it carries code, and the seconds of a row alone and of each of many."""
    plan, manifest = version.plan, _manifest(version)
    facts: dict[str, Any] = {"process": "own" if manifest is not None and manifest.apart else "server"}
    if plan.kept:
        facts["kept"] = plan.kept
    if plan.cost is not None:
        facts |= {"call_seconds": plan.cost.call_seconds, "row_seconds": plan.cost.row_seconds, "rows": plan.cost.rows}
    return facts


def _manifest(version: LoadedVersion) -> ModelManifest | None:
    """What the model says of itself; a graph of several says nothing."""
    return getattr(version.model, "manifest", None)


def _number(endpoint: LoadedEndpoint, version: str) -> int:
    if version.isascii() and version.isdigit() and len(version) <= _LONGEST_VERSION:
        return int(version)
    raise VersionNotServedError(endpoint.name, version, known=endpoint.versions)
