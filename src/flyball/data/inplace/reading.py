"""Rows of files that lie in tables of others, read lazily where they are; a file that is not what it was gives no row."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from flyball.core.ids import Digest
from flyball.data.inplace.errors import InPlaceFileError, TableChangedError, TableGoneError
from flyball.data.inplace.model import Pinned, Placed, Recipe
from flyball.data.model import ARRIVAL, TIME
from flyball.data.values import as_type
from flyball.storage.errors import os_errors

_BLOCK = 1 << 20
_BATCH = 1 << 16
_MAGIC = b"PAR1"
_LOW, _HIGH = -62_135_596_800, 253_402_300_800  # the years 1 to 9999, in seconds
_TICKS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def scan(name: str, files: Sequence[Pinned], *, ranges: Sequence[tuple[int, int]], schema: pl.Schema) -> pl.LazyFrame:
    """The rows of the dataset `name` that count in `files` and whose arrival numbers lie in the (inclusive) ranges, in any order.

    Files are proved to be what they were now, and again before and after the frame is read.

    Raises:
        TableGoneError: a file is not there; raised when the frame is read as well.
        TableChangedError: a file has other bytes; as well.
    """
    wanted = [file for file in files if file.has(ranges)]
    check(name, wanted)

    def batches(columns: list[str] | None, predicate: pl.Expr | None, *_: int | None) -> Iterator[pl.DataFrame]:
        check(name, wanted)
        for file in wanted:
            found = counted(file, ranges)
            found = found if predicate is None else found.filter(predicate)
            yield from (found if columns is None else found.select(columns)).collect_batches(chunk_size=_BATCH, maintain_order=True)
        check(name, wanted)

    return register_io_source(batches, schema=schema)


def counted(file: Pinned, ranges: Sequence[tuple[int, int]]) -> pl.LazyFrame:
    """The file's rows that count, in their order, as far as their arrival numbers lie in the ranges."""
    rows = typed(file.placed, file.recipe, first=file.first)
    if not any(first <= file.first and last >= file.last for first, last in ranges):
        rows = rows.filter(pl.any_horizontal(pl.col(ARRIVAL).is_between(first, last) for first, last in ranges))
    if file.runs.all_of(file.last - file.first + 1):
        return rows
    return rows.filter(pl.col(ARRIVAL).map_batches(_Counted(file), return_dtype=pl.Boolean, is_elementwise=True))


class _Counted:
    """Which arrival numbers are of rows that count: those that lie in a run."""

    def __init__(self, file: Pinned) -> None:
        runs = file.runs.frame(file.first)
        self._firsts, self._lasts = runs["first"], runs["last"]

    def __call__(self, numbers: pl.Series) -> pl.Series:
        if self._firsts.is_empty():
            return pl.Series(numbers.name, [False], dtype=pl.Boolean).new_from_index(0, numbers.len())
        run = self._firsts.search_sorted(numbers, side="right").cast(pl.Int64) - 1
        last = self._lasts.gather(run.clip(0, None))
        return ((run >= 0) & (numbers <= last)).alias(numbers.name)


def typed(placed: Placed, recipe: Recipe, *, first: int) -> pl.LazyFrame:
    """All rows of a file in the columns of the recipe, numbered from `first`."""
    rows = pl.scan_parquet(placed.place, glob=False, hive_partitioning=False)
    there = rows.collect_schema()
    cells = []
    for name, kind in recipe.types.items():
        if name in there:
            cell, dtype = plain(pl.col(name), there[name])
        elif placed.partition.get(name) is not None:
            cell, dtype = pl.lit(placed.partition[name], dtype=pl.String), pl.String()
        else:
            cell, dtype = pl.lit(None, dtype=pl.String), pl.String()
        cells.append(as_type(cell, dtype, wanted=kind).cast(kind.dtype).alias(name))
    numbered = rows.with_row_index(ARRIVAL).with_columns(pl.col(ARRIVAL).cast(pl.Int64) + first)
    return numbered.select(*cells, ARRIVAL).select(*recipe.types, *recipe.times(), ARRIVAL)


def plain(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.DataType]:
    """The cell as sources give it, and its type then; rows whose cells are of no such type do not count."""
    if dtype.is_integer():
        return cell.cast(pl.Int64, strict=False), pl.Int64()
    if dtype.is_numeric():
        number = cell.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number), pl.Float64()
    if isinstance(dtype, pl.Datetime):
        ticks = _TICKS[dtype.time_unit]
        low, high = max(_LOW * ticks, -(2**63)), min(_HIGH * ticks - 1, 2**63 - 1)
        inside = pl.when(cell.to_physical().is_between(low, high)).then(cell).cast(pl.Datetime("us", dtype.time_zone))
        return (inside.dt.convert_time_zone("UTC") if dtype.time_zone else inside.dt.replace_time_zone("UTC")), TIME
    if dtype == pl.Date:
        return pl.when(cell.to_physical().is_between(_LOW // 86_400, _HIGH // 86_400 - 1)).then(cell), dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return cell.cast(pl.String), pl.String()
    return cell, dtype


def check(name: str, files: Sequence[Pinned]) -> None:
    """The files of the dataset `name` are what they were: of those that were written since the bytes are compared.

    Raises:
        TableGoneError, TableChangedError: one is not.
    """
    for file in files:
        place = Path(file.placed.place)
        try:
            status = os.stat(place)  # noqa: PTH116  one look at a file that may vanish
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TableGoneError(name, str(place)) from error
        same = status.st_size == file.size_bytes
        if not same or (status.st_mtime_ns != file.modified and content_of(place)[0] != file.content):
            raise TableChangedError(name, str(place))


def content_of(place: Path) -> tuple[Digest, int, int]:
    """The SHA-256 of a Parquet file's bytes, its size and when it was written.

    Raises:
        InPlaceFileError: it is no Parquet file.
        UnavailableError: it cannot be read.
    """
    with os_errors(place), place.open("rb") as file:
        status = os.fstat(file.fileno())
        value, block = hashlib.sha256(), file.read(_BLOCK)
        if not block.startswith(_MAGIC):
            raise InPlaceFileError(str(place))
        while block:
            value.update(block)
            block = file.read(_BLOCK)
    return Digest(value.hexdigest()), status.st_size, status.st_mtime_ns


def rows_in(place: str) -> int:
    """How many rows the Parquet file at `place` has, by its footer."""
    return int(pl.scan_parquet(place, glob=False, hive_partitioning=False).select(pl.len()).collect().item())
