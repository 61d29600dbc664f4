"""Columns that any protocol brought, fitted into the form of an endpoint's rows.

Names, lengths, types and values are what the form says, or it is said which row and column is not. What comes as an array or a list
is looked at as a whole; single values are looked at when one of them is wrong. Knows no protocol.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.errors import UnknownNameError
from flyball.serving.columns import Column
from flyball.serving.errors import ColumnLengthError, FieldError, NoRowsError
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import MAX_TEXT, RowForm, Rows, kind_of
from flyball.serving.vectorform import VectorForm

if TYPE_CHECKING:
    import polars as pl

Values: TypeAlias = "pl.Series | npt.NDArray[Any] | Sequence[Any]"

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = date.min.toordinal() - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY
_FIRST_MOMENT, _LAST_MOMENT = (
    (datetime.combine(day, at, UTC) - EPOCH) // MICROSECOND for day, at in ((date.min, time.min), (date.max, time.max))
)
_LARGEST = {"Float32": float(np.finfo(np.float32).max), "Float64": float(np.finfo(np.float64).max)}
_WHOLE = {
    **{f"Int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32)},
}  # fmt: skip
_SAFE = 1 << 53
"""Up to here a float is one whole number, and no other."""
_LONGEST_SHOWN = 60
MOST_COLUMNS = 10_000


def form_of(form: RowForm | OpenForm, columns: Mapping[str, Values]) -> RowForm:
    """The form that all rows of these columns have: that of an open one follows from their values.

    Raises:
        FieldError: there are too many columns.
    """
    return form.of({name: _guessed(name, values) for name, values in columns.items()}) if isinstance(form, OpenForm) else form


def fit(form: RowForm | OpenForm, columns: Mapping[str, Values], *, nan_is_null: bool = False) -> Rows:
    """The columns as rows of `form`. Those that it does not require may be missing; how many rows there may be the caller says.

    Whole numbers are numbers; a fraction, a text or a boolean is no whole number. Texts are UTF-8 where they come as bytes. A time is
    whole microseconds since 1970 UTC, a text in ISO 8601 with its zone, or a moment with one; a date is days since 1970, or a text;
    bytes are themselves, or their base64. With `nan_is_null` a number that is NaN is one that is not known.

    Raises:
        NoRowsError: there is no column, or no row.
        ColumnLengthError: a column is longer or shorter than the first one.
        FieldError: a column is missing or unknown, or a value is not what the form says.
    """
    if isinstance(form, VectorForm) and form.beside and not form.columns.keys() >= columns.keys():
        return form.settled(fit(form.wide, columns, nan_is_null=nan_is_null))
    if len(columns) > MOST_COLUMNS:
        raise FieldError(
            0, next(islice(columns, MOST_COLUMNS, None)), reason=f"a row has {len(columns):,} columns; it may have {MOST_COLUMNS:,}"
        )
    n = _length(columns)
    found = form_of(form, columns)
    for name in columns:
        if name not in found.columns:
            hint = UnknownNameError("column", name[:_LONGEST_SHOWN], known=found.columns, where="a row of this endpoint")
            raise FieldError(0, name, reason=str(hint))
    fitted: dict[str, Column] = {}
    for name, kind in found.columns.items():
        if name in columns:
            target = _Target(name, kind, nullable=name not in found.key, nan_is_null=nan_is_null)
            fitted[name] = _fitted(target, columns[name])
        elif name in found.required:
            raise FieldError(0, name, reason="it is missing; send it, or null where its value is not known")
        else:
            fitted[name] = [None] * n
    return Rows(found, fitted, n)


@dataclass(frozen=True, slots=True)
class _Target:
    """A column of the form, whose values are to be of `kind`."""

    name: str
    kind: str
    nullable: bool
    nan_is_null: bool

    def refuse(self, row: int, said: str) -> NoReturn:
        raise FieldError(row, self.name, reason=f"it is {said}; send {kind_of(self.kind).wanted}{self._else}")

    @property
    def _else(self) -> str:
        return ", or null where it is not known" if self.nullable else ""


def _length(columns: Mapping[str, Values]) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    n = next(iter(lengths.values()), 0)
    if n == 0:
        raise NoRowsError
    for name, length in lengths.items():
        if length != n:
            raise ColumnLengthError(name, length, first=next(iter(lengths)), rows=n)
    return n


def _fitted(target: _Target, values: Values) -> Column:
    if isinstance(values, np.ndarray):
        return _of_array(target, values)
    if isinstance(values, list | tuple):
        return _of_list(target, values)
    return _of_series(target, values)  # type: ignore[arg-type]  # what is neither is a series


# ---- arrays --------------------------------------------------------------------------------------------------------------


def _of_array(target: _Target, values: npt.NDArray[Any]) -> Column:
    kind = values.dtype.kind
    if target.kind in _LARGEST and kind in "fiu":
        return _floats(target, values)
    if target.kind in _WHOLE and kind in "fiu":
        return _integers(target, values, bounds=_WHOLE[target.kind])
    if target.kind == "Boolean" and kind == "b":
        return values.tolist()  # type: ignore[no-any-return]  # numpy says Any
    if target.kind.startswith("Datetime"):
        if kind == "M":
            return _of_list(target, [None if moment is None else moment.replace(tzinfo=UTC) for moment in values.astype("M8[us]").tolist()])
        if kind in "iu":
            return _integers(target, values, bounds=(_FIRST_MOMENT, _LAST_MOMENT))
    if target.kind == "Date" and kind in "iu":
        return _integers(target, values, bounds=(_FIRST_DAY, _LAST_DAY))
    return _of_list(target, values.tolist())


def _floats(target: _Target, values: npt.NDArray[Any]) -> Column:
    found = values.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(found) <= _LARGEST[target.kind])
    if not wrong.any():
        return found.tolist()  # type: ignore[no-any-return]  # numpy says Any
    if target.nan_is_null and target.nullable:
        unknown = np.isnan(found)
        wrong &= ~unknown
        if not wrong.any():
            return [None if missing else value for missing, value in zip(unknown.tolist(), found.tolist(), strict=True)]
    row = int(wrong.argmax())
    return target.refuse(row, _no_number(values[row].item()))


def _integers(target: _Target, values: npt.NDArray[Any], *, bounds: tuple[int, int]) -> Column:
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (np.abs(values) <= _SAFE)
        whole &= np.where(whole, np.trunc(values), 0) == np.where(whole, values, 0)
        if not whole.all():
            return _of_list(target, values.tolist())
        values = values.astype(np.int64)
    low, high = bounds
    if int(values.min()) < low or int(values.max()) > high:
        row = next(row for row, value in enumerate(values.tolist()) if not low <= value <= high)
        target.refuse(row, f"the number {values[row]}, which is out of range")
    return values.tolist()  # type: ignore[no-any-return]  # numpy says Any


# ---- lists ---------------------------------------------------------------------------------------------------------------


def _of_list(target: _Target, values: Sequence[Any]) -> Column:
    if isinstance(values[0], bytes) and target.kind != "Binary":
        values = _decoded(values)
    try:
        found = msgspec.convert((values,), _checked(target.kind, nullable=target.nullable)).values
    except (msgspec.ValidationError, RecursionError):
        found = [_of_value(target, value, row=row) for row, value in enumerate(values)]
    finish = _FINISH.get(target.kind)
    return list(found) if finish is None else [None if value is None else finish(value) for value in found]


def _decoded(values: Sequence[Any]) -> Sequence[Any]:
    """The bytes as texts, or what was given where one is none: whoever looks at it alone says in which row."""
    try:
        return [value.decode() if isinstance(value, bytes) else value for value in values]
    except UnicodeDecodeError:
        return values


@cache
def _checked(kind: str, *, nullable: bool) -> Any:
    """A type of msgspec's that takes one list of such values; one of no bound is not made anew for each request."""
    accepts: Any = kind_of(kind).accepts
    if kind in _LARGEST:  # the bounds refuse NaN as well
        accepts = Annotated[float, msgspec.Meta(ge=-_LARGEST[kind], le=_LARGEST[kind])]
    elif kind == "Date":
        accepts = date | Annotated[int, msgspec.Meta(ge=_FIRST_DAY, le=_LAST_DAY)]
    elif kind.startswith("Datetime"):
        accepts = accepts | Annotated[int, msgspec.Meta(ge=_FIRST_MOMENT, le=_LAST_MOMENT)]
    each = accepts if accepts is None or not nullable else accepts | None
    values = list[each]  # type: ignore[valid-type]  # made just now
    return msgspec.defstruct("Checked", [("values", values)], array_like=True, gc=False)


