"""On-demand features: which column or feature each argument stands for, and in which order they are computed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from flyball.core.errors import UnknownNameError
from flyball.features.errors import AmbiguousArgumentError, CircularFeatureError, FeatureFunctionError
from flyball.features.model import OnDemand
from flyball.features.rowexpressions import check_rowwise
from flyball.features.rowwise import evaluate
from flyball.features.usercode import call


def where_of(feature: OnDemand) -> str:
    """How errors call it."""
    return f"On-demand feature {feature.name!r}"


@dataclass(frozen=True)
class Names:
    """What an argument may stand for: columns of the rows, and features by their full names."""

    dataset: str
    columns: Sequence[str]
    features: Sequence[str]

    def candidates(self, argument: str, *, apart_from: str) -> list[str]:
        """The full names of all that `argument` may mean, the outputs of `apart_from` only where there is nothing else."""
        columns = [f"{self.dataset}.{name}" for name in self.columns if name == argument]
        features = [name for name in self.features if name.partition(".")[2] == argument]
        found = list(dict.fromkeys(columns + features))
        return [name for name in found if name.partition(".")[0] != apart_from] or found

    def find(self, name: str) -> str | None:
        """The full name that `name` stands for: itself, or that of the rows' column of this name."""
        full = f"{self.dataset}.{name}"
        if name in self.features or (name.startswith(f"{self.dataset}.") and name[len(self.dataset) + 1 :] in self.columns):
            return name
        return full if name in self.columns else None

    def column(self, full: str) -> str:
        """Where the value of `full` stands while on-demand features are computed: the rows' columns under their own names."""
        dataset, _, name = full.partition(".")
        return name if dataset == self.dataset and name in self.columns and full not in self.features else full


@dataclass(frozen=True)
class Computation:
    """An on-demand feature whose arguments are bound; `arguments` are full names by argument."""

    feature: OnDemand
    outputs: tuple[str, ...]
    arguments: Mapping[str, str]

    def expressions(self, names: Names) -> list[pl.Expr]:
        """The outputs under their full names, over the columns that `names` says.

        Raises:
            FeatureFunctionError: the function fails, or names other outputs than before.
            NotRowWiseError: an output looks at more than its row.
        """
        where = where_of(self.feature)
        found = outputs(self.feature, {argument: pl.col(names.column(full)) for argument, full in self.arguments.items()})
        if tuple(found) != self.outputs:
            raise FeatureFunctionError(where, f"it returns {list(found)} now and {list(self.outputs)} before; its outputs must not change")
        for expression in found.values():
            check_rowwise(expression, where)
        return [expression.alias(f"{self.feature.name}.{name}") for name, expression in found.items()]

    def compute(self, frame: pl.DataFrame, names: Names) -> pl.DataFrame:
        """The outputs beside all columns of `frame`, for those that are computed next."""
        expressions = self.expressions(names)
        return evaluate(where_of(self.feature), lambda: frame.with_columns(expressions), columns=frame.columns)


def arguments_of(feature: OnDemand) -> list[str]:
    """The names of the function's arguments.

    Raises:
        FeatureFunctionError: it takes any number of them, or some by position only.
    """
    kinds = {name: parameter.kind for name, parameter in inspect.signature(feature.function).parameters.items()}
    for name, kind in kinds.items():
        if kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
            raise FeatureFunctionError(where_of(feature), f"its argument {name!r} has no name to bind; write each argument out")
    unknown = next((name for name in feature.bindings if name not in kinds), None)
    if unknown is not None:
        raise UnknownNameError("argument", unknown, known=kinds, where=where_of(feature))
    return list(kinds)


def outputs(feature: OnDemand, arguments: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
    """What the function returns, checked to be expressions by name.

    Raises:
        FeatureFunctionError: it fails or returns something else.
    """
    where = where_of(feature)
    found: object = call(where, feature.function, **arguments)
    if not isinstance(found, Mapping) or not found:
        raise FeatureFunctionError(where, f"it returns {type(found).__name__}; return a dict of expressions by feature name")
    for name, expression in found.items():
        if not isinstance(name, str) or not isinstance(expression, pl.Expr):
            raise FeatureFunctionError(where, f"its output {name!r} is {type(expression).__name__}, not a Polars expression")
    return dict(found)


def bind(features: Sequence[OnDemand], names: Names) -> list[Computation]:
    """The features with their arguments bound, in an order in which each comes after those it needs.

    `names` are the rows' columns and the features that are looked up. Features that do not need each other keep their order.

    Raises:
        UnknownNameError: an argument that nothing is called.
        AmbiguousArgumentError: an argument that two things are called.
        CircularFeatureError: features that need each other.
        FeatureFunctionError: a function that fails.
    """
    returned = {feature.name: tuple(outputs(feature, {name: pl.col(name) for name in arguments_of(feature)})) for feature in features}
    made = [f"{name}.{output}" for name, found in returned.items() for output in found]
    every = Names(names.dataset, names.columns, (*names.features, *made))
    bound = {}
    for feature in features:
        arguments = {name: _bound(feature, name, names=every) for name in arguments_of(feature)}
        bound[feature.name] = Computation(feature, returned[feature.name], arguments)
    ordered: dict[str, Computation] = {}
    for name in bound:
        _place(name, bound, ordered=ordered, path=())
    return list(ordered.values())


def _bound(feature: OnDemand, argument: str, *, names: Names) -> str:
    where, wanted = where_of(feature), feature.bindings.get(argument)
    if wanted is not None:
        found = names.find(wanted)
        if found is None:
            raise UnknownNameError("column or feature", wanted, known=(*names.columns, *names.features), where=where)
        return found
    candidates = names.candidates(argument, apart_from=feature.name)
    if not candidates:
        known = (*names.columns, *(name.partition(".")[2] for name in names.features))
        raise UnknownNameError("column or feature", argument, known=set(known), where=f"the arguments of {where}")
    if len(candidates) > 1:
        raise AmbiguousArgumentError(where, argument, found=candidates)
    return candidates[0]


def _place(name: str, bound: Mapping[str, Computation], *, ordered: dict[str, Computation], path: tuple[str, ...]) -> None:
    if name in path:
        raise CircularFeatureError((*path[path.index(name) :], name))
    if name in ordered:
        return
    for full in bound[name].arguments.values():
        needed = full.partition(".")[0]
        if needed in bound and full.partition(".")[2] in bound[needed].outputs:
            _place(needed, bound, ordered=ordered, path=(*path, name))
    ordered[name] = bound[name]
