"""The contract that a first stretch of history keeps: what it shows, and never more.

Types, nulls and keys are inferred to be kept; ranges and categories to be told when they are left.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from flyball.data.contracts.model import Basis, Column, Contract, declared_columns
from flyball.data.model import EVENT_TIME, TIME, Dataset
from flyball.data.values import ColumnType, as_type, infer_type

MAX_CATEGORIES = 50
MIN_ROWS_FOR_NOT_NULL = 100  # below it "never null" says too little: at 100 rows a column may still be null in 3 % of all


def infer(dataset: Dataset, history: pl.DataFrame, *, everything: Mapping[str, pl.Series], basis: Basis) -> Contract:
    """The contract that the rows of the first history keep.

    `history` has the columns as read. A column without a single value in it takes its type from `everything`, text if that
    has none either; the rest never looks past the history.
    """
    columns = {name: _infer_column(dataset, history[name], all_values=everything[name]) for name in history.columns}
    return Contract(dataset=dataset.name, columns=columns, inferred_from=basis)


def _infer_column(dataset: Dataset, values: pl.Series, *, all_values: pl.Series) -> Column:
    name = values.name
    exactly = name in dataset.key
    if name in {dataset.event_time, dataset.known_time}:
        kind = infer_type(values, exactly=False)
        kind = kind if kind is ColumnType.DATE else ColumnType.TIME
    else:
        kind = infer_type(values, exactly=exactly) or infer_type(all_values, exactly=exactly) or ColumnType.TEXT
    typed = values.to_frame().select(as_type(pl.col(name), values.dtype, wanted=kind)).to_series()
    required = name in declared_columns(dataset)
    nullable = not required and (values.null_count() > 0 or values.len() < MIN_ROWS_FOR_NOT_NULL)
    minimum, maximum = _range(typed, kind)
    return Column(type=kind, nullable=nullable, minimum=minimum, maximum=maximum, categories=None if required else _categories(typed, kind))


def _range(values: pl.Series, kind: ColumnType) -> tuple[float | None, float | None]:
    if kind not in {ColumnType.INTEGER, ColumnType.NUMBER} or values.null_count() == values.len():
        return None, None
    low, high = values.min(), values.max()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return float(low), float(high)


def _categories(values: pl.Series, kind: ColumnType) -> tuple[str, ...] | None:
    """The texts of a column that repeats them; a column of names or remarks has no categories."""
    if kind is not ColumnType.TEXT:
        return None
    distinct = values.drop_nulls().unique()
    if distinct.is_empty() or distinct.len() > MAX_CATEGORIES or distinct.len() * 10 > values.len():
        return None
    return tuple(sorted(distinct.to_list()))


def times_in(frame: pl.DataFrame, column: str) -> pl.Series:
    """The times in a column as read, UTC, null where the cell is no time; its name is EVENT_TIME."""
    cell = pl.col(column)
    return frame.select(as_type(cell, frame.schema[column], wanted=ColumnType.TIME).cast(TIME).alias(EVENT_TIME)).to_series()
