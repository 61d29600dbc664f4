"""The words a project file is written with: `view`, `window_view`, `on_demand` and the aggregates of windows."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

from flyball.core.duration import parse_duration
from flyball.data import Dataset, Join
from flyball.features.assignment import assigned_name
from flyball.features.errors import FeatureDefinitionError, UnnamedFeatureError
from flyball.features.model import Aggregate, Missing, OnDemand, View, WindowView

if TYPE_CHECKING:
    import polars as pl

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def view(
    dataset: Dataset, *, entity: str | Sequence[str], ttl: str | None = None, missing: Mapping[str, Any] | Literal["error"] | None = None
) -> Callable[[Callable[..., pl.LazyFrame]], View]:
    """The decorated function's row-wise result, looked up by `entity` as of the prediction time and not older than `ttl`.

    `missing` says by column what a feature is where it would be null, in trainings as in requests. With "error" a request for which
    nothing answers is refused.

    Raises:
        FeatureDefinitionError: `dataset` is none, or the entity is empty.
        DurationError: `ttl` is not a duration.
    """
    if not isinstance(dataset, Dataset):
        raise FeatureDefinitionError("fb.view", f"its first argument is a dataset, not {dataset!r}; a join needs a window view")
    columns, age = _entity("fb.view", entity), parse_duration(ttl) if ttl else None
    rule = _rule("fb.view", missing)

    def declare(function: Callable[..., pl.LazyFrame]) -> View:
        return View(_named(function), dataset, function, columns, age, None, *rule)

    return declare


def window_view(
    source: Dataset | Join, *, entity: str | Sequence[str], over: str, every: str,
    missing: Mapping[str, Any] | Literal["error"] | None = None, **aggregates: Aggregate,
) -> WindowView:  # fmt: skip
    """Aggregates over the last `over` before each UTC-aligned boundary `every` so long, named after the variable it is assigned to.

    `missing` is as that of `view`; no aggregate has that name.

    Raises:
        FeatureDefinitionError: `source` is neither dataset nor join, there is no aggregate, or a length is zero.
        UnnamedFeatureError: it is not assigned to a variable.
        DurationError: `over` or `every` is not a duration.
    """
    name = assigned_name(sys._getframe(1))  # noqa: SLF001 - the one way to see the assignment; CPython documents it
    if name is None:
        raise UnnamedFeatureError
    where = f"Window view {name!r}"
    if not isinstance(source, Dataset | Join):
        raise FeatureDefinitionError(where, f"its first argument is a dataset or a join, not {source!r}")
    rule = _rule(where, missing)
    lengths = parse_duration(over), parse_duration(every)
    if not all(lengths) or lengths[1] < timedelta(seconds=1):
        raise FeatureDefinitionError(where, f"over={over!r} and every={every!r} must be longer than nothing, and every at least 1s")
    given: Mapping[str, object] = aggregates
    wrong = [key for key, value in given.items() if not isinstance(value, Aggregate)]
    if wrong or not aggregates:
        raise FeatureDefinitionError(where, f"{wrong[0]!r} is not an aggregate" if wrong else "it has no aggregate; add late=fb.mean(...)")
    return WindowView(name, source, _entity(where, entity), *lengths, aggregates, None, *rule)


@overload
def on_demand(function: Callable[..., Mapping[str, pl.Expr]], /) -> OnDemand: ...
@overload
def on_demand(**bindings: str) -> Callable[[Callable[..., Mapping[str, pl.Expr]]], OnDemand]: ...


def on_demand(
    function: Callable[..., Mapping[str, pl.Expr]] | None = None, /, **bindings: str
) -> OnDemand | Callable[[Callable[..., Mapping[str, pl.Expr]]], OnDemand]:
    """The expressions that the decorated function returns, over request columns and features named by its arguments.

    ``@fb.on_demand(temp="sky@dest.temp")`` says what an argument stands for where its own name does not.
    """
    if function is not None:
        return OnDemand(_named(function), function)
    return lambda decorated: OnDemand(_named(decorated), decorated, dict(bindings))


def mean(expression: pl.Expr | str) -> Aggregate:
    """The mean of the values that are not null; null where there is none. Booleans count 0 and 1."""
    return Aggregate("mean", _expression(expression))


def count(expression: pl.Expr | str | None = None) -> Aggregate:
    """How many rows the window has, or how many of them have a value; 0 for an entity that has none."""
    return Aggregate("count", None if expression is None else _expression(expression))


def sum(expression: pl.Expr | str) -> Aggregate:  # noqa: A001 - users write fb.sum
    """The exact sum of the values that are not null, rounded once; 0 where there is none."""
    return Aggregate("sum", _expression(expression))


def min(expression: pl.Expr | str) -> Aggregate:  # noqa: A001 - users write fb.min
    """The least value that is not null, of any type that has an order; null where there is none."""
    return Aggregate("min", _expression(expression))


def max(expression: pl.Expr | str) -> Aggregate:  # noqa: A001 - users write fb.max
    """The greatest value that is not null, of any type that has an order; null where there is none."""
    return Aggregate("max", _expression(expression))


def last(expression: pl.Expr | str) -> Aggregate:
    """The value that is not null of the latest row by (event time, known time, arrival); null where there is none."""
    return Aggregate("last", _expression(expression))


def _expression(expression: pl.Expr | str) -> pl.Expr:
    import polars as pl

    if isinstance(expression, str):
        return pl.col(expression)
    if not isinstance(expression, pl.Expr):
        raise FeatureDefinitionError("An aggregate", f"it needs a column's name or a Polars expression, not {expression!r}")
    return expression


def _named(function: Callable[..., object]) -> str:
    name = getattr(function, "__name__", "")
    if not _NAME.fullmatch(name):
        raise FeatureDefinitionError("A view or on-demand feature", f"it is named after its function, and {name!r} is no name")
    return name


def _rule(where: str, missing: object) -> tuple[Mapping[str, Any], Missing]:
    """The defaults that were declared, and what becomes of a request without a value."""
    if missing == "error":
        return {}, "error"
    if missing is not None and not isinstance(missing, Mapping):
        raise FeatureDefinitionError(where, f"missing={missing!r} is neither 'error' nor values by column; an aggregate needs another name")
    return dict(missing or {}), "default"


def _entity(where: str, entity: str | Sequence[str]) -> tuple[str, ...]:
    columns = (entity,) if isinstance(entity, str) else tuple(entity)
    if not columns or builtins.min(map(len, columns)) == 0 or len(set(columns)) < len(columns):
        raise FeatureDefinitionError(where, "its entity is empty or names a column twice")
    return columns
