"""Files become frames: CSV cells as text, Parquet cells as the six kinds of value that a dataset holds.

Nothing is guessed here: the contract decides later what a text means, so that every re-read gives the same frame.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib

import polars as pl
import polars.exceptions as plx

from flyball.data.errors import (
    ColumnTypeError,
    DatasetError,
    SourceEmptyError,
    SourceEncodingError,
    SourceUnreadableError,
)
from flyball.data.model import TIME

NULLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]


def read_frame(name: str, data: bytes) -> pl.DataFrame:
    """The rows of a file in their order; CSV columns are String, Parquet columns Boolean, Int64, Float64, String, Date or time.

    In CSV the cells "", NA, N/A, NaN, nan, NULL and null are null. Naive Parquet times are UTC; NaN is null.

    Raises:
        SourceEmptyError: no bytes, no header or no rows.
        SourceEncodingError: the text is not UTF-8.
        SourceUnreadableError: the file is truncated, or not what its suffix says.
        ColumnTypeError: a Parquet column is nested, binary, a duration or a time of day.
        DatasetError: a header names a column twice, in case only or exactly, or one that belongs to Flyball.
    """
    if not data:
        raise SourceEmptyError(name, "content")
    frame = _parquet(name, data) if name.lower().endswith(".parquet") else _csv(name, _gunzip(name, data))
    for column in frame.columns:
        if column.startswith("__") or not column.strip():
            raise DatasetError(f"The file {name}", f"its column {column!r} cannot be used; names are not blank and do not begin with '__'")
    if len({column.lower() for column in frame.columns}) < len(frame.columns):
        raise DatasetError(f"The file {name}", "two of its columns differ in case only; rename one")
    if frame.height == 0:
        raise SourceEmptyError(name)
    return frame


def _gunzip(name: str, data: bytes) -> bytes:
    if not name.lower().endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceUnreadableError(name, f"the gzip stream is damaged or ends early ({error})") from error


def _csv(name: str, data: bytes) -> pl.DataFrame:
    _check_text(name, data)
    header = _header(name, data)
    separator = max(",;\t|", key=header.count)
    columns = [column.strip() for column in next(csv.reader([header], delimiter=separator))]
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise DatasetError(f"The file {name}", f"its header names the column {twice[0]!r} twice")
    _check_end(name, data, width=len(columns), separator=separator)
    try:
        frame = pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False, null_values=NULLS, encoding="utf8")
    except plx.NoDataError as error:
        raise SourceEmptyError(name) from error
    except plx.PolarsError as error:
        raise SourceUnreadableError(name, _first_line(error)) from error
    frame.columns = columns  # Polars leaves doubled quotes in a header as they stand
    return frame


def _check_text(name: str, data: bytes) -> None:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise SourceEncodingError(name, 0, likely="UTF-16")
    if (zero := data.find(b"\0")) >= 0:
        raise SourceEncodingError(name, zero, likely="UTF-16")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        around = data[error.start : error.start + 1]
        likely = "WINDOWS-1252" if b"\x80" <= around < b"\xa0" else "ISO-8859-1"
        raise SourceEncodingError(name, error.start, likely=likely) from error


def _header(name: str, data: bytes) -> str:
    text = data[: data.find(b"\n")] if b"\n" in data else data
    header = text.decode("utf-8-sig").rstrip("\r")
    if not header.strip():
        raise SourceEmptyError(name, "header")
    if header.count('"') % 2:
        raise SourceUnreadableError(name, "its header does not end on the first line")
    return header


def _check_end(name: str, data: bytes, *, width: int, separator: str) -> None:
    """A file cut off inside a quoted cell or a row is refused; one cut off between two cells' characters cannot be told."""
    if data.count(b'"') % 2:
        raise SourceUnreadableError(name, "it ends inside a quoted cell")
    if data.endswith(b"\n") or b'"' in (last := data.rsplit(b"\n", 1)[-1]):
        return
    cells = len(last.decode("utf-8-sig").split(separator))
    if cells < width:
        raise SourceUnreadableError(name, f"it ends inside a row: the last line has {cells} of {width} cells")


def _parquet(name: str, data: bytes) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except plx.PolarsError as error:
        raise SourceUnreadableError(name, f"it is truncated or no Parquet file ({_first_line(error)})") from error
    return frame.with_columns(_plain(name, column, dtype=dtype) for column, dtype in frame.schema.items())


def _plain(name: str, column: str, *, dtype: pl.DataType) -> pl.Expr:
    cell = pl.col(column)
    if dtype in {pl.Boolean, pl.String, pl.Date, pl.Null}:
        return cell
    if dtype == pl.UInt64:
        return cell.cast(pl.Int64, strict=False)
    if dtype.is_integer():
        return cell.cast(pl.Int64)
    if dtype.is_numeric():
        return cell.cast(pl.Float64).fill_nan(None)
    if isinstance(dtype, pl.Datetime):
        zoned = cell.cast(pl.Datetime("us", dtype.time_zone))
        return zoned.dt.convert_time_zone("UTC") if dtype.time_zone else zoned.cast(TIME)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return cell.cast(pl.String)
    raise ColumnTypeError(name, column, dtype=str(dtype))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
