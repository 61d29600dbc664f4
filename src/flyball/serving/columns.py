"""Frames as plain columns and back, exactly: what the journal's records, and the tables that they are shipped to, can hold.

Both hold few types, and a frame of features may have any. `storable` says what each becomes, once and for all who compare what
was served with what is computed; from there on nothing changes any more, on no way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, TypeAlias

import polars as pl

from flyball.serving.errors import ColumnTypeError

Column: TypeAlias = list[Any]

TIME = pl.Datetime("us", "UTC")
_KEPT: tuple[pl.DataType, ...] = (
    pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Float32(), pl.Float64(), pl.Boolean(), pl.String(), pl.Binary(), pl.Date(),
    pl.Datetime("us"), TIME,
)  # fmt: skip
_BY_NAME: Mapping[str, pl.DataType] = {str(dtype): dtype for dtype in _KEPT}
_WIDENED: Mapping[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(), pl.UInt16: pl.Int32(), pl.UInt32: pl.Int64(), pl.UInt64: pl.String(), pl.Int128: pl.String(),
    pl.Decimal: pl.String(), pl.Duration: pl.Int64(), pl.Time: pl.Int64(), pl.Categorical: pl.String(), pl.Enum: pl.String(),
    pl.Null: pl.String(), pl.List: pl.String(), pl.Array: pl.String(), pl.Struct: pl.String(),
}  # fmt: skip


@cache
def storable_type(dtype: pl.DataType) -> pl.DataType:
    """The type that values of `dtype` are kept as: itself, or one that holds each of its values.

    Times are UTC in microseconds, durations microseconds, times of day nanoseconds, categories and wide numbers their text, nested
    values their JSON.

    Raises:
        ColumnTypeError: values of that type cannot be kept.
    """
    if dtype in _KEPT:
        return dtype
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us") if dtype.time_zone is None else TIME
    found = _WIDENED.get(type(dtype))
    if found is None:
        raise ColumnTypeError(str(dtype), known=_BY_NAME)
    return found


def storable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column as its storable type; one that has them already is returned as it is.

    Raises:
        ColumnTypeError: a column cannot be kept.
    """
    changed = [(name, dtype) for name, dtype in frame.schema.items() if storable_type(dtype) != dtype]
    return frame.with_columns(_stored(name, dtype) for name, dtype in changed) if changed else frame


def _stored(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.Duration():
            return column.dt.total_microseconds()
        case pl.List() | pl.Array() | pl.Struct():  # as the one field of a struct, which alone knows how to become JSON
            return pl.when(column.is_not_null()).then(pl.struct(column.alias("value")).struct.json_encode()).alias(name)
        case pl.Datetime(time_zone=zone) if zone is not None:
            return column.dt.convert_time_zone("UTC").cast(TIME)
    return column.cast(storable_type(dtype))


def type_names(schema: Mapping[str, pl.DataType]) -> list[str]:
    """The names of the storable types of the columns, for a record's `request_types` and `feature_types`."""
    return [str(storable_type(dtype)) for dtype in schema.values()]


def to_columns(frame: pl.DataFrame) -> dict[str, Column]:
    """The storable frame's columns as lists of plain values; `from_columns` gives the frame back, to the bit.

    Dates are days and times microseconds since 1970, so that no reader has to know of zones.
    """
    kept = storable(frame)
    return {series.name: (series.cast(pl.Int64) if series.dtype.is_temporal() else series).to_list() for series in kept.get_columns()}


def from_columns(columns: Mapping[str, Sequence[Any]], types: Sequence[str]) -> pl.DataFrame:
    """The storable frame of which `to_columns` and `type_names` were made; without `types`, as the values look.

    Raises:
        ColumnTypeError: a type has an unknown name, or there are not as many as columns.
        TypeError, OverflowError, ValueError, pl.exceptions.PolarsError: the values are not of the type.
    """
    if not types:
        guessed = pl.DataFrame([pl.Series(name, values, strict=False) for name, values in columns.items()])
        return storable(guessed)
    if len(types) != len(columns) or not _BY_NAME.keys() >= set(types):
        raise ColumnTypeError(", ".join(sorted({*types} - _BY_NAME.keys())) or f"{len(types)} types", known=_BY_NAME)
    return pl.DataFrame(
        [_series(name, values, dtype=_BY_NAME[kind]) for (name, values), kind in zip(columns.items(), types, strict=True)]
    )  # fmt: skip


def _series(name: str, values: Sequence[Any], *, dtype: pl.DataType) -> pl.Series:
    if not dtype.is_temporal() or any(isinstance(value, date) for value in values):  # a writer may have left datetimes as they are
        return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, values, dtype=pl.Int32 if dtype == pl.Date else pl.Int64).cast(dtype)
