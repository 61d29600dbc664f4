"""The contract of a dataset that has none, from what its source holds at first; bounded in memory, however much that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.data.contracts.inferring import infer, times_in
from flyball.data.contracts.model import Basis, Contract, declared_columns
from flyball.data.errors import EventTimeError, NothingKnownError, UnknownColumnError
from flyball.data.history import known_time
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.spill import Spill
from flyball.data.widening import widen

MOST_CELLS = 4_000_000


def infer_contract(
    dataset: Dataset,
    parts: Mapping[str, Spill],
    *,
    history: timedelta | None,
    known_by: datetime | None = None,
    most_cells: int = MOST_CELLS,
) -> Contract:
    """The contract that the rows known in the first `history` keep (None: all): by the column that says when, else by event time.

    A row that became known later has no say, however far back its event lies, and none that is known later than `known_by`. The
    columns are those of the first part; where another part lacks one, it is null there. Of more than `most_cells` cells an even
    sample tells the types, and all of them what is null, how far values reach, and whether they are of the type.

    Raises:
        NothingKnownError: no row is known by then.
        UnknownColumnError: a part lacks a column that the declaration has.
        EventTimeError: not one row has an event time.
    """
    columns = next((chunk.columns for spill in parts.values() for chunk in spill), [])
    for name in declared_columns(dataset):
        if name not in columns:
            raise UnknownColumnError(name, columns, where=f"The file {next(iter(parts), '')} of dataset {dataset.name!r}")
    cells = _Cells(dataset, parts, columns, known_by)
    stretch = _stretch(cells, history)
    rows = sum(chunk.height for chunk in cells.basis(stretch))
    step = max(1, -(-rows * max(1, len(columns)) // most_cells))
    basis = _together([chunk.gather_every(step) for chunk in cells.basis(stretch)])
    found = infer(dataset, basis, everything=cells.filled(basis), basis=Basis(rows=rows, since=stretch.since, until=stretch.until))
    return found if step == 1 else widen(dataset, found, chunks=cells.basis(stretch), schema=basis.schema)


@dataclass(frozen=True)
class _Stretch:
    """The rows whose time in `column` lies in [since, until) have a say."""

    column: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class _Cells:
    """What the parts hold as far as it is known by `known_by`, chunk by chunk, in one set of columns."""

    dataset: Dataset
    parts: Mapping[str, Spill]
    columns: Sequence[str]
    known_by: datetime | None

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Chunks with rows that are known; those without have no say, for their types are news as well."""
        for name, spill in self.parts.items():
            for chunk in _selected(self.dataset, name, spill=spill, columns=self.columns):
                found = chunk if self.known_by is None else chunk.filter(_known_times(self.dataset, chunk) <= self.known_by)
                if found.height:
                    yield found

    def basis(self, stretch: _Stretch) -> Iterator[pl.DataFrame]:
        """The rows that have a say; at least one chunk."""
        return (chunk.filter(times_in(chunk, stretch.column) < stretch.until) for chunk in self.chunks())

    def filled(self, basis: pl.DataFrame) -> dict[str, pl.Series]:
        """Each column of the basis; of one that is empty there, a stretch of it that is not."""
        found = {name: basis[name] for name in self.columns}
        empty = {name for name in self.columns if basis[name].null_count() == basis.height}
        for chunk in self.chunks() if empty else ():
            for name in [name for name in empty if chunk[name].null_count() < chunk.height]:
                found[name] = chunk[name]
                empty.discard(name)
        return found

    def first_known(self) -> datetime | None:
        """When the first row becomes known at all."""
        firsts = [
            _known_times(self.dataset, chunk).min()
            for name, spill in self.parts.items()
            for chunk in _selected(self.dataset, name, spill=spill, columns=self.columns)
        ]
        return min((time for time in firsts if isinstance(time, datetime)), default=None)


def _stretch(cells: _Cells, history: timedelta | None) -> _Stretch:
    """From when to before when rows have a say."""
    dataset, events, knowns = cells.dataset, list[datetime](), list[datetime]()
    example, some = "empty", False
    for chunk in cells.chunks():
        some = True
        events += _ends(times_in(chunk, dataset.event_time))
        knowns += [] if dataset.known_time is None else _ends(times_in(chunk, dataset.known_time))
        if example == "empty":
            example = str(next(iter(chunk[dataset.event_time].drop_nulls().head(1)), example))
    if cells.known_by is not None and not some:
        raise NothingKnownError(dataset.name, cells.known_by, first=cells.first_known())
    if not events:
        raise EventTimeError(dataset.name, dataset.event_time, example=example)
    column = dataset.known_time if dataset.known_time is not None and knowns else dataset.event_time
    times = knowns or events
    return _Stretch(column, min(times), max(times) + MICROSECOND if history is None else min(times) + history)


def _ends(times: pl.Series) -> list[datetime]:
    return [time for time in (times.min(), times.max()) if isinstance(time, datetime)]


def _selected(dataset: Dataset, name: str, *, spill: Spill, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    for chunk in spill:
        for column in declared_columns(dataset):
            if column not in chunk.columns:
                raise UnknownColumnError(column, chunk.columns, where=f"The file {name} of dataset {dataset.name!r}")
        missing = [column for column in columns if column not in chunk.columns]
        yield chunk.with_columns(pl.lit(None).alias(column) for column in missing).select(columns)


def _known_times(dataset: Dataset, cells: pl.DataFrame) -> pl.Series:
    """Since when each row is known by the declaration; null where that cannot be read."""
    typed = times_in(cells, dataset.event_time).to_frame(EVENT_TIME)
    if dataset.known_time is not None:
        typed = typed.with_columns(times_in(cells, dataset.known_time).alias(dataset.known_time))
    return typed.select(known_time(dataset, pl.col(EVENT_TIME)).alias(KNOWN_TIME)).to_series()


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The frames below each other; a column of which parts have different types is a number or a time if all are, else text."""
    if len(frames) == 1:
        return frames[0]
    shared = {name: _common([frame.schema[name] for frame in frames]) for name in frames[0].columns}
    return pl.concat([frame.cast(pl.Schema(shared)) for frame in frames])


def _common(dtypes: Sequence[pl.DataType]) -> pl.DataType:
    found = {dtype for dtype in dtypes if dtype != pl.Null}
    if len(found) <= 1:
        return next(iter(found), pl.Null())
    for types, common in (({pl.Int64(), pl.Float64()}, pl.Float64()), ({pl.Date(), TIME}, TIME)):
        if found == types:
            return common
    return pl.String()
