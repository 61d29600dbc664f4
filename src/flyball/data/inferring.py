"""The contract of a dataset that has none, from what its source holds at first; bounded in memory, however much that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.data.checking import known_time
from flyball.data.contract import Basis, Contract, declared_columns, infer, times_in
from flyball.data.errors import EventTimeError, NothingKnownError, UnknownColumnError
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, Dataset
from flyball.data.spill import Spill


def infer_contract(
    dataset: Dataset, parts: Mapping[str, Spill], *, history: timedelta | None, known_by: datetime | None = None
) -> Contract:
    """The contract that the rows known in the first `history` keep (None: all): by the column that says when, else by event time.

    A row that became known later has no say, however far back its event lies, and none that is known later than `known_by`. The
    columns are those of the first part; where another part lacks one, it is null there.

    Raises:
        NothingKnownError: no row is known by then.
        UnknownColumnError: a part lacks a column that the declaration has.
        EventTimeError: not one row has an event time.
    """
    columns = next((chunk.columns for spill in parts.values() for chunk in spill), [])
    found = [pl.concat(list(_selected(dataset, name, spill, columns=columns))) for name, spill in parts.items() if spill.rows]
    everything = _together(found if known_by is None else _known(dataset, found, known_by))
    times = times_in(everything, dataset.event_time)
    since = times.min()
    if not isinstance(since, datetime):
        examples = everything[dataset.event_time].drop_nulls().head(1).to_list()
        raise EventTimeError(dataset.name, dataset.event_time, example=str(examples[0]) if examples else "empty")
    if dataset.known_time is not None:
        known = times_in(everything, dataset.known_time)
        first = known.min()
        if isinstance(first, datetime):
            times, since = known, first
    until = _end(times) if history is None else since + history
    basis = everything.filter(times < until)
    facts = Basis(rows=basis.height, since=since, until=until)
    return infer(dataset, basis, everything={name: everything[name] for name in columns}, basis=facts)


def _selected(dataset: Dataset, name: str, spill: Spill, *, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    for chunk in spill:
        for column in declared_columns(dataset):
            if column not in chunk.columns or column not in columns:
                raise UnknownColumnError(column, chunk.columns, where=f"The file {name} of dataset {dataset.name!r}")
        missing = [column for column in columns if column not in chunk.columns]
        yield chunk.with_columns(pl.lit(None).alias(column) for column in missing).select(columns)


def _known(dataset: Dataset, parts: Sequence[pl.DataFrame], known_by: datetime) -> Sequence[pl.DataFrame]:
    """The rows of each part that are known by then; parts without one are left out, for their types are news as well."""
    known = [part.filter(_known_times(dataset, part) <= known_by) for part in parts]
    if not any(part.height for part in known):
        firsts = [_known_times(dataset, part).min() for part in parts]
        raise NothingKnownError(dataset.name, known_by, first=min((x for x in firsts if isinstance(x, datetime)), default=None))
    return [part for part in known if part.height]


def _end(times: pl.Series) -> datetime:
    last = times.max()
    assert isinstance(last, datetime)
    return last + MICROSECOND


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
