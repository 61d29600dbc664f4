"""The contract of a dataset: what its columns are, inferred from the first stretch of history, kept as a file, tightened by people.

Types, nulls and keys decide whether a row is taken; ranges and categories only warn, unless a person writes `"values":
"quarantine"` beside them. This module judges no row; `checking` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
import polars as pl

from flyball.core.canonical import canonical, digest_bytes
from flyball.core.ids import Digest
from flyball.data.errors import ContractFileError, UnknownColumnError
from flyball.data.model import EVENT_TIME, TIME, Dataset
from flyball.data.values import ColumnType, as_type, infer_type

MAX_CATEGORIES = 50
MIN_ROWS_FOR_NOT_NULL = 100  # below it "never null" says too little: at 100 rows a column may still be null in 3 % of all


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What one column promises; `minimum` and `maximum` are of numbers, `categories` of texts."""

    type: ColumnType
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    values: Literal["warn", "quarantine"] = "warn"


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows that a contract was inferred from, by event time; `until` is exclusive."""

    rows: int
    since: datetime
    until: datetime


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row of a dataset promises; equal contracts have equal text and digest."""

    dataset: str
    columns: dict[str, Column]
    inferred_from: Basis | None = None

    def encode(self) -> str:
        """The contract as indented JSON, one line per promise, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"

    @property
    def digest(self) -> Digest:
        """SHA-256 of the contract's text, however a person laid out the file."""
        return digest_bytes(self.encode().encode())

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns' Polars types, in the contract's order."""
        return {name: column.type.dtype for name, column in self.columns.items()}

    @property
    def generation(self) -> str:
        """Eight hex digits that change when stored rows could no longer stand in one table with new ones."""
        return digest_bytes(canonical({name: column.type for name, column in self.columns.items()}).encode())[:8]


def decode(text: str, *, dataset: Dataset, path: str) -> Contract:
    """The contract that a file holds.

    Raises:
        ContractFileError: it is not JSON, has an unknown field or type, or contradicts the dataset's declaration.
    """
    try:
        contract = msgspec.json.decode(text, type=Contract)
    except msgspec.DecodeError as error:
        raise ContractFileError(path, str(error)) from error
    if contract.dataset != dataset.name:
        raise ContractFileError(path, f"it is the contract of {contract.dataset!r}, not of {dataset.name!r}")
    for name in declared_columns(dataset):
        if name not in contract.columns:
            raise ContractFileError(path, str(UnknownColumnError(name, contract.columns, where="It")).rstrip("."))
    if contract.columns[dataset.event_time].type not in {ColumnType.TIME, ColumnType.DATE}:
        raise ContractFileError(path, f"the event time {dataset.event_time!r} must be a time or a date")
    return contract


def declared_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns without which a row of `dataset` cannot stand: its key and its times."""
    known = () if dataset.known_time is None else (dataset.known_time,)
    return tuple(dict.fromkeys((*dataset.key, dataset.event_time, *known)))


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
