"""One fused pass over a chunk of cells: each row is typed, and taken or set aside with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

import polars as pl

from flyball.data.contracts.blaming import blaming
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.contracts.promises import CELL, RowPromise, null_promise, type_promise
from flyball.data.declared.check import Severity
from flyball.data.errors import UnknownColumnError
from flyball.data.history import known_time
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.values import ColumnType, as_type

FILE, ROW, REASON, RAW = "file", "row", "reason", "raw"
QUARANTINE = pl.Schema({FILE: pl.String(), ROW: pl.Int64(), REASON: pl.String(), RAW: pl.String()})
AT_FILE, AT_ROW, WHY = "__file", "__row", "__reason"
PLACE = (AT_FILE, AT_ROW)
_BAD = "__bad"
RENAMED = 0.85
"""A column that is not there beside a new one whose name is so alike was renamed: to take it as null would lose its values."""
_EARLIEST, _LATEST = datetime.fromisoformat("0002-01-01T00:00Z"), datetime.fromisoformat("9998-12-31T00:00Z")
_OF_TIMES = tuple(  # beyond the calendar no arithmetic with times is safe, a known time's among it
    RowPromise(
        check=name, kind="calendar", severity=Severity.QUARANTINE, column=None, expected="a time in the calendar",
        broken=~pl.col(column).is_between(pl.lit(_EARLIEST, dtype=TIME), pl.lit(_LATEST, dtype=TIME)),
        why=f"its {name} is out of the calendar",
    )
    for name, column in (("event time", EVENT_TIME), ("known time", KNOWN_TIME))
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Look:
    """How far an ingest looks into a file: at the rows known after `after` and by `known_by`; no row was known before `arrival`."""

    known_by: datetime | None = None
    arrival: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The rows of one chunk: `good` are typed, with both times and their place; `broken` are set aside; `known` are dealt with already.

    `read` are those of the broken rows whose every cell could be read, typed, with their row number: one that is stored already was
    taken under an earlier contract. `breaks` counts the broken rows by promise. `left_out` are known only later, the first of
    them at `next_known`. `unexpected` are columns that the contract does not have and nobody takes, `missing` those of the
    contract that are not there and were taken as null.
    """

    good: pl.DataFrame
    broken: pl.DataFrame
    read: pl.DataFrame
    known: int = 0
    left_out: int = 0
    next_known: datetime | None = None
    breaks: Mapping[str, int] = field(default_factory=dict)
    unexpected: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def without_stored(self, stored: pl.DataFrame) -> Checked:
        """Without the broken rows that are `stored` (has the contract's columns) with the same values: these count as known."""
        columns = [name for name in self.read.columns if name != AT_ROW]
        if not stored.height or not self.read.height:
            return self
        known = self.read.join(stored.select(columns), on=columns, how="semi", nulls_equal=True)[AT_ROW]
        kept = self.broken.filter(~pl.col(ROW).is_in(known.implode()))
        return replace(self, broken=kept, known=self.known + known.len())