def _of_value(target: _Target, value: Any, *, row: int) -> Any:
    """The one value in the form that `_checked` gives, where it can be read so after all."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes) and target.kind != "Binary":
        try:
            value = value.decode()
        except UnicodeDecodeError:
            target.refuse(row, "a text that is not UTF-8")
    if value is None and not target.nullable:
        raise FieldError(row, target.name, reason=f"it is null, but it identifies the row; send {kind_of(target.kind).wanted}")
    if isinstance(value, float):
        if target.nan_is_null and target.nullable and math.isnan(value):
            return None
        if not math.isfinite(value) or abs(value) > _LARGEST.get(target.kind, math.inf):
            target.refuse(row, _no_number(value))
        if value.is_integer() and abs(value) <= _SAFE and target.kind in _WHOLE:
            value = int(value)
    try:
        return msgspec.convert(((value,),), _checked(target.kind, nullable=target.nullable)).values[0]
    except msgspec.ValidationError:
        target.refuse(row, _shown(value))


def _no_number(value: float) -> str:
    return f"{value:g}, which is too large" if math.isfinite(value) else f"{value}, which is no number"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() if abs(value) >= 10**_LONGEST_SHOWN:
            return "a number too large"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:_LONGEST_SHOWN]!r}" if len(value) <= MAX_TEXT else f"a text of {len(value):,} characters"
        case bytes():
            return f"{len(value):,} bytes"
        case list() | tuple():
            return "a list"
        case datetime():
            return f"the time {value.isoformat()}"
    return "an object"


def _days(value: date | int) -> int:
    return value if isinstance(value, int) else value.toordinal() - _EPOCH_DAY


def _microseconds(value: datetime | int) -> int:
    return value if isinstance(value, int) else (value - EPOCH) // MICROSECOND


_FINISH: Mapping[str, Callable[[Any], int]] = {
    "Date": _days, "Datetime(time_unit='us', time_zone=None)": _microseconds, "Datetime(time_unit='us', time_zone='UTC')": _microseconds,
}  # fmt: skip


# ---- series --------------------------------------------------------------------------------------------------------------


def _of_series(target: _Target, values: pl.Series) -> Column:
    dtype = values.dtype
    if dtype.is_temporal():
        return _of_list(target, _moments(target, values))
    if dtype.is_numeric() and not dtype.is_decimal() and values.null_count() == 0:
        return _of_array(target, values.to_numpy())
    return _of_list(target, values.to_list())


def _moments(target: _Target, values: pl.Series) -> list[int | None]:
    """Days or microseconds, without a look at the calendar: a stream may hold times that no calendar has."""
    unit, zone = getattr(values.dtype, "time_unit", ""), getattr(values.dtype, "time_zone", None)
    if target.kind == "Date" and str(values.dtype) == "Date":
        return values.to_physical().to_list()
    if target.kind.startswith("Datetime") and zone is not None:
        times, parts = _TO_MICROSECONDS[unit]
        return [None if value is None else value * times // parts for value in values.to_physical().to_list()]
    return target.refuse(0, f"of the type {values.dtype}")


_TO_MICROSECONDS = {"ns": (1, 1000), "us": (1, 1), "ms": (1000, 1)}


def _guessed(name: str, values: Values) -> str:
    """The kind of a column that nothing is said of: a text, true or false, or a number."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return {"b": "Boolean", "U": "String", "S": "String"}.get(values.dtype.kind, "Float64")
    first = next((value for value in values if value is not None), None)
    match first:
        case bool() | np.bool_():
            return "Boolean"
        case str() | bytes():
            return "String"
        case datetime() | date():
            raise FieldError(0, name, reason=f"it is a time, which this endpoint does not take; send {kind_of('Float64').wanted} or a text")
    return "Float64"
