"""Rows are judged one by one: each is taken, set aside with its reasons, or known already; none is lost.

Pure functions over frames, in two steps: `check_file` types and judges the rows of one file by the contract, `judge` puts the
files together and compares them with what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.data.contract import Column, Contract, declared_columns
from flyball.data.errors import UnknownColumnError
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.values import as_type

FILE, ROW, REASON, RAW = "file", "row", "reason", "raw"
QUARANTINE = pl.Schema({FILE: pl.String(), ROW: pl.Int64(), REASON: pl.String(), RAW: pl.String()})
_AT_FILE, AT_ROW, WHY, _CELL = "__file", "__row", "__reason", "__cell:"
_PLACE = (_AT_FILE, AT_ROW)
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Look:
    """How far an ingest looks into a file: at the rows known after `after` and by `known_by`; no row was known before `arrival`."""

    known_by: datetime | None = None
    arrival: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True)
class Warned:
    """A promise of the contract that rows broke and were taken nevertheless."""

    column: str
    why: str
    rows: int


@dataclass(frozen=True)
class Checked:
    """One file's rows: `good` are typed, with both times; `broken` are set aside; `known` are dealt with already.

    `left_out` are known only later, the first of them at `next_known`.
    """

    good: pl.DataFrame
    broken: pl.DataFrame
    known: int
    left_out: int = 0
    next_known: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """All rows read, parted: rows in = accepted + quarantined + duplicates."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    duplicates: int
    warned: tuple[Warned, ...]


def check_file(
    dataset: Dataset, contract: Contract, *, name: str, cells: pl.DataFrame, stored: pl.DataFrame, look: Look = Look()
) -> Checked:
    """Type the rows of a file and set aside those that break the contract, each with its file, row (from 1), reasons and cells.

    A row that broke a promise made after it was stored stays stored: it is counted as known. A row that is known later than
    the ingest looks is neither judged nor kept.

    Raises:
        UnknownColumnError: the file lacks a column of the contract.
    """
    for column in contract.columns:
        if column not in cells.columns:
            raise UnknownColumnError(column, cells.columns, where=f"The file {name} of dataset {dataset.name!r}")
    columns = list(contract.columns)
    frame = _typed(dataset, contract, cells=cells).with_columns(pl.lit(name).alias(_AT_FILE), pl.int_range(1, pl.len() + 1).alias(AT_ROW))
    frame = pl.concat([frame, cells.select(pl.col(columns).name.prefix(_CELL))], how="horizontal")
    frame, before, later = _looked_at(frame, look)
    breaks = [pl.when(broken).then(reason) for column in columns for broken, reason in _breaks(dataset, contract, name=column)]
    frame = frame.with_columns(pl.concat_str(breaks, separator="; ", ignore_nulls=True).alias(WHY))
    good = frame.filter(pl.col(WHY) == "")
    broken = frame.filter(pl.col(WHY) != "")
    known = _stored_already(contract, broken, stored=stored)
    broken = broken.join(known, on=AT_ROW, how="anti", maintain_order="left")
    raw = pl.struct(pl.col(_CELL + column).alias(column) for column in columns).struct.json_encode()
    return Checked(
        good=good.select(*columns, EVENT_TIME, KNOWN_TIME, *_PLACE),
        broken=broken.select(pl.col(_AT_FILE).alias(FILE), pl.col(AT_ROW).alias(ROW), pl.col(WHY).alias(REASON), raw.alias(RAW)).cast(
            QUARANTINE
        ),
        known=known.height + before,
        left_out=later.len(),
        next_known=_first(later),
    )


def _looked_at(frame: pl.DataFrame, look: Look) -> tuple[pl.DataFrame, int, pl.Series]:
    """The rows to judge, known at their arrival at the earliest; how many were judged before; the known times of those left out."""
    known, later, before = pl.col(KNOWN_TIME), frame.head(0)[KNOWN_TIME], 0
    if look.known_by is not None:
        later = frame.filter(known > look.known_by)[KNOWN_TIME]
        frame = frame.filter((known <= look.known_by) | known.is_null()) if later.len() else frame
    if look.after is not None:
        rows = frame.height
        frame = frame.filter((known > look.after) | known.is_null())
        before = rows - frame.height
    if look.arrival is not None:
        frame = frame.with_columns(pl.max_horizontal(known, pl.lit(look.arrival, dtype=TIME)).alias(KNOWN_TIME))
    return frame, before, later


def _first(times: pl.Series) -> datetime | None:
    first = times.min()
    return first if isinstance(first, datetime) else None


def judge(dataset: Dataset, contract: Contract, *, checked: Sequence[Checked], stored: pl.DataFrame, aside: pl.DataFrame) -> Judged:
    """Part the rows of all files, given the rows `stored` (contract's columns, KNOWN_TIME) and those set `aside` before (RAW).

    A row equal to a stored or an earlier one, or broken just as one set aside before, is a duplicate. A row whose key is
    stored, and that was not known later than the stored one, would change the past and is set aside.
    """
    # What a row says decides, not when it was known: a row that came live before is known later than a file declares.
    columns = list(contract.columns)
    good = pl.concat([part.good for part in checked])
    broken = pl.concat([part.broken for part in checked])
    fresh = good.unique(subset=columns, keep="first", maintain_order=True)
    if stored.height:
        fresh = fresh.join(stored.select(columns), on=columns, how="anti", nulls_equal=True, maintain_order="left")
    fresh, late = _split_past(dataset, fresh, stored=stored)
    quarantined = pl.concat([broken, _past(columns, late)]).unique(subset=[RAW], keep="first", maintain_order=True)
    if aside.height:
        quarantined = quarantined.join(aside.select(RAW), on=RAW, how="anti", maintain_order="left")
    rows = sum(part.good.height + part.broken.height + part.known for part in checked)
    accepted = fresh.drop(_PLACE)
    return Judged(accepted, quarantined, rows - accepted.height - quarantined.height, tuple(warnings_of(contract, accepted)))


