"""What columns a file may have, and which values of a typed format a dataset holds."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flyball.data.errors import ColumnTypeError, DatasetError
from flyball.data.model import TIME

NULLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
MAX_COLUMNS = 20_000
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_897  # the days since 1970 of the years 1 and 10000
_TICKS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def check_columns(name: str, columns: Sequence[str]) -> None:
    """The columns can stand in a table.

    Raises:
        DatasetError: one is blank, belongs to Flyball or holds control characters, two are equal or differ in case only, or there are
            too many.
    """
    what = f"The file {name}"
    if len(columns) > MAX_COLUMNS:
        raise DatasetError(what, f"it has {len(columns):,} columns; at most {MAX_COLUMNS:,} can be read")
    seen: set[str] = set()
    lower: set[str] = set()
    for column in columns:
        if column in seen:
            raise DatasetError(what, f"its header names the column {column!r} twice")
        seen.add(column)
        lower.add(column.lower())
        if column.startswith("__") or not column.strip():
            raise DatasetError(what, f"its column {column!r} cannot be used; names are not blank and do not begin with '__'")
        if not column.isprintable():
            raise DatasetError(what, f"its column {column!r} cannot be used; a name holds no control characters")
    if len(lower) < len(seen):
        raise DatasetError(what, "two of its columns differ in case only; rename one")


def plain(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the six types of a dataset. Naive times are UTC. NaN, numbers beyond 64 bits and times beyond our years are null.

    Raises:
        ColumnTypeError: a column is nested, binary, a duration or a time of day.
    """
    return frame.with_columns(_plain(name, column, dtype=dtype) for column, dtype in frame.schema.items())


def _plain(name: str, column: str, *, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(column)
    if dtype in {pl.Boolean, pl.String, pl.Null}:
        return cell
    if dtype == pl.Date:
        return _within(cell, dtype, ticks_per_day=1)
    if dtype in {pl.UInt64, pl.Int128, pl.UInt128}:
        return cell.cast(pl.Int64, strict=False)
    if dtype.is_integer():
        return cell.cast(pl.Int64)
    if dtype.is_numeric():
        return cell.cast(pl.Float64).fill_nan(None)
    if isinstance(dtype, pl.Datetime):
        zoned = _within(cell, dtype, ticks_per_day=86_400 * _TICKS[dtype.time_unit]).cast(pl.Datetime("us", dtype.time_zone))
        return zoned.dt.convert_time_zone("UTC") if dtype.time_zone else zoned.cast(TIME)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return cell.cast(pl.String)
    raise ColumnTypeError(name, column, dtype=str(dtype))


def _within(cell: pl.Expr, dtype: pl.DataType, *, ticks_per_day: int) -> pl.Expr:
    """The time, null outside the years 1 to 9999: the engine ends in a panic over such times, wherever it first looks at one."""
    number = cell.to_physical().cast(pl.Int64)
    low, high = (max(-(2**63), min(2**63 - 1, days * ticks_per_day)) for days in (_FIRST_DAY, _LAST_DAY))
    return pl.when(number.is_between(low, high, closed="left")).then(number).cast(dtype)