@dataclass(frozen=True)
class Judge:
    """Judges the rows of one dataset; `promises` are those that set a row aside, over typed columns. Pure."""

    dataset: Dataset
    contract: Contract
    promises: Sequence[RowPromise]

    def judge(self, cells: pl.DataFrame, *, place: str, first_row: int, look: Look) -> Checked:
        """Part the rows of `cells`, of which the first is row number `first_row` of `place`.

        Raises:
            UnknownColumnError: a column is not there that may not be null.
            CheckError: an expression fails on these rows.
        """
        missing = self._missing(cells, place)
        unexpected = tuple(name for name in cells.columns if name not in self.contract.columns)
        cells = cells.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
        promises = [*self._of_cells(cells.schema, missing), *self.promises, *_OF_TIMES]
        frame, before, later = looked_at(self._typed(cells, place, first_row=first_row).collect(), look)
        broken = pl.any_horizontal(promise.broken for promise in promises)
        with blaming(((promise.check, promise.broken) for promise in promises), frame.lazy()):
            frame = frame.lazy().with_columns(broken.fill_null(False).alias(_BAD)).collect()
        good, bad = frame.filter(~pl.col(_BAD)), frame.filter(_BAD)
        return Checked(
            good=good.select(*self.contract.columns, EVENT_TIME, KNOWN_TIME, *PLACE),
            broken=self._aside(bad, promises),
            read=self._read(bad),
            known=before,
            left_out=later.len(),
            next_known=_first(later),
            breaks=_counts(bad, promises),
            unexpected=unexpected,
            missing=missing,
        )

    def _missing(self, cells: pl.DataFrame, place: str) -> tuple[str, ...]:
        missing = tuple(name for name in self.contract.columns if name not in cells.columns)
        required = declared_columns(self.dataset)
        for name in missing:
            renamed = get_close_matches(name, [other for other in cells.columns if other not in self.contract.columns], 1, RENAMED)
            if name in required or not self.contract.columns[name].nullable or renamed:
                raise UnknownColumnError(name, cells.columns, where=f"{place} of dataset {self.dataset.name!r}")
        return missing

    def _of_cells(self, given: pl.Schema, missing: Sequence[str]) -> list[RowPromise]:
        """The promises that read the cells as they came: a cell that is no value of its type is not the same as none."""
        found = []
        for name, column in self.contract.columns.items():
            if name in missing:
                continue
            if not is_typed(given[name], column.type):
                found.append(type_promise(name, column))
            empty = null_promise(self.dataset, name, column=column, raw=True)
            if empty is not None and empty.severity is Severity.QUARANTINE:
                found.append(empty)
        return found

    def _typed(self, cells: pl.DataFrame, place: str, *, first_row: int) -> pl.LazyFrame:
        columns = self.contract.columns
        event = pl.col(self.dataset.event_time).cast(TIME)
        return (
            cells.lazy()
            .select(
                *(as_type(pl.col(name), cells.schema[name], wanted=column.type).alias(name) for name, column in columns.items()),
                *(pl.col(name).alias(CELL + name) for name in columns),
            )
            .with_columns(
                event.alias(EVENT_TIME),
                known_time(self.dataset, event).alias(KNOWN_TIME),
                pl.lit(place).alias(AT_FILE),
                pl.int_range(first_row, first_row + pl.len(), dtype=pl.Int64).alias(AT_ROW),
            )
        )

    def _aside(self, bad: pl.DataFrame, promises: Sequence[RowPromise]) -> pl.DataFrame:
        if not bad.height:
            return pl.DataFrame(schema=QUARANTINE)
        reasons = pl.concat_str([promise.reason() for promise in promises], separator="; ", ignore_nulls=True)
        raw = pl.struct(pl.col(CELL + name).alias(name) for name in self.contract.columns).struct.json_encode()
        return bad.select(pl.col(AT_FILE).alias(FILE), pl.col(AT_ROW).alias(ROW), reasons.alias(REASON), raw.alias(RAW)).cast(QUARANTINE)

    def _read(self, bad: pl.DataFrame) -> pl.DataFrame:
        columns = list(self.contract.columns)
        unread = pl.any_horizontal(pl.col(CELL + name).is_not_null() & pl.col(name).is_null() for name in columns)
        return bad.filter(~unread).select(*columns, AT_ROW)


def looked_at(frame: pl.DataFrame, look: Look) -> tuple[pl.DataFrame, int, pl.Series]:
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


def is_typed(given: pl.DataType, wanted: ColumnType) -> bool:
    """Whether every cell is a value of the type already; a number may still be NaN or infinite, which is none."""
    return given == wanted.dtype and wanted is not ColumnType.NUMBER


def _counts(bad: pl.DataFrame, promises: Sequence[RowPromise]) -> dict[str, int]:
    if not bad.height:
        return {}
    counts = bad.select(promise.broken.sum().alias(str(number)) for number, promise in enumerate(promises)).row(0)
    return {promise.check: int(count) for promise, count in zip(promises, counts, strict=True) if count}
