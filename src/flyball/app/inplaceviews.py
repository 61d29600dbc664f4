"""Rows that are read in place, as a query's process reads them: by DuckDB, from the files of others, as the recipe says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.data.inplace.model import Pinned, Recipe
from flyball.data.inplace.reading import check
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, DatasetVersion
from flyball.data.querying.model import literal, quoted
from flyball.data.rows import Rows, ranges_of
from flyball.data.values import ColumnType
from flyball.storage.errors import os_errors
from flyball.storage.tables import TableStore

_ROW = "file_row_number"
_INLINE = 200
_SQL = {
    ColumnType.BOOLEAN: "boolean", ColumnType.INTEGER: "bigint", ColumnType.NUMBER: "double", ColumnType.DATE: "date",
    ColumnType.TIME: "timestamptz", ColumnType.TEXT: "varchar",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class InPlaceRows:
    """The rows of a version's content: `columns`, `select` over `files`; without `select` they cannot be told in DuckDB's words."""

    files: Sequence[str]
    columns: Sequence[str]
    select: str | None


def rows_in_place(tables: TableStore, content: Sequence[DatasetVersion], *, folder: Path) -> InPlaceRows:
    """The rows of `content`, whose files are proved to be what they were; what is too long for a query is written to `folder`.

    Raises:
        TableGoneError, TableChangedError: a file is not what it was.
    """
    ranges = ranges_of(content)
    pinned = Rows(tables).files_in_place(content[0].table)
    wanted = [file for file in pinned if file.has(ranges)]
    check(content[0].dataset, wanted)
    columns = pinned[-1].recipe.schema.names()
    selects, files = [], []
    for file in wanted:
        select = _select(file)
        if select is None:
            return InPlaceRows(files=(), columns=columns, select=None)
        counted, needed = _counted(file, folder=folder, name=content[0].table)
        selects.append(f"{select} where {counted}")
        files += [file.placed.place, *needed]
    if not selects:
        recipe = pinned[-1].recipe
        nothing = ", ".join(f"{_constant(None, kind)} as {quoted(name)}" for name, kind in recipe.types.items())
        selects = [f"select *, {_times(recipe)}, 0::bigint as {quoted(ARRIVAL)} from (select {nothing}) where false"]  # noqa: S608  quoted
    within = " or ".join(f"{quoted(ARRIVAL)} between {first} and {last}" for first, last in ranges)
    return InPlaceRows(files=files, columns=columns, select=f"select * from ({' union all '.join(selects)}) where ({within})")  # noqa: S608  quoted


def _select(file: Pinned) -> str | None:
    there = pl.scan_parquet(file.placed.place, glob=False, hive_partitioning=False).collect_schema()
    cells = []
    for name, kind in file.recipe.types.items():
        cell = _cell(quoted(name), there[name], kind=kind) if name in there else _constant(file.placed.partition.get(name), kind)
        if cell is None:
            return None
        cells.append(f"{cell} as {quoted(name)}")
    place = f"read_parquet([{literal(file.placed.place)}], file_row_number=true, hive_partitioning=false)"
    typed = f"select {', '.join(cells)}, {_ROW} + {file.first} as {quoted(ARRIVAL)} from {place}"  # noqa: S608  quoted
    names = ", ".join(map(quoted, file.recipe.types))
    return f"select {names}, {_times(file.recipe)}, {quoted(ARRIVAL)} from ({typed})"  # noqa: S608  quoted


def _cell(name: str, dtype: pl.DataType, *, kind: ColumnType) -> str | None:
    """The cell as the contract's type; None where only our own reading of it will do."""
    match kind:
        case ColumnType.INTEGER if dtype.is_integer():
            return f"try_cast({name} as bigint)"
        case ColumnType.NUMBER if dtype.is_numeric():
            return f"case when isfinite({name}::double) then {name}::double end"
        case ColumnType.TIME if isinstance(dtype, pl.Datetime):
            return f"{name}::timestamptz" if dtype.time_zone else f"({name}::timestamp at time zone 'UTC')"
        case ColumnType.DATE if dtype == pl.Date:
            return f"case when {name} between date '0001-01-01' and date '9999-12-31' then {name} end"
        case ColumnType.BOOLEAN if dtype == pl.Boolean:
            return name
        case ColumnType.TEXT if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
            return f"{name}::varchar"
    return None


def _constant(value: str | None, kind: ColumnType) -> str:
    return f"null::{_SQL[kind]}" if value is None else f"try_cast({literal(value)} as {_SQL[kind]})"


def _times(recipe: Recipe) -> str:
    event = _moment(recipe, recipe.event_time)
    known = event if recipe.known_time is None else _moment(recipe, recipe.known_time)
    if recipe.known_shift is not None:
        known = f"{known} + to_microseconds({round(recipe.known_shift.total_seconds() * 1e6)})"
    if recipe.arrival is not None:
        known = f"greatest({known}, timestamptz {literal(recipe.arrival.isoformat())})"
    return f"{event} as {quoted(EVENT_TIME)}, {known} as {quoted(KNOWN_TIME)}"


def _moment(recipe: Recipe, column: str) -> str:
    name = quoted(column)
    return f"({name}::timestamp at time zone 'UTC')" if recipe.types[column] is ColumnType.DATE else name


def _counted(file: Pinned, *, folder: Path, name: str) -> tuple[str, list[str]]:
    """Which rows count, and the file that says so where they are too many to be named."""
    if file.runs.all_of(file.last - file.first + 1):
        return "true", []
    runs = file.runs.frame(file.first)
    if runs.height <= _INLINE:
        return f"({' or '.join(f'{quoted(ARRIVAL)} between {first} and {last}' for first, last in runs.iter_rows())})", []
    kept = folder / f"{name}.{file.first}.{file.content[:16]}.runs"
    with os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f".{kept.name}.{os.getpid()}")
        runs.write_parquet(part)
        part.replace(kept)
    return f"{quoted(ARRIVAL)} in (select unnest(range(first, last + 1)) from read_parquet([{literal(str(kept))}]))", [str(kept)]  # noqa: S608  quoted
