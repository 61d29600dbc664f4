"""Versions and endpoints as a model server holds them: loaded, checked, and never changed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy.typing as npt
import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.features import FeatureSet
from flyball.features.lacking import Terms, terms_of
from flyball.kernels import route
from flyball.runtimes import Description, Predictor
from flyball.runtimes.columns import ByColumns, by_columns
from flyball.serving.columns import Column, type_names
from flyball.serving.errors import EndpointNotFoundError, NotDeployedError, VectorVersionError, VersionNotServedError
from flyball.serving.openform import OpenForm
from flyball.serving.outcome import Explained
from flyball.serving.plan import EndpointPlan, VersionPlan
from flyball.serving.policies import Policy, Segments
from flyball.serving.rowform import RowForm, Rows, find_kind
from flyball.serving.vector import Framed, Given, Vector
from flyball.serving.vectorform import VectorForm, features_of, vector_form

VECTOR_SUFFIX = ".vector"
LONG_SECONDS = 0.02
"""A call that takes longer is made in a thread, which costs it a fraction of a millisecond."""


class VectorSource(Protocol):
    """Computes the features of request rows as of `times` (µs), from the inputs' columns in physical form; never waits for a store.

    It is `ready` once all that it looks up was published; before, look-ups give nulls.
    """

    @property
    def ready(self) -> bool: ...
    def compute_columns(self, columns: Mapping[str, Column], schema: Mapping[str, pl.DataType], *, times: list[int]) -> Vector: ...


class RequestAsIs:
    """A `VectorSource` of a model that takes the request's columns as they come: nothing is looked up, so it is never asked."""

    ready = True

    def compute_columns(self, columns: Mapping[str, Column], schema: Mapping[str, pl.DataType], *, times: list[int]) -> Vector:
        del times
        return Framed(pl.DataFrame([pl.Series(name, columns[name], dtype=dtype) for name, dtype in schema.items()]))


class FramePredictor(Protocol):
    """A model that is waited for: a graph of others, or one whose process is elsewhere."""

    async def predict(self, frame: pl.DataFrame) -> npt.NDArray[Any] | Explained: ...


@dataclass(frozen=True, eq=False)
class LoadedVersion:
    """A version that can answer. `levels` are the categories that its model knows, by feature.

    Without `features` its model takes the request's columns as they come, and says `description` of itself.
    """

    plan: VersionPlan
    features: FeatureSet | None
    vectors: VectorSource
    model: Predictor | FramePredictor
    levels: Mapping[str, frozenset[str]]
    description: Description | None = None

    @property
    def number(self) -> int:
        return self.plan.number

    @cached_property
    def terms(self) -> Mapping[str, Terms]:
        """Of each view, what is said where it has no fresh value."""
        return {} if self.features is None else terms_of(self.features)

    @cached_property
    def type_names(self) -> list[str]:
        """The names of the types that the features are kept as."""
        return [] if self.features is None else type_names(self.features.dtypes)

    @cached_property
    def awaited(self) -> bool:
        """Whether its model is waited for, so that others are answered meanwhile."""
        return inspect.iscoroutinefunction(self.model.predict)

    def ask(self, vector: Vector, n_rows: int) -> Any:
        """What its model says of so many rows, or, where it is awaited, what is to be awaited."""
        return self.model.predict(vector.frame) if self.ask_columns is None else self.ask_columns(vector.values, n_rows)

    def takes_long(self, n_rows: int) -> bool:
        """Whether so many rows keep everybody else waiting, by what was measured of its model when it came."""
        cost = self.plan.cost
        return cost is not None and not self.awaited and cost.call_seconds + n_rows * cost.row_seconds > LONG_SECONDS

    @cached_property
    def ask_columns(self) -> ByColumns | None:
        """How its model is asked without a frame; None where it takes a frame."""
        return None if self.awaited else by_columns(self.model)

    @cached_property
    def _plain(self) -> bool:
        """Whether what a request says of each feature is what its type holds."""
        return self.features is None or all(find_kind(dtype) == str(dtype) for dtype in self.features.dtypes.values())

    def compute(self, rows: Rows, *, time: int, vector: bool) -> Vector:
        """What its model takes of the rows, as of `time`; with `vector` they are finished features.

        Raises:
            FlyballError: a feature cannot be computed.
        """
        if self.features is None:
            return Given(rows)
        if vector:
            given = Given(features_of(rows), self.features.dtypes)
            return given if self._plain else Framed(given.frame)
        return self.vectors.compute_columns(rows.columns, rows.form.schema, times=[time] * rows.n)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns that a request must or may carry for this version, by Polars' names of their types."""
        if self.features is None:
            return {column.name: column.dtype for column in self.plan.inputs or ()}
        return {name: str(self.features.schema[name]) for name in self.features.inputs}


