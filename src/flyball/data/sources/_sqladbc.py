"""PostgreSQL and tables of SQLite through ADBC: rows come as Arrow, in batches, without a Python object per cell.

Knows what the drivers' Arrow means where that is not what it says: `numeric` is a text, `uuid` is bytes, SQLite's text may be none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote

import polars as pl
import polars.exceptions as plx

from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.data.errors import ColumnTypeError
from flyball.data.sourceerrors import DatabaseDeniedError, DatabaseLostError, DatabasePlaceError, DatabaseQueryError
from flyball.data.sources.asking import Asked
from flyball.data.sources.cells import check_names
from flyball.data.sources.pulled import AskAgainError
from flyball.data.sources.secrecy import told

with extra("sql"):
    import adbc_driver_manager
    import adbc_driver_postgresql.dbapi as postgresql  # type: ignore[import-untyped]  # it ships no marker
    import adbc_driver_sqlite.dbapi as sqlite
    from arro3.core import DataType, RecordBatchReader

_BATCH_ROWS, _CONNECT_SECONDS = 1 << 14, 20
_TYPE, _UUID, _NUMERIC, _MONEY = b"POSTGRESQL:type", b"uuid", b"numeric", b"money"
_LOST = ("server closed", "terminating connection", "no connection", "could not receive", "SSL SYSCALL", "connection to server")
_HOLDS = (
    DataType.is_boolean, DataType.is_integer, DataType.is_floating, DataType.is_decimal, DataType.is_string, DataType.is_large_string,
    DataType.is_string_view, DataType.is_date, DataType.is_timestamp, DataType.is_null,
)  # fmt: skip


def read_postgresql(asked: Asked) -> Iterator[pl.DataFrame]:
    """The answer, in one transaction that can only read, in UTC.

    Raises:
        FlyballError: it cannot be read; the sentence holds nothing of the URL.
    """
    bounded = "" if "connect_timeout=" in asked.url else f"{'&' if '?' in asked.url else '?'}connect_timeout={_CONNECT_SECONDS}"
    settings = (
        "SET TRANSACTION READ ONLY",
        "SET LOCAL TIME ZONE 'UTC'",
        f"SET LOCAL statement_timeout = {asked.timeout.total_seconds() * 1000:.0f}",
    )
    try:
        connection = postgresql.connect(asked.url + bounded)
    except adbc_driver_manager.Error as error:
        raise DatabaseDeniedError(asked.place, told(error, asked.url)) from None
    with closing(connection), closing(connection.cursor()) as cursor:
        yield from _answer(asked, cursor, settings=settings)


def read_sqlite(asked: Asked) -> Iterator[pl.DataFrame]:
    """The answer of the file at the path `asked.url`, which is opened to be read only.

    Raises:
        AskAgainError: a column holds values of several types, which the driver found out too late.
        FlyballError: it cannot be read.
    """
    try:
        connection = sqlite.connect(f"file:{quote(asked.url)}?mode=ro")
    except adbc_driver_manager.Error as error:
        raise DatabaseDeniedError(asked.place, told(error, "")) from None
    options = {"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)}
    with closing(connection), closing(connection.cursor(adbc_stmt_kwargs=options)) as cursor:
        yield from _answer(asked, cursor, settings=())


def _answer(asked: Asked, cursor: Any, *, settings: Sequence[str]) -> Iterator[pl.DataFrame]:
    try:
        for setting in settings:
            cursor.execute(setting)
        cursor.execute(asked.text)
        batches = RecordBatchReader.from_stream(cursor.fetch_arrow())
    except Exception as error:  # noqa: BLE001  arro3 raises nothing narrower for what a driver says
        raise _translated(asked, error) from None
    schema = batches.schema
    fields = [schema.field(index) for index in range(len(schema.names))]
    check_names([field.name for field in fields], asked.place)
    for field in fields:
        _check_type(asked.place, field)
    while (batch := _next(asked, batches)) is not None:
        asked.check_time()
        yield _frame(asked.place, batch, fields=fields)


def _next(asked: Asked, batches: Any) -> Any:
    try:
        return next(batches, None)
    except Exception as error:  # noqa: BLE001  as above
        raise _translated(asked, error) from None


def _frame(place: str, batch: Any, *, fields: Sequence[Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame([_series(field, pl.Series(batch.column(index))) for index, field in enumerate(fields)])
    except plx.PolarsError as error:
        raise DatabaseQueryError(place, f"it gives text that is not UTF-8 ({str(error).splitlines()[0]})") from error


def _check_type(place: str, field: Any) -> None:
    named = field.metadata.get(_TYPE, b"")
    if named == _MONEY or (named != _UUID and not any(holds(field.type) for holds in _HOLDS) and not DataType.is_binary(field.type)):
        raise ColumnTypeError(place, field.name, dtype=named.decode() or str(field.type))
    if named not in {b"", _UUID} and DataType.is_binary(field.type):
        raise ColumnTypeError(place, field.name, dtype=named.decode())


def _series(field: Any, cells: pl.Series) -> pl.Series:
    """The cells as what they mean. Text is proved to be UTF-8, which Polars trusts the driver in, and the driver the database."""
    named = field.metadata.get(_TYPE, b"")
    if isinstance(cells.dtype, pl.BaseExtension):
        cells = cells.ext.storage()
    if named == _UUID:
        return _uuids(cells).alias(field.name)
    if cells.dtype == pl.String:
        cells = cells.cast(pl.Binary).cast(pl.String)
    return (cells.cast(pl.Float64, strict=False) if named == _NUMERIC else cells).alias(field.name)


def _uuids(cells: pl.Series) -> pl.Series:
    digits = cells.cast(pl.Binary).bin.encode("hex").to_frame("cell")
    parts = [pl.col("cell").str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return digits.select(pl.concat_str(parts, separator="-")).to_series()


def _translated(asked: Asked, error: Exception) -> Exception:
    """Our error for the driver's, whose text must not be chained to it: it may hold the URL."""
    text, state = str(error), getattr(error, "sqlstate", None) or ""
    why = told(error, asked.url).removeprefix("C Data interface error: ")
    if "Type mismatch in column" in text:
        return AskAgainError()
    if isinstance(error, FlyballError):
        return error
    if state == "57014" or "statement timeout" in text:
        return asked.slow()
    if state in {"42P01", "3F000"} or "no such table" in text or "unable to open database" in text:
        return DatabasePlaceError(asked.place, why)
    if state == "42501" or "permission denied" in text:
        return DatabaseDeniedError(asked.place, why)
    if state.startswith(("08", "57P")) or any(sign in text for sign in _LOST):
        return DatabaseLostError(asked.place, why)
    return DatabaseQueryError(asked.place, why)
