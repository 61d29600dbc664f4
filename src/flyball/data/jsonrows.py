"""Rows as JSON become typed rows, strictly: a text is no number, a time says its zone, and what is broken is named, never mended."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
import polars as pl

from flyball.core.duration import microseconds
from flyball.data.bodies import MAX_ROWS
from flyball.data.contracts.judging import AT_ROW
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.errors import RowsError
from flyball.data.model import TIME, Dataset
from flyball.data.rowjudge import RowJudge
from flyball.data.values import ColumnType

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Parsed:
    """`good` rows are typed, with both times as declared and AT_ROW (from 1); `broken` are rows and reasons, ascending."""

    good: pl.DataFrame
    broken: tuple[tuple[int, str], ...]
    unexpected: tuple[str, ...]


def encode_rows(dataset: str, rows: object) -> bytes:
    """The rows as JSON text; equal rows give equal bytes, in whatever order their columns come.

    Raises:
        RowsError: they are not a list of 1 to 10,000 objects, or hold what JSON does not.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        raise RowsError(dataset, f"they are {shown(rows)}, not a list of objects")
    if not 1 <= len(rows) <= MAX_ROWS:
        raise RowsError(dataset, f"they are {len(rows):,}; send 1 to {MAX_ROWS:,} at once")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise RowsError(dataset, f"row {number} is {shown(row)}, not an object")
    try:
        return msgspec.json.encode(list(rows), order="deterministic")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RowsError(dataset, f"they are no JSON ({str(error).splitlines()[0]})") from error


def decode_rows(text: bytes) -> list[dict[str, Any]]:
    """The rows that `encode_rows` made a text of."""
    rows: list[dict[str, Any]] = msgspec.json.decode(text, type=list[dict[str, Any]])
    return rows


def parse_rows(dataset: Dataset, contract: Contract, *, rows: Sequence[Mapping[str, Any]]) -> Parsed:
    """Every row is good or broken, by the contract's types, nulls and strict values; a column left out is a null."""
    typed, broken = typed_rows(dataset, contract, rows=list(enumerate(rows, start=1)))
    judged = RowJudge(dataset, contract).judge(typed)
    unexpected = sorted({name for row in rows for name in row} - contract.columns.keys())
    return Parsed(judged.good, tuple(sorted([*broken, *judged.outside])), tuple(unexpected))


def typed_rows(
    dataset: Dataset, contract: Contract, *, rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """The numbered rows whose every cell is of its column's type, with AT_ROW; and of the others the number and the reasons."""
    readers = [
        (name, column.type, _READERS[column.type], _may_be_null(dataset, contract, name=name)) for name, column in contract.columns.items()
    ]
    cells: list[list[Any]] = [[] for _ in readers]
    numbers, broken = [], []
    for number, row in rows:
        read, reasons = _read(row, readers)
        if reasons:
            broken.append((number, "; ".join(reasons)))
            continue
        numbers.append(number)
        for column, value in zip(cells, read, strict=True):
            column.append(value)
    columns = [_series(name, kind, values=values) for (name, kind, _, _), values in zip(readers, cells, strict=True)]
    return pl.DataFrame([*columns, pl.Series(AT_ROW, numbers, dtype=pl.Int64)]), broken


def _may_be_null(dataset: Dataset, contract: Contract, *, name: str) -> bool:
    return contract.columns[name].takes_null and name not in declared_columns(dataset)


_Reader = tuple[str, ColumnType, Callable[[Any], Any], bool]


def _read(row: Mapping[str, Any], readers: Iterable[_Reader]) -> tuple[list[Any], list[str]]:
    read: list[Any] = []
    reasons: list[str] = []
    for name, kind, reader, nullable in readers:
        cell = row.get(name)
        if cell is None:
            read.append(None)
            if not nullable:
                reasons.append(f"{name} is missing")
            continue
        value = reader(cell)
        read.append(value)
        if value is None:
            reasons.append(f"{name} {_why(kind, cell)}: {shown(cell)}")
    return read, reasons


def _why(kind: ColumnType, cell: Any) -> str:
    return "has no zone" if kind is ColumnType.TIME and _naive(cell) else f"is no {kind}"


def _naive(cell: Any) -> bool:
    try:
        return isinstance(cell, str) and datetime.fromisoformat(cell).tzinfo is None
    except ValueError:
        return False


def shown(cell: Any) -> str:
    """A cell as a reason shows it: its beginning."""
    text = cell if isinstance(cell, str) else json.dumps(cell, default=str, ensure_ascii=False)
    return text[:_SHOWN_CHARACTERS]


def _boolean(cell: Any) -> bool | None:
    return cell if isinstance(cell, bool) else None


def _integer(cell: Any) -> int | None:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)  # JSON has one kind of number
    if isinstance(cell, bool) or not isinstance(cell, int):
        return None
    return cell if -(2**63) <= cell < 2**63 else None


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float) or abs(cell) > sys.float_info.max:
        return None
    return float(cell) if math.isfinite(cell) else None


def _date(cell: Any) -> date | None:
    if not isinstance(cell, str) or len(cell) != len("2013-01-31"):
        return None
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return None


def _time(cell: Any) -> int | None:
    if not isinstance(cell, str):
        return None
    try:
        moment = datetime.fromisoformat(cell)
        return microseconds(moment) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _text(cell: Any) -> str | None:
    return cell if isinstance(cell, str) else None


_READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.BOOLEAN: _boolean,
    ColumnType.INTEGER: _integer,
    ColumnType.NUMBER: _number,
    ColumnType.DATE: _date,
    ColumnType.TIME: _time,
    ColumnType.TEXT: _text,
}


def _series(name: str, kind: ColumnType, *, values: Sequence[Any]) -> pl.Series:
    if kind is ColumnType.TIME:
        return pl.Series(name, values, dtype=pl.Int64).cast(TIME)
    return pl.Series(name, values, dtype=kind.dtype)
