"""Cells of foreign tables become the six kinds of value that a dataset holds, by one rule; what is none of them is refused by its column.

Decimals are numbers, as near as 64 bits are. Times without a zone are UTC; a time before year 1 or after 9999, such as a database's
infinity, is null, and so is a number that is not finite or none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from flyball.data.errors import ColumnTypeError, DatasetError
from flyball.data.model import TIME

MAX_COLUMNS = 20_000
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31
_FIRST_MOMENT, _LAST_MOMENT = _FIRST_DAY * 86_400_000_000, (_LAST_DAY + 1) * 86_400_000_000 - 1


def plain(frame: pl.DataFrame, place: str) -> pl.DataFrame:
    """The frame with columns of type Boolean, Int64, Float64, String, Date, TIME or Null only.

    Raises:
        ColumnTypeError: a column is of another type, and not all null.
    """
    return frame.select(_plain(frame[name], place) for name in frame.columns)


def check_names(columns: Collection[str], place: str) -> None:
    """The names can stand in a table.

    Raises:
        DatasetError: one stands twice, in case only or exactly, is blank, belongs to Flyball or holds control characters, or there are
            too many.
    """
    if len(columns) > MAX_COLUMNS:
        raise DatasetError(place, f"it has more than {MAX_COLUMNS:,} columns")
    folded: set[str] = set()
    for column in columns:
        if column.startswith("__") or not column.strip() or not column.isprintable():
            why = "names are not blank, hold no control characters and do not begin with '__'"
            raise DatasetError(place, f"its column {column!r} cannot be used; {why}")
        if column.lower() in folded:
            raise DatasetError(place, f"two of its columns are called {column!r}, but for case; give one another name")
        folded.add(column.lower())


def together(schemas: Sequence[pl.Schema]) -> pl.Schema:
    """One schema with the columns of all: a column that is of several types is a number or a time if all of them are, else text."""
    names = dict.fromkeys(name for schema in schemas for name in schema)
    return pl.Schema({name: _common({schema[name] for schema in schemas if name in schema}) for name in names})


def _common(dtypes: set[pl.DataType]) -> pl.DataType:
    found = dtypes - {pl.Null()}
    if len(found) <= 1:
        return next(iter(found), pl.Null())
    if found == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    return TIME if found == {pl.Date(), TIME} else pl.String()


def _plain(cells: pl.Series, place: str) -> pl.Series:
    dtype = cells.dtype
    if dtype in {pl.Boolean, pl.String, pl.Int64, pl.Null}:
        return cells
    if dtype == pl.Date:
        return _within(cells, first=_FIRST_DAY, last=_LAST_DAY)
    if isinstance(dtype, pl.Datetime):
        return _moments(cells, dtype)
    if dtype.is_integer():
        return cells.cast(pl.Int64, strict=False)
    if dtype.is_numeric():
        number = cells.cast(pl.Float64, strict=False)
        return number.to_frame().select(pl.when(pl.first().is_finite()).then(pl.first())).to_series()
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return cells.cast(pl.String)
    if cells.null_count() == cells.len():
        return pl.Series(cells.name, [None] * cells.len(), dtype=pl.Null)
    raise ColumnTypeError(place, cells.name, dtype=str(dtype))


def _moments(cells: pl.Series, dtype: pl.Datetime) -> pl.Series:
    micros = cells.dt.cast_time_unit("us")
    utc = micros.dt.convert_time_zone("UTC") if dtype.time_zone else micros.dt.replace_time_zone("UTC")
    return _within(utc, first=_FIRST_MOMENT, last=_LAST_MOMENT)


def _within(cells: pl.Series, *, first: int, last: int) -> pl.Series:
    if cells.is_empty() or cells.null_count() == cells.len():
        return cells
    counted = cells.to_physical()
    inside = counted.is_between(first, last)
    return cells if inside.all() else cells.to_frame().select(pl.when(inside).then(pl.first())).to_series()
