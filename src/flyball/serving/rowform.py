"""What a row of a request must look like, made from the columns that the features use: decoding is checking.

A request that is right is decoded by one typed pass; one that is not is looked at again, slowly, to say which row and field is
wrong and what was wanted there. Knows no HTTP and no features.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, NoReturn

import msgspec
import polars as pl

from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.errors import UnknownNameError
from flyball.serving.columns import Column, type_names
from flyball.serving.errors import ColumnTypeError, FieldError, NotJsonError, RequestShapeError, TooManyRowsError

MAX_ROWS = 1000
MAX_TEXT = 10_000
MAX_BYTES = 8 << 20
_FIRST_DAY = date(1970, 1, 1).toordinal()
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Kind:
    """How a column's values are written in JSON: msgspec's type for them, and the words that ask for one."""

    dtype: pl.DataType
    wanted: str
    accepts: Any


def _whole(dtype: pl.DataType, bits: int) -> Kind:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return Kind(dtype, "a whole number", Annotated[int, msgspec.Meta(ge=low, le=high)])


def _natural(dtype: pl.DataType, bits: int) -> Kind:
    return Kind(dtype, "a whole number from 0 on", Annotated[int, msgspec.Meta(ge=0, le=(1 << bits) - 1)])


_TEXT = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
_TIME = "a time with its zone, such as '2013-12-01T06:00:00Z'"
_KINDS: Mapping[str, Kind] = {
    str(kind.dtype): kind
    for kind in (
        _whole(pl.Int8(), 8), _whole(pl.Int16(), 16), _whole(pl.Int32(), 32), _whole(pl.Int64(), 64),
        _natural(pl.UInt8(), 8), _natural(pl.UInt16(), 16), _natural(pl.UInt32(), 32),
        Kind(pl.Float32(), "a number", float), Kind(pl.Float64(), "a number", float), Kind(pl.Boolean(), "true or false", bool),
        Kind(pl.String(), f"a text of at most {MAX_TEXT} characters", _TEXT), Kind(pl.Categorical(), "a text", _TEXT),
        Kind(pl.Binary(), "bytes, in base64", Annotated[bytes, msgspec.Meta(max_length=MAX_BYTES)]),
        Kind(pl.Date(), "a date such as '2013-12-01'", date), Kind(pl.Datetime("us"), _TIME, _MOMENT),
        Kind(pl.Datetime("us", "UTC"), _TIME, _MOMENT), Kind(pl.Null(), "null", None),
    )
}  # fmt: skip


def joined(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """What `columns` say of each row as one text, their parts joined by U+001F."""
    if len(columns) == 1 and frame.schema[columns[0]] == pl.String and not frame[columns[0]].null_count():
        return frame[columns[0]].to_list()
    texts = pl.concat_str(pl.col(*columns).cast(pl.String), separator="\x1f", ignore_nulls=True)
    return frame.select(texts).to_series().to_list()


def kind_of(name: str) -> Kind:
    """The kind of Polars' type of that name.

    Raises:
        ColumnTypeError: no column of a dataset has such a type.
    """
    if name not in _KINDS:
        raise ColumnTypeError(name, known=_KINDS)
    return _KINDS[name]


def find_kind(dtype: pl.DataType) -> str | None:
    """The name of the kind that holds the values of `dtype` in a request, None where none does.

    Times of any zone are UTC in microseconds, durations whole microseconds, times of day whole nanoseconds, categories their text.
    """
    match dtype:
        case pl.Datetime(time_zone=zone):
            return str(pl.Datetime("us") if zone is None else pl.Datetime("us", "UTC"))
        case pl.Duration() | pl.Time():
            return "Int64"
        case pl.Categorical() | pl.Enum():
            return "String"
    return str(dtype) if str(dtype) in _KINDS else None


@dataclass(frozen=True)
class RowForm:
    """The columns of a request's rows, in order, by Polars' names of their types.

    Those of `key` are never null; those not in `required` may be left out, which is null. Immutable and thread-safe.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    required: Collection[str]

    @property
    def accepted(self) -> Mapping[str, str]:
        """All columns that a row may have."""
        return self.columns

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        return {name: kind_of(kind).dtype for name, kind in self.columns.items()}

    @cached_property
    def _types(self) -> dict[str, Any]:
        return {name: kind_of(kind).accepts if name in self.key else kind_of(kind).accepts | None for name, kind in self.columns.items()}

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        places = [f"c{index}" for index in range(len(self.columns))]  # a column's name need not be a name in Python
        fields = [
            (place, kind) if name in self.required else (place, kind, None)
            for place, (name, kind) in zip(places, self._types.items(), strict=True)
        ]
        row = msgspec.defstruct(
            "Row", fields, rename=dict(zip(places, self.columns, strict=True)), forbid_unknown_fields=True, kw_only=True, gc=False
        )
        rows = Annotated[list[row], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]  # type: ignore[valid-type]  # made just now
        return msgspec.json.Decoder(msgspec.defstruct("Request", [("rows", rows)], forbid_unknown_fields=True))

    def decode(self, body: bytes) -> Rows:
        """The rows of the request.

        Raises:
            NotJsonError: the body is no JSON.
            RequestShapeError: it is not {"rows": [{...}, ...]} with at least one row.
            TooManyRowsError: there are more than `MAX_ROWS` rows.
            FieldError: a field of a row is missing, unknown or of another type.
        """
        try:
            return self._read(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._explain(body, str(error))

    def _read(self, body: bytes) -> Rows:
        found = self._decoder.decode(body).rows
        return Rows(self, None, len(found), found)

    def spread(self, rows: Sequence[Any]) -> dict[str, Column]:
        """The columns of decoded rows."""
        columns = dict(zip(self.columns, map(list, zip(*map(msgspec.structs.astuple, rows), strict=True)), strict=True))
        for name, dtype in self._temporal.items():
            columns[name] = _physical(columns[name], dtype)
        return columns

    @cached_property
    def _temporal(self) -> dict[str, pl.DataType]:
        return {name: dtype for name, dtype in self.schema.items() if dtype.is_temporal()}

    @cached_property
    def type_names(self) -> list[str]:
        """The names of the types that the columns are kept as."""
        return type_names(self.schema)

    def frame(self, columns: Mapping[str, Column]) -> pl.DataFrame:
        """The columns of `Rows`, as a frame of `schema`."""
        return pl.DataFrame([_series(name, columns[name], dtype=dtype) for name, dtype in self.schema.items()])

    def keys(self, frame: pl.DataFrame) -> list[str]:
        """The key of each row as one text, its parts joined by U+001F: by it rows are found again, and routed if by nothing else."""
        return joined(frame, self.key)

    def _explain(self, body: bytes, reason: str) -> NoReturn:
        for index, row in enumerate(_rows(_parse(body))):
            if not isinstance(row, dict):
                raise RequestShapeError(f"row {index} is {_shown(row)}, not an object of fields")
            self._explain_row(index, row)
        raise RequestShapeError(reason)  # what the second look does not see, the first did

    def _explain_row(self, index: int, row: Mapping[str, Any]) -> None:
        for name in row:
            if name not in self.columns:
                hint = UnknownNameError("field", name[:_LONGEST_SHOWN], known=self.columns, where="a row of this endpoint")
                raise FieldError(index, name, reason=str(hint))
        for name, kind in self._types.items():
            if name not in row and name in self.required:
                raise FieldError(index, name, reason="it is missing; send it, or null where its value is not known")
            if name in row:
                self._explain_value(index, name, value=row[name], kind=kind)

    def _explain_value(self, index: int, name: str, *, value: Any, kind: Any) -> None:
        wanted = kind_of(self.columns[name]).wanted
        if value is None and name in self.key:
            raise FieldError(index, name, reason=f"it is null, but it identifies the row; send {wanted}")
        if isinstance(value, float) and not math.isfinite(value):
            raise FieldError(index, name, reason=f"it is {value}, which is no number; send {wanted}, or null where it is not known")
        if isinstance(value, str) and not _is_text(value):
            raise FieldError(index, name, reason="its text holds half of a surrogate pair, which is no character")
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise FieldError(index, name, reason=f"it is {_shown(value)}; send {wanted}") from error


class Rows(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The `n` rows of a request, column by column as `form` has them: dates as days and times as microseconds since 1970.

    Of rows that were `decoded` the columns are made when they are asked for: those of requests that are answered together at once.
    """

    form: RowForm
    given: Mapping[str, Column] | None
    n: int
    decoded: Sequence[Any] = ()

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return self.form.spread(self.decoded) if self.given is None else self.given

    def frame(self) -> pl.DataFrame:
        """The rows as a frame of the form's schema."""
        return self.form.frame(self.columns)

    def texts(self, columns: Sequence[str]) -> list[str]:
        """What `columns` say of each row as one text, their parts joined by U+001F."""
        if all(self.form.columns[name] == "String" and None not in self.columns[name] for name in columns):
            parts = [self.columns[name] for name in columns]
            return list(parts[0]) if len(parts) == 1 else ["\x1f".join(row) for row in zip(*parts, strict=True)]
        return joined(self.frame(), columns)

    def take(self, rows: Sequence[int]) -> Rows:
        """These rows alone, in this order."""
        return Rows(self.form, {name: [values[row] for row in rows] for name, values in self.columns.items()}, len(rows))

    @staticmethod
    def chained(parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, which have one form, one after another."""
        if len(parts) == 1:
            return parts[0]
        form, n = parts[0].form, sum(part.n for part in parts)
        if all(part.decoded for part in parts):
            return Rows(form, None, n, [row for part in parts for row in part.decoded])
        columns = {name: [value for part in parts for value in part.columns[name]] for name in form.columns}
        return Rows(form, columns, n)

    def keys(self) -> list[Any]:
        """Each row's key as its sender wrote it, a list where it has several columns; empty where the form has no key."""
        if not self.form.key:
            return []
        parts = [_logical(self.columns[name], self.form.schema[name]) for name in self.form.key]
        if len(parts) == 1:
            return parts[0]
        return [list(key) for key in zip(*parts, strict=True)]


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except UnicodeDecodeError as error:
        raise NotJsonError(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotJsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise NotJsonError("it is nested too deep") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise NotJsonError(str(error)) from error


def _rows(request: Any) -> list[Any]:
    if not isinstance(request, dict):
        raise RequestShapeError(f"it is {_shown(request)}, not an object")
    for name in request:
        if name != "rows":
            raise RequestShapeError(str(UnknownNameError("field", name[:_LONGEST_SHOWN], known=["rows"], where="a request")))
    rows = request.get("rows")
    if not isinstance(rows, list) or not rows:
        raise RequestShapeError("'rows' is missing or is no list with at least one row")
    if len(rows) > MAX_ROWS:
        raise TooManyRowsError(len(rows), limit=MAX_ROWS)
    return rows


def _physical(values: Sequence[Any], dtype: pl.DataType) -> Column:
    if isinstance(dtype, pl.Datetime):
        return [None if value is None else (value - EPOCH) // MICROSECOND for value in values]
    if isinstance(dtype, pl.Date):
        return [None if value is None else value.toordinal() - _FIRST_DAY for value in values]
    return list(values)


def _logical(values: Column, dtype: pl.DataType) -> list[Any]:
    return _series("", values, dtype=dtype).to_list() if dtype.is_temporal() else list(values)


def _series(name: str, values: Column, *, dtype: pl.DataType) -> pl.Series:
    if dtype.is_temporal():
        return pl.Series(name, values, dtype=pl.Int32 if isinstance(dtype, pl.Date) else pl.Int64).cast(dtype)
    return pl.Series(name, values, dtype=dtype)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {str(value)[:_LONGEST_SHOWN]}"
        case str():
            return f"the text {value[:_LONGEST_SHOWN]!r}"
        case list():
            return "a list"
    return "an object"
