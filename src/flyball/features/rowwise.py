"""The frame that a view's function gets: it can select, filter and compute within a row, and refuses everything else by name.

Operations are executed at once, so that an error is raised in the line that caused it. The system columns and the entity lie
beside, out of reach: no selector finds them, and what a filter drops is dropped there too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, TypeAlias

import polars as pl
from polars.exceptions import ColumnNotFoundError, PolarsError

from flyball.core.errors import UnknownNameError
from flyball.features.errors import FeatureFunctionError, NotRowWiseError
from flyball.features.rowexpressions import check_rowwise, has_selectors

Input: TypeAlias = "pl.Expr | str | int | float | bool | Iterable[Input] | None"
_OPERATIONS = ("select", "filter", "with_columns", "drop", "rename")
_MISSING = re.compile(r'unable to find column "([^"]*)"|"([^"]*)" not found')


class RowFrame:
    """A frame whose every operation is row-wise; immutable, as a LazyFrame is."""

    def __init__(self, where: str, frame: pl.DataFrame, *, kept: pl.DataFrame, entity: tuple[str, ...]) -> None:
        self._where, self._frame, self._kept, self._entity = where, frame, kept, entity

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are selected."""
        return self._frame.columns

    def collect_schema(self) -> pl.Schema:
        """The names and types of the columns that are selected."""
        return self._frame.schema

    def select(self, *columns: Input, **named: Input) -> RowFrame:
        """Only these columns; key, entity and times stay beside them."""
        return self._computed(columns, named, keep=False)

    def with_columns(self, *columns: Input, **named: Input) -> RowFrame:
        """These columns added or replaced."""
        return self._computed(columns, named, keep=True)

    def filter(self, *predicates: Input, **constraints: Input) -> RowFrame:
        """Only the rows for which every predicate is true."""
        tests = _expressions(predicates) + [pl.col(name) == _expression(value) for name, value in constraints.items()]
        for test in tests:
            check_rowwise(test, self._where)
        keep = pl.repeat(True, self._frame.height, dtype=pl.Boolean, eager=True)
        for test in tests:
            keep &= self._mask(test)
        return self._with(self._frame.filter(keep), self._kept.filter(keep))

    def drop(self, *columns: str | Iterable[str]) -> RowFrame:
        """All columns but these."""
        return self._with(self._evaluate(lambda frame: frame.drop(*columns), selectors=True), self._kept)

    def rename(self, mapping: Mapping[str, str]) -> RowFrame:
        """The same columns under other names."""
        return self._with(self._evaluate(lambda frame: frame.rename(dict(mapping)), selectors=True), self._kept)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(pl.LazyFrame, name) or hasattr(pl.DataFrame, name):
            raise NotRowWiseError(self._where, name)
        raise UnknownNameError("operation", name, known=_OPERATIONS, where=self._where)

    def __getitem__(self, item: object) -> NoReturn:
        raise NotRowWiseError(self._where, f"[{item!r}]")

    def parts(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The selected columns, and beside them the entity as it stands now with the system columns; rows correspond."""
        return self._frame, self._kept

    def _computed(self, columns: tuple[Input, ...], named: Mapping[str, Input], *, keep: bool) -> RowFrame:
        expressions = _expressions(columns) + [_expression(value).alias(name) for name, value in named.items()]
        for expression in expressions:
            check_rowwise(expression, self._where)
        selectors = any(map(has_selectors, expressions))
        # Computed beside all columns, so that a literal gets the frame's height, then cut to the new ones.
        names = self._evaluate(lambda frame: frame.clear().select(expressions), selectors=selectors).columns
        if hidden := [name for name in names if name.startswith("__")]:
            raise FeatureFunctionError(self._where, f"the column {hidden[0]!r} begins with '__', which belongs to Flyball")
        computed = self._evaluate(lambda frame: frame.with_columns(expressions).select(names), selectors=selectors)
        frame = self._frame.with_columns(computed) if keep else computed
        return self._with(frame, self._kept)

    def _mask(self, test: pl.Expr) -> pl.Series:
        # Beside all columns, so that a literal gets the frame's height; null is not true.
        name = "__mask"
        masked = self._evaluate(lambda frame: frame.with_columns(pl.all_horizontal(test).alias(name)), selectors=has_selectors(test))
        return masked[name].fill_null(False)

    def _with(self, frame: pl.DataFrame, kept: pl.DataFrame) -> RowFrame:
        renewed = [frame[name] for name in self._entity if name in frame.columns]
        return RowFrame(self._where, frame, kept=kept.with_columns(renewed), entity=self._entity)

    def _evaluate(self, operation: Callable[[pl.DataFrame], pl.DataFrame], *, selectors: bool) -> pl.DataFrame:
        beside = [name for name in self._kept.columns if not name.startswith("__") and name not in self._frame.columns]
        frame = self._frame if selectors else self._frame.with_columns(self._kept.select(beside))
        return evaluate(self._where, lambda: operation(frame), columns=frame.columns)


def evaluate(where: str, operation: Callable[[], pl.DataFrame], *, columns: Iterable[str]) -> pl.DataFrame:
    """What `operation` gives; Polars' errors become ours.

    Raises:
        UnknownNameError: a column that is not there; the near one of `columns` is named.
        FeatureFunctionError: any other error of Polars.
    """
    try:
        return operation()
    except ColumnNotFoundError as error:
        found = _MISSING.search(str(error))
        name = next(filter(None, found.groups()), "") if found else str(error).partition("\n")[0].strip('"')
        raise UnknownNameError("column", name, known=columns, where=where) from error
    except PolarsError as error:
        raise FeatureFunctionError(where, str(error).partition("\n")[0]) from error


def _expression(value: Input) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value)


def _expressions(values: tuple[Input, ...]) -> list[pl.Expr]:
    # As Polars reads its arguments: one list alone holds the columns, a text is a column, all else a literal.
    alone = values[0] if len(values) == 1 else None
    if isinstance(alone, Iterable) and not isinstance(alone, str | pl.Expr | pl.Series):
        values = tuple(alone)
    return [pl.col(value) if isinstance(value, str) else _expression(value) for value in values]
