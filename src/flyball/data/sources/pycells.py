"""Python values become a column, by the types that stand in it: what drivers and generators give that know no Arrow."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from flyball.data.errors import ColumnTypeError
from flyball.data.model import TIME

_WHOLE, _NUMBERS = frozenset({int, bool}), frozenset({int, bool, float, Decimal})
_KINDS = (str, bool, int, float, Decimal, datetime, date, dict, list, tuple)  # bool is an int, and datetime a date


def column_of(name: str, values: Sequence[Any], *, place: str) -> pl.Series:
    """The values as Boolean, Int64, Float64, String, Date or TIME, text where they are of several kinds; mappings and lists are JSON.

    Raises:
        ColumnTypeError: a value is of another kind, such as bytes, durations or times of day.
    """
    values = [value.item() if type(value).__module__ == "numpy" else value for value in values] if _has_numpy(values) else values
    kinds = frozenset(_kind(found, name, place=place) for found in set(map(type, values)) - {type(None)})
    if not kinds:
        return pl.Series(name, [None] * len(values), dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= _WHOLE:
        fits = all(value is None or -(2**63) <= value < 2**63 for value in values)
        return _made(name, values, make=int, dtype=pl.Int64()) if fits else _made(name, values, make=str, dtype=pl.String())
    if kinds <= _NUMBERS:
        return _made(name, values, make=float, dtype=pl.Float64())
    if kinds == {date}:
        return pl.Series(name, values, dtype=pl.Date)
    if kinds <= {date, datetime}:
        return _made(name, values, make=_moment, dtype=TIME)
    return pl.Series(name, values, dtype=pl.String) if kinds == {str} else _made(name, values, make=_text, dtype=pl.String())


def frame_of(names: Sequence[str], rows: Sequence[Sequence[Any]], *, place: str) -> pl.DataFrame:
    """The rows under those names.

    Raises:
        ColumnTypeError: see `column_of`.
    """
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pl.DataFrame([column_of(name, values, place=place) for name, values in zip(names, columns, strict=True)])


def _has_numpy(values: Sequence[Any]) -> bool:
    return any(found.__module__ == "numpy" for found in set(map(type, values)))


def _kind(found: type, name: str, *, place: str) -> type:
    if found.__name__ == "UUID":
        return str if found is str else _Uuid
    for kind in _KINDS:
        if issubclass(found, kind):
            return kind
    raise ColumnTypeError(place, name, dtype=found.__name__)


class _Uuid:
    """Stands for a UUID among the kinds: it is text, but has to be made that."""


def _made(name: str, values: Sequence[Any], *, make: Callable[[Any], Any], dtype: pl.DataType) -> pl.Series:
    return pl.Series(name, [None if value is None else make(value) for value in values], dtype=dtype)


def _moment(value: date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date) else str(value)
