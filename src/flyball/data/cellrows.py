"""Rows that come as a frame, from Arrow or CSV: each cell is taken as a file's is, and what is broken is named."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date

import polars as pl

from flyball.data.contracts.judging import AT_ROW, WHY
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.errors import RowsError
from flyball.data.model import Dataset
from flyball.data.pusherrors import BrokenBodyError
from flyball.data.sources.files.columns import NULLS
from flyball.data.typedrows import Cells, check_count
from flyball.data.values import ColumnType, as_type

_CELL = "__cell:"
FIRST, LAST = date(2, 1, 1), date(9998, 12, 31)
_SHOWN_CHARACTERS = 60


def read_csv(dataset: str, content: bytes) -> pl.DataFrame:
    """The cells of CSV with a head line, as texts; null are the same as in files.

    Raises:
        BrokenBodyError: it is not CSV in UTF-8, or a line has more cells than the head.
        RowsError: it has no rows, or more than 10,000.
    """
    try:
        head = content.decode("utf-8-sig").partition("\n")[0]
        if not head.strip():
            raise RowsError(dataset, "there is no line with the columns' names")
        return pl.read_csv(io.BytesIO(content), infer_schema=False, null_values=NULLS)
    except UnicodeDecodeError as error:
        raise BrokenBodyError("CSV", f"byte {error.start + 1} is not UTF-8") from error
    except pl.exceptions.NoDataError as error:
        raise RowsError(dataset, "they are 0; send 1 to 10,000 at once") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BrokenBodyError("CSV", str(error).splitlines()[0]) from error


def typed_cells(dataset: Dataset, contract: Contract, *, cells: pl.DataFrame) -> Cells:
    """The rows whose cells are what the contract says, and of the others the reasons and the cells as JSON.

    Raises:
        RowsError: there are none, or more than 10,000.
    """
    check_count(dataset.name, cells.height)
    unexpected = tuple(sorted(set(cells.columns) - contract.columns.keys()))
    given = cells.select(name for name in contract.columns if name in cells.columns)
    kinds = given.schema
    frame = given.select(
        *(pl.all().name.prefix(_CELL),),
        *(
            as_type(pl.col(name), kinds[name], wanted=column.type).alias(name)
            if name in kinds
            else pl.lit(None, dtype=column.type.dtype).alias(name)
            for name, column in contract.columns.items()
        ),
    ).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(AT_ROW))
    breaks = list(_breaks(dataset, contract, kinds=kinds))
    plain = [*contract.columns, AT_ROW]
    if not breaks or not frame.select(pl.any_horizontal([broken for broken, _ in breaks]).any()).item():
        return Cells(frame.select(plain), (), unexpected)
    reasons = [pl.when(broken).then(reason) for broken, reason in breaks]
    frame = frame.with_columns(pl.concat_str(reasons, separator="; ", ignore_nulls=True).alias(WHY))
    aside = frame.filter(pl.col(WHY) != "")
    raw = as_json(aside.select(pl.col(_CELL + name).alias(name) for name in kinds))
    broken = zip(aside[AT_ROW].to_list(), aside[WHY].to_list(), raw, strict=True)
    return Cells(frame.filter(pl.col(WHY) == "").select(plain), tuple(broken), unexpected)


def as_json(rows: pl.DataFrame) -> list[str]:
    """Each row as a JSON object."""
    if not rows.width:
        return ["{}"] * rows.height
    return rows.select(pl.struct(pl.all()).struct.json_encode()).to_series().to_list()


def _breaks(dataset: Dataset, contract: Contract, *, kinds: pl.Schema) -> Iterable[tuple[pl.Expr, pl.Expr]]:
    for name, column in contract.columns.items():
        required = not column.takes_null or name in declared_columns(dataset)
        if name not in kinds:
            if required:
                yield pl.lit(True), pl.lit(f"{name} is missing")
            continue
        cell = pl.col(_CELL + name)
        shown = cell.cast(pl.String).str.slice(0, _SHOWN_CHARACTERS)
        yield cell.is_not_null() & pl.col(name).is_null(), pl.concat_str(pl.lit(f"{name} is no {column.type}: "), shown)
        if kinds[name].is_temporal() and column.type in {ColumnType.TIME, ColumnType.DATE}:
            outside = ~pl.col(name).cast(pl.Date).is_between(pl.lit(FIRST), pl.lit(LAST))
            yield outside.fill_null(False), pl.lit(f"{name} is out of the calendar")
        if required:
            yield cell.is_null(), pl.lit(f"{name} is missing")