@dataclass(frozen=True, eq=False)
class LoadedEndpoint:
    """An endpoint with its versions; by `form` rows have what its champion must have, and what the others that are asked take.

    `vector_form` is what rows of finished features must be; None where the request is the vector already, or cannot be sent.
    """

    plan: EndpointPlan
    versions: Mapping[int, LoadedVersion]
    form: RowForm | OpenForm
    vector_form: VectorForm | None = None

    @classmethod
    def of(cls, plan: EndpointPlan, versions: Mapping[int, LoadedVersion]) -> LoadedEndpoint:
        """The endpoint of the plan; `versions` are those that the plan has.

        Raises:
            ColumnTypeError: a column has a type that no request can carry.
            UnknownNameError: the rows have no column of the name by which they are segmented.
        """
        answering = [versions[number] for number in plan.asked]
        columns: dict[str, str] = {}
        for version in answering:
            columns = {**version.inputs, **columns}
        first = answering[0].features if answering else None
        if first is None:
            return cls(plan, versions, _form_without_project(answering[0].plan, answering[0].description) if answering else _NO_FORM)
        routed = {name: str(first.schema[name]) for name in (*plan.sticky, *_segmented(plan.policy, known=first.schema))}
        key = first.rows.key
        form = RowForm({**columns, **routed}, key=key, required=frozenset((*first.inputs, *plan.sticky)))
        beside = {**{name: str(first.schema[name]) for name in key}, **routed}
        return cls(plan, versions, form, vector_form(first.dtypes, beside=beside, key=key))

    @property
    def name(self) -> str:
        return self.plan.endpoint

    def read(self, body: bytes, *, vector: bool = False) -> Rows:
        """The rows of a request in JSON, in the form that they have; with `vector` they are finished features.

        Raises:
            FlyballError: see `RowForm.decode`.
        """
        form = self.vector_form if vector and self.vector_form is not None else self.form
        return (form if isinstance(form, RowForm) else form.find(body)).decode(body)

    def get_version(self, number: int, *, vector: bool = False) -> LoadedVersion:
        """The version of that number; one that takes the endpoint's `vector_form` where `vector` is asked.

        Raises:
            VersionNotServedError: none of that number answers here.
            VectorVersionError: it takes other features.
        """
        found = self.versions.get(number)
        if found is None:
            raise VersionNotServedError(self.name, number, known=self.versions)
        if vector and not self.takes_vectors(found):
            raise VectorVersionError(self.name, number)
        return found

    def takes_vectors(self, version: LoadedVersion) -> bool:
        """Whether the version takes the champion's features, which are what `vector_form` has."""
        return self.champion is not None and version.plan.features == self.champion.plan.features

    @property
    def champion(self) -> LoadedVersion | None:
        return None if self.plan.champion is None else self.versions[self.plan.champion]

    @property
    def canary(self) -> LoadedVersion | None:
        return None if self.plan.canary is None else self.versions[self.plan.canary]

    def canary_rows(self, keys: Sequence[str]) -> list[int]:
        """The indices of the rows that the canary answers; the champion answers the others.

        A key falls as it does in the backtest: the canary's share comes first, so that a canary that is widened keeps its keys.
        """
        if self.plan.canary is None:
            return []
        chosen = route(keys, self.plan.endpoint, shares=[self.plan.share, 1.0 - self.plan.share])
        return [index for index, share in enumerate(chosen.tolist()) if share == 0]


@dataclass(frozen=True, eq=False)
class Serving:
    """All that answers, at one revision of the plan; `revision` 0 is before the first plan."""

    revision: int
    endpoints: Mapping[str, LoadedEndpoint]

    def find_endpoint(self, name: str) -> tuple[LoadedEndpoint, bool]:
        """The endpoint that `name` means, and whether it is asked for finished features, which ``NAME.vector`` says.

        Where the request is what the model takes, both names mean the same.

        Raises:
            EndpointNotFoundError: there is none of that name, or none that takes features from a request.
            NotDeployedError: no version answers there yet, or no plan was seen yet.
        """
        own = name.removesuffix(VECTOR_SUFFIX)
        if own == name or name in self.endpoints:
            return self.get(name), False
        found = self.get(own)
        if found.vector_form is not None:
            return found, True
        if found.champion is not None and found.champion.features is not None:
            raise EndpointNotFoundError(name, known=self.endpoints)
        return found, False

    def get(self, endpoint: str) -> LoadedEndpoint:
        """The endpoint of that name, at which a version answers.

        Raises:
            EndpointNotFoundError: there is none of that name.
            NotDeployedError: no version answers there yet, or no plan was seen yet.
        """
        found = self.endpoints.get(endpoint)
        if found is None and self.revision:
            raise EndpointNotFoundError(endpoint, known=self.endpoints)
        if found is None or found.champion is None:
            raise NotDeployedError(endpoint)
        return found


def _segmented(policy: Policy | None, *, known: Iterable[str]) -> tuple[str, ...]:
    if not isinstance(policy, Segments):
        return ()
    if policy.column not in (names := tuple(known)):
        raise UnknownNameError("column", policy.column, known=names)
    return (policy.column,)


def _form_without_project(plan: VersionPlan, description: Description | None) -> RowForm | OpenForm:
    if plan.inputs is None:
        return OpenForm(description.features if description else ())
    required = frozenset(column.name for column in plan.inputs if column.required)
    return RowForm({column.name: column.dtype for column in plan.inputs}, key=(), required=required)


_NO_FORM = RowForm({}, key=(), required=frozenset())
NOTHING = Serving(0, {})
