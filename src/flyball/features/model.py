"""What a user declares about features: frozen values that read nothing and compute nothing.

A view looks up an entity's row as of the prediction time, a window view aggregates an entity's rows up to a boundary, an
on-demand feature is computed from the request itself. Full names carry the source: ``sky.temp``, ``sky@dest.temp``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from flyball.data import Columns, Dataset, Join
from flyball.features.errors import FeatureDefinitionError

if TYPE_CHECKING:
    import polars as pl

Operation: TypeAlias = Literal["mean", "count", "sum", "min", "max", "last"]
Missing: TypeAlias = Literal["default", "error"]
"""What becomes of a request for which a view has nothing: the defaults are its values, null where there is none, or it is refused."""


@dataclass(frozen=True)
class View:
    """Row-wise features of an entity: `function` turns the dataset's rows into what is looked up.

    `bound` are the columns of the predicted rows that hold the entity, one for each of `entity`. A row older than `ttl` at the
    prediction time answers no more. What would be null is `default`, in trainings as in requests; `missing` is about requests alone.
    """

    name: str
    source: Dataset
    function: Callable[[pl.LazyFrame], pl.LazyFrame] = field(repr=False)
    entity: tuple[str, ...]
    ttl: timedelta | None = None
    role: tuple[str, ...] | None = None
    default: Mapping[str, Any] = field(default_factory=dict)
    missing: Missing = "default"

    @property
    def bound(self) -> tuple[str, ...]:
        return self.role or self.entity

    @property
    def label(self) -> str:
        """The first part of the features' names: the view's name, and the role where it has one."""
        return _label(self.name, self.role)

    def on(self, *columns: str) -> View:
        """The same view, looked up by other columns of the predicted rows.

        Raises:
            FeatureDefinitionError: not as many columns as the entity has.
        """
        return replace(self, role=_role(self.label, self.entity, columns=columns))


@dataclass(frozen=True)
class Aggregate:
    """One value of a window: `operation` over `expression` of its rows; without an expression, over the rows themselves."""

    operation: Operation
    expression: pl.Expr | None = None


@dataclass(frozen=True)
class WindowView:
    """Aggregates of an entity's rows with event time in (b - over, b], as of the last closed boundary b, a multiple of `every`.

    `default` and `missing` are as a `View`'s.
    """

    name: str
    source: Dataset | Join
    entity: tuple[str, ...]
    over: timedelta
    every: timedelta
    aggregates: Mapping[str, Aggregate]
    role: tuple[str, ...] | None = None
    default: Mapping[str, Any] = field(default_factory=dict)
    missing: Missing = "default"

    @property
    def bound(self) -> tuple[str, ...]:
        return self.role or self.entity

    @property
    def label(self) -> str:
        """The first part of the features' names: the view's name, and the role where it has one."""
        return _label(self.name, self.role)

    def on(self, *columns: str) -> WindowView:
        """The same window view, looked up by other columns of the predicted rows.

        Raises:
            FeatureDefinitionError: not as many columns as the entity has.
        """
        return replace(self, role=_role(self.label, self.entity, columns=columns))


@dataclass(frozen=True)
class OnDemand:
    """Features computed from request columns and looked-up features, which the function's arguments name.

    `bindings` says for an argument which column or feature it stands for, where its own name does not.
    """

    name: str
    function: Callable[..., Mapping[str, pl.Expr]] = field(repr=False)
    bindings: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.name


Feature: TypeAlias = Columns | View | WindowView | OnDemand


def _label(name: str, role: tuple[str, ...] | None) -> str:
    return f"{name}@{'+'.join(role)}" if role else name


def _role(label: str, entity: tuple[str, ...], *, columns: tuple[str, ...]) -> tuple[str, ...]:
    if len(columns) != len(entity):
        raise FeatureDefinitionError(f"{label}.on{columns}", f"the entity ({', '.join(entity)}) needs {len(entity)} columns of the rows")
    return columns
