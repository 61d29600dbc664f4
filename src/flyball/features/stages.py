"""On-demand features for requests: their expressions are found once, and those that need nothing of each other are computed together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from flyball.data.model import PREDICTION_TIME, TIME
from flyball.features.featureset import FeatureSet
from flyball.features.ondemand import Computation
from flyball.features.packing import Makers, Values, is_plain, physical
from flyball.features.rowexpressions import has_selectors
from flyball.features.rowwise import evaluate

_FEW = 32
"""Up to so many rows a frame is made of rows in half the time that its columns take."""


@dataclass(frozen=True)
class Stage:
    """Expressions that are computed in one go, and the columns that they name; `needed` is None where a selector decides.

    `schema` has the types of what is needed. `timed` says whether the prediction time is among it: a frame without a column has no
    height.
    """

    where: str
    expressions: tuple[pl.Expr, ...]
    dtypes: Mapping[str, pl.DataType]
    needed: tuple[str, ...] | None
    schema: Mapping[str, pl.DataType]
    timed: bool

    @cached_property
    def _types(self) -> list[pl.DataType]:
        return list(self.dtypes.values())

    @cached_property
    def _exact(self) -> bool:
        """Whether the outputs have their types by themselves; types follow from types, so no rows are needed to see it."""
        if self.needed is None:
            return False
        return pl.DataFrame(schema=dict(self.schema)).select(*self.expressions).dtypes == self._types

    @cached_property
    def _literal(self) -> bool:
        """Whether an expression names no column: it has as many rows as what stands beside it, and by itself one."""
        return not all(expression.meta.root_names() for expression in self.expressions)

    @cached_property
    def _few(self) -> int:
        """Up to so many rows the frame is made of rows."""
        return _FEW if self.needed is not None and all(map(is_plain, self.schema.values())) else 0

    @cached_property
    def _rowwise(self) -> bool:
        """Whether rows of Python values are what a column has in physical form."""
        return all(is_plain(dtype) and not dtype.is_temporal() for dtype in self._types)

    def compute(
        self, times: list[int], columns: Mapping[str, Values], *, beside: Mapping[str, Values], makers: Makers
    ) -> dict[str, Values]:
        """The outputs by their full names, in their types, of columns of features and `beside` them of the request."""
        names = (*beside, *columns) if self.needed is None else self.needed
        asked = {name: columns[name] if name in columns else beside[name] for name in names}
        made = evaluate(self.where, lambda: self._evaluated(self._frame(times, asked, makers=makers)), columns=names)
        if self._rowwise:  # ten times quicker than column by column, where there is one row
            rows = made.rows()
            values: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ((),) * len(self.dtypes)
            return {name: list(found) for name, found in zip(self.dtypes, values, strict=True)}
        return {series.name: physical(series) if is_plain(series.dtype) else series for series in made.get_columns()}

    def _frame(self, times: list[int], columns: Mapping[str, Values], *, makers: Makers) -> pl.DataFrame:
        asked = [*columns.values(), times] if self.timed else list(columns.values())
        if 0 < len(times) <= self._few and all(type(found) is list for found in asked):
            return pl.from_dicts([dict(zip(self.schema, row, strict=True)) for row in zip(*asked, strict=True)], schema=self.schema)
        made = [found if isinstance(found, pl.Series) else makers[name](found) for name, found in columns.items()]
        if self.timed:
            made.append(pl.Series(PREDICTION_TIME, times, dtype=pl.Int64).cast(TIME))
        return pl.DataFrame(made)

    def _evaluated(self, frame: pl.DataFrame) -> pl.DataFrame:
        # In sequence: what is to be done for the rows of requests is less than to divide it among threads, and to wait for them.
        made = frame.with_columns_seq(*self.expressions).select(*self.dtypes) if self._literal else frame.select_seq(*self.expressions)
        if self._exact or made.dtypes == self._types:
            return made
        return made.select(pl.col(name).cast(dtype) for name, dtype in self.dtypes.items())


def stages_of(features: FeatureSet) -> list[Stage]:
    """The feature set's on-demand features, each stage after those that it needs."""
    levels: list[list[Computation]] = []
    level_of: dict[str, int] = {}
    for item in features.computations:
        needed = [level_of[owner] for full in item.arguments.values() if (owner := full.partition(".")[0]) in level_of]
        level = level_of[item.feature.name] = max(needed, default=-1) + 1
        levels += [[]] * (level == len(levels))
        levels[level] = [*levels[level], item]
    return [_stage(features, level) for level in levels]


def _stage(features: FeatureSet, items: Sequence[Computation]) -> Stage:
    expressions = [expression for item in items for expression in item.expressions(features.bound_names)]
    made = [f"{item.feature.name}.{name}" for item in items for name in item.outputs]
    where = f"On-demand feature {', '.join(repr(item.feature.name) for item in items)}"
    roots = list(dict.fromkeys(name for expression in expressions for name in expression.meta.root_names()))
    needed = None if any(map(has_selectors, expressions)) else tuple(roots)
    timed = not needed
    types = {**features.schema, **features.dtypes}
    schema = {name: types[name] for name in needed or ()} | ({PREDICTION_TIME: TIME} if timed else {})
    return Stage(where, tuple(expressions), {name: features.dtypes[name] for name in made}, needed, schema=schema, timed=timed)
