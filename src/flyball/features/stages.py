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

    `schema` has the types of what is needed, and is empty where they are not all plain. `timed` says whether the prediction time is
    among it, `beside` whether the expressions need columns beside them to have a height: a literal has none of its own.
    """

    where: str
    expressions: tuple[pl.Expr, ...]
    dtypes: Mapping[str, pl.DataType]
    needed: tuple[str, ...] | None
    schema: Mapping[str, pl.DataType]
    timed: bool
    beside: bool

    @cached_property
    def _types(self) -> list[pl.DataType]:
        return list(self.dtypes.values())

    @cached_property
    def _rowwise(self) -> bool:
        """Whether rows of Python values are what a column has in physical form."""
        return all(is_plain(dtype) and not dtype.is_temporal() for dtype in self._types)

    def compute(self, times: list[int], columns: Mapping[str, Values], *, makers: Makers) -> dict[str, Values]:
        """The outputs by their full names, in their types."""
        names = tuple(columns) if self.needed is None else self.needed
        asked = {name: columns[name] for name in names}
        made = evaluate(self.where, lambda: self._evaluated(self._frame(times, asked, makers=makers)), columns=names)
        if self._rowwise:  # ten times quicker than column by column, where there is one row
            rows = made.rows()
            values: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ((),) * made.width
            return {name: list(found) for name, found in zip(self.dtypes, values, strict=True)}
        return {series.name: physical(series) if is_plain(series.dtype) else series for series in made.get_columns()}

    def _frame(self, times: list[int], columns: Mapping[str, Values], *, makers: Makers) -> pl.DataFrame:
        if self.schema and 0 < len(times) <= _FEW and not any(isinstance(found, pl.Series) for found in columns.values()):
            asked = [*columns.values(), times] if self.timed else columns.values()
            return pl.from_dicts([dict(zip(self.schema, row, strict=True)) for row in zip(*asked, strict=True)], schema=self.schema)
        made = [found if isinstance(found, pl.Series) else makers[name](found) for name, found in columns.items()]
        if self.timed:
            made.append(pl.Series(PREDICTION_TIME, times, dtype=pl.Int64).cast(TIME))
        return pl.DataFrame(made)

    def _evaluated(self, frame: pl.DataFrame) -> pl.DataFrame:
        # In sequence: what is to be done for the rows of requests is less than to divide it among threads, and to wait for them.
        made = frame.with_columns_seq(*self.expressions).select(*self.dtypes) if self.beside else frame.select_seq(*self.expressions)
        return made if made.dtypes == self._types else made.select(pl.col(name).cast(dtype) for name, dtype in self.dtypes.items())


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
    beside = needed is None or not all(expression.meta.root_names() for expression in expressions)
    timed = not needed
    types = {**features.schema, **features.dtypes}
    schema = {name: types[name] for name in needed or ()} | ({PREDICTION_TIME: TIME} if timed else {})
    if needed is None or not all(map(is_plain, schema.values())):
        schema = {}
    return Stage(
        where, tuple(expressions), {name: features.dtypes[name] for name in made}, needed, schema=schema, timed=timed, beside=beside
    )