def _typed(dataset: Dataset, contract: Contract, *, cells: pl.DataFrame) -> pl.DataFrame:
    frame = cells.select(
        as_type(pl.col(name), cells.schema[name], wanted=column.type).alias(name) for name, column in contract.columns.items()
    )
    event = pl.col(dataset.event_time).cast(TIME)
    return frame.with_columns(event.alias(EVENT_TIME), known_time(dataset, event).alias(KNOWN_TIME))


def known_time(dataset: Dataset, event: pl.Expr) -> pl.Expr:
    """When a row is known by the dataset's declaration, from its typed columns and its `event` time."""
    if dataset.known_time is not None:
        return pl.col(dataset.known_time).cast(TIME)
    if dataset.known_after is not None:
        return event + dataset.known_after
    return event - dataset.known_before if dataset.known_before is not None else event


def _breaks(dataset: Dataset, contract: Contract, *, name: str) -> Iterable[tuple[pl.Expr, pl.Expr]]:
    """Per promise that sets a row aside: whether the row breaks it, and the reason in words."""
    column, value, cell = contract.columns[name], pl.col(name), pl.col(_CELL + name)
    shown = cell.cast(pl.String).str.slice(0, _SHOWN_CHARACTERS)
    yield cell.is_not_null() & value.is_null(), pl.format(f"{_braced(name)} is no {column.type}: {{}}", shown)
    if not column.nullable or name in declared_columns(dataset):
        yield cell.is_null(), pl.lit(f"{name} is missing")
    if column.values == "quarantine":
        for outside, why in outside_of(name, column):
            yield outside.fill_null(False), pl.format(f"{_braced(name)} {_braced(why)}: {{}}", shown)


def _braced(text: str) -> str:
    return text.replace("{", "(").replace("}", ")")  # pl.format knows no escape for a brace


def outside_of(name: str, column: Column) -> Iterable[tuple[pl.Expr, str]]:
    """Per range and category that the column promises: whether a row's value lies outside, and that in words."""
    value = pl.col(name)
    if column.minimum is not None:
        yield value < column.minimum, f"is below {column.minimum:.12g}"
    if column.maximum is not None:
        yield value > column.maximum, f"is above {column.maximum:.12g}"
    if column.categories is not None:
        yield ~value.is_in(column.categories), "is no known category"


def warnings_of(contract: Contract, accepted: pl.DataFrame) -> Iterable[Warned]:
    """The promises that rows broke and were taken nevertheless, and how many did."""
    promises = [
        (name, why, outside)
        for name, column in contract.columns.items()
        if column.values == "warn"
        for outside, why in outside_of(name, column)
    ]
    if not promises or not accepted.height:
        return
    counts = accepted.select(outside.sum().alias(str(index)) for index, (_, _, outside) in enumerate(promises)).row(0)
    for (name, why, _), count in zip(promises, counts, strict=True):
        if count:
            yield Warned(name, why, int(count))


def _stored_already(contract: Contract, broken: pl.DataFrame, *, stored: pl.DataFrame) -> pl.DataFrame:
    """The rows whose every cell could be read and that are stored, by their row number."""
    identity = list(contract.columns)
    unread = pl.any_horizontal(pl.col(_CELL + name).is_not_null() & pl.col(name).is_null() for name in contract.columns)
    if not stored.height or not broken.height:
        return broken.head(0).select(AT_ROW)
    return broken.filter(~unread).join(stored.select(identity), on=identity, how="semi", nulls_equal=True).select(AT_ROW)


def _split_past(dataset: Dataset, fresh: pl.DataFrame, *, stored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not stored.height or not fresh.height:
        return fresh, fresh.head(0)
    last = "__last_known"
    key = list(dataset.key)
    known = stored.join(fresh.select(key).unique(), on=key, how="semi").group_by(key).agg(pl.col(KNOWN_TIME).max().alias(last))
    joined = fresh.join(known, on=key, how="left", maintain_order="left")
    past = pl.col(last).is_not_null() & (pl.col(KNOWN_TIME) <= pl.col(last))
    return joined.filter(~past).drop(last), joined.filter(past).drop(last)


def _past(columns: Sequence[str], late: pl.DataFrame) -> pl.DataFrame:
    reason = "changes the past: its key is stored with other values, known as late or later; a correction needs a later known time"
    return late.select(
        pl.col(_AT_FILE).alias(FILE),
        pl.col(AT_ROW).alias(ROW),
        pl.lit(reason).alias(REASON),
        pl.struct(columns).struct.json_encode().alias(RAW),
    ).cast(QUARANTINE)
