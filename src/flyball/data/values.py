"""The six types of a dataset's columns, which type a text column has, and how a cell becomes a value of its type."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import polars as pl

from flyball.data.model import TIME

_FIRST = 0.03  # more than may be of another kind
SHARE_OF_TYPE = 0.99  # so many of a column's cells decide its type; the others break the contract, one typing error does not
_TRUE, _FALSE = ("true", "t", "yes"), ("false", "f", "no")
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
_NAIVE_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")


class ColumnType(StrEnum):
    """What a column's values are; a time is UTC, a text without zone is read as UTC."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    TEXT = "text"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type that holds the values."""
        return _DTYPES[self]


_DTYPES: dict[ColumnType, pl.DataType] = {
    ColumnType.BOOLEAN: pl.Boolean(),
    ColumnType.INTEGER: pl.Int64(),
    ColumnType.NUMBER: pl.Float64(),
    ColumnType.DATE: pl.Date(),
    ColumnType.TIME: TIME,
    ColumnType.TEXT: pl.String(),
}


def as_type(cell: pl.Expr, given: pl.DataType, *, wanted: ColumnType) -> pl.Expr:
    """The cell's value as `wanted`, null where it has none; `given` is the type that the file has."""
    match wanted:
        case ColumnType.TEXT:
            return cell if given == pl.String else cell.cast(pl.String)
        case ColumnType.BOOLEAN:
            return _boolean(cell, given)
        case ColumnType.INTEGER:
            return _integer(cell, given)
        case ColumnType.NUMBER:
            return _number(cell, given)
        case ColumnType.DATE:
            return _time(cell).dt.date() if given == pl.String else _moment(cell, given).cast(pl.Date, strict=False)
        case ColumnType.TIME:
            return _time(cell) if given == pl.String else _moment(cell, given).cast(TIME, strict=False)


def infer_type(values: pl.Series, *, exactly: bool) -> ColumnType | None:
    """The narrowest type that the values have; None where there is no value.

    Of a text column 99 % of the cells decide (all of them where `exactly`); digits with a leading zero, as in a ZIP code, or
    beyond 64 bits are text.
    """
    for dtype, kind in (
        (pl.Boolean, ColumnType.BOOLEAN),
        (pl.Int64, ColumnType.INTEGER),
        (pl.Float64, ColumnType.NUMBER),
        (pl.Date, ColumnType.DATE),
    ):
        if values.dtype == dtype:
            return kind if values.null_count() < values.len() else None
    if values.dtype == TIME:
        return ColumnType.TIME
    cells = values.drop_nulls()
    if cells.is_empty() or cells.dtype != pl.String:
        return None
    if cells.str.contains(r"^\s*[+-]?(0\d|\d{19})").any():
        return ColumnType.TEXT
    needed = cells.len() if exactly else cells.len() * SHARE_OF_TYPE
    frame = cells.to_frame("cell")
    for kind in (ColumnType.BOOLEAN, ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE, ColumnType.TIME):
        if _fits(frame, kind, needed=needed):
            return kind
    return ColumnType.TEXT


def _fits(frame: pl.DataFrame, kind: ColumnType, *, needed: float) -> bool:
    """Whether so many cells have a value of the kind; where the first few show already that they have not, the rest is not tried."""
    fitting = pl.len() - _strict(kind).is_null().sum()
    first = frame.head(max(1, int(frame.height * _FIRST)))
    if first.height - first.select(fitting).item() > frame.height - needed:
        return False
    return bool(frame.select(fitting).item() >= needed)


def _strict(kind: ColumnType) -> pl.Expr:
    value = as_type(pl.col("cell"), pl.String(), wanted=kind)
    if kind is ColumnType.DATE:  # a column of times is no column of dates, though each of its cells has one
        return pl.when(pl.col("cell").str.len_chars() <= len("2013-01-31")).then(value)
    return value


def _boolean(cell: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given == pl.String:
        word = cell.str.strip_chars().str.to_lowercase()
        return pl.when(word.is_in(_TRUE)).then(True).when(word.is_in(_FALSE)).then(False)
    if given.is_numeric():
        return pl.when(cell == 1).then(True).when(cell == 0).then(False)
    return cell if given == pl.Boolean else pl.lit(None, dtype=pl.Boolean)


def _integer(cell: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given == pl.Int64:
        return cell
    if given == pl.Boolean:
        return cell.cast(pl.Int64)
    number = _number(cell, given)
    whole = pl.when((number == number.round(0)) & (number.abs() < 2.0**53)).then(number).cast(pl.Int64, strict=False)
    if given == pl.String:
        return pl.coalesce(cell.str.strip_chars().cast(pl.Int64, strict=False), whole)
    return whole


def _number(cell: pl.Expr, given: pl.DataType) -> pl.Expr:
    if given == pl.String:
        number = cell.str.strip_chars().cast(pl.Float64, strict=False)
    elif given.is_numeric() or given == pl.Boolean:
        number = cell.cast(pl.Float64)
    else:
        return pl.lit(None, dtype=pl.Float64)
    return pl.when(number.is_finite()).then(number)


def _moment(cell: pl.Expr, given: pl.DataType) -> pl.Expr:
    return cell if given in {pl.Date, TIME} else pl.lit(None, dtype=TIME)


def _time(cell: pl.Expr) -> pl.Expr:
    return cell.map_batches(_parse_times, return_dtype=TIME)


def _parse_times(cells: pl.Series) -> pl.Series:
    """Each form is tried on what the ones before it left, so that a column of one form is read once."""
    text = cells.str.strip_chars().str.replace(r"^(\d{4}-\d{2}-\d{2}) +", "${1}T").str.replace(" (UTC|Z)$", "Z")
    times = pl.repeat(None, text.len(), dtype=TIME, eager=True)
    for form in _forms(text):
        left = times.is_null() & text.is_not_null()
        if not left.any():
            break
        found = form(text.filter(left))
        times = found if found.len() == times.len() else times.scatter(left.arg_true(), found)
    return times.alias(cells.name)


def _forms(text: pl.Series) -> list[Callable[[pl.Series], pl.Series]]:
    zoned = [lambda left, form=form: left.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC") for form in _TIME_FORMATS]
    naive = [lambda left, form=form: left.str.to_datetime(form, strict=False, time_unit="us").cast(TIME) for form in _NAIVE_FORMATS]
    day = [lambda left: left.str.to_date("%Y-%m-%d", strict=False).cast(TIME)]
    first = text.drop_nulls().head(1).str.contains(r"T.*(Z|[+-]\d{2}:?\d{0,2})$").any()
    return [*zoned, *naive, *day] if first else [*naive, *day, *zoned]
