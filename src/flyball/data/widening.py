"""A contract that a sample showed is held against all rows, and widened to what they are; one pass, in the memory of a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import msgspec
import polars as pl

from flyball.data.contracts.inferring import MAX_CATEGORIES
from flyball.data.contracts.model import Column, Contract, declared_columns
from flyball.data.model import Dataset
from flyball.data.values import SHARE_OF_TYPE, ColumnType, as_type


@dataclass
class _Found:
    """What all rows are like in one column."""

    rows: int = 0
    nulls: int = 0
    misfits: int = 0
    low: float | None = None
    high: float | None = None
    texts: set[str] = field(default_factory=set)


def widen(dataset: Dataset, contract: Contract, *, chunks: Iterable[pl.DataFrame], schema: Mapping[str, pl.DataType]) -> Contract:
    """The contract, as all rows of `chunks` keep it; their cells are taken in the types of `schema`, of which the contract was made."""
    found = {name: _Found() for name in contract.columns}
    for chunk in chunks:
        cells = chunk.cast(pl.Schema(schema))
        for name, column in contract.columns.items():
            _add(found[name], cells[name], column=column)
    columns = {name: _widened(dataset, name, column=column, found=found[name]) for name, column in contract.columns.items()}
    return msgspec.structs.replace(contract, columns=columns)


def _add(found: _Found, cells: pl.Series, *, column: Column) -> None:
    typed = cells.to_frame("cell").select(as_type(pl.col("cell"), cells.dtype, wanted=column.type)).to_series()
    found.rows += cells.len()
    found.nulls += cells.null_count()
    found.misfits += typed.null_count() - cells.null_count()
    if column.type in {ColumnType.INTEGER, ColumnType.NUMBER}:
        ends = [float(value) for value in (typed.min(), typed.max()) if isinstance(value, int | float)]
        found.low = reduce(min, ends, ends[0] if found.low is None else found.low) if ends else found.low
        found.high = reduce(max, ends, ends[0] if found.high is None else found.high) if ends else found.high
    if column.categories is not None and len(found.texts) <= MAX_CATEGORIES:
        found.texts.update(typed.drop_nulls().unique().to_list())


def _widened(dataset: Dataset, name: str, *, column: Column, found: _Found) -> Column:
    if name in {dataset.event_time, dataset.known_time}:
        return column
    most = 0 if name in dataset.key else found.rows * (1 - SHARE_OF_TYPE)
    nullable = column.nullable or (found.nulls > 0 and name not in declared_columns(dataset))
    if found.misfits > most:
        return Column(type=ColumnType.TEXT, nullable=nullable)
    categories = None if column.categories is None or len(found.texts) > MAX_CATEGORIES else tuple(sorted(found.texts))
    return msgspec.structs.replace(column, nullable=nullable, minimum=found.low, maximum=found.high, categories=categories)
