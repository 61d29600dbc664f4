"""Window aggregates at the boundaries that are asked for, each over the table as it was known at its boundary.

The value at a boundary b is over the entity's rows with event time in (b - over, b], after reducing the table to what it was as
of b. A row therefore contributes to exactly the boundaries with ``max(known, event) <= b < min(until, event + over)``: an
interval, whatever is late or corrected. `plan_windows` finds those intervals among the boundaries once; extremes and the last
row are then a fold over them (`intervals`), counts and sums a running sum of integers: an empty window is exactly zero.

Sums of floating-point numbers are those of the exact real sum, rounded once (`summation`): the same value whether one boundary
is asked for or a year of them, in whatever order the rows lie. That is what makes training and serving agree to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

import numpy as np

from flyball.kernels.arrays import Bools, Floats, Ints, Numbers, integers
from flyball.kernels.errors import ShapeError
from flyball.kernels.intervals import fold_intervals
from flyball.kernels.places import Places, distinct
from flyball.kernels.summation import sum_exactly

Operation: TypeAlias = Literal["count", "count_non_null", "sum", "mean", "min", "max", "last"]


def last_boundary(time: Numbers, every: int) -> Ints:
    """The last multiple of `every` since 1970 UTC that is not after `time`; for times before 1970 too.

    >>> last_boundary(np.array([7_200_000_000, 7_199_999_999, -1]), 3_600_000_000)
    array([ 7200000000,  3600000000, -3600000000])
    """
    (time,) = integers(time=time)
    return time - time % every


@dataclass(frozen=True)
class Boundaries:
    """The distinct (entity, time) pairs that are asked for, sorted by both. Shapes ``(m,)``, int64."""

    entity: Ints
    time: Ints


def boundaries(entity: Numbers, time: Numbers) -> tuple[Boundaries, Ints]:
    """The distinct pairs, and for each asked pair its index among them, or -1 where the entity is unknown (negative).

    >>> distinct, index = boundaries(np.array([1, 0, 1, -1]), np.array([10, 10, 10, 10]))
    >>> distinct.entity, distinct.time, index
    (array([0, 1]), array([10, 10]), array([ 1,  0,  1, -1]))
    """
    entity, time = integers(entity=entity, time=time)
    scale = Places.spanning(entity, time)
    places = scale.of(entity, time)
    keys = distinct(places[entity >= 0])
    return Boundaries(*scale.pairs(keys)), np.where(entity < 0, -1, np.searchsorted(keys, places))


@dataclass(frozen=True)
class Windows:
    """For each row the run of boundaries first <= i < stop to which it contributes; empty where there is none.

    Shapes ``(n,)``, int64; `size` is the number of boundaries.
    """

    first: Ints
    stop: Ints
    size: int


def plan_windows(asked: Boundaries, entity: Numbers, *, event: Numbers, known: Numbers, until: Numbers, over: int) -> Windows:
    """A row contributes to the boundaries b of its entity with max(known, event) <= b < min(until, event + over).

    Shapes: all ``(n,)`` integers; `until` from `known_until`, `over` in microseconds. Rows of unknown entities contribute nowhere.

    >>> asked, _ = boundaries(np.array([0, 0, 0]), np.array([10, 20, 30]))
    >>> plan_windows(asked, np.array([0]), event=np.array([5]), known=np.array([12]), until=np.array([99]), over=20)
    Windows(first=array([1]), stop=array([2]), size=3)
    """
    entity, event, known, until = integers(entity=entity, event=event, known=known, until=until)
    scale = Places.spanning(asked.entity, asked.time)
    points = scale.of(asked.entity, asked.time)
    begin, end = np.maximum(known, event), np.minimum(until, event + over)
    first, stop = (np.searchsorted(points, scale.of(entity, edge - 1), side="right") for edge in (begin, end))
    first[entity < 0] = len(points)
    return Windows(first, np.maximum(first, stop), len(points))


def window_count(windows: Windows, *, valid: Bools | None = None) -> Ints:
    """How many rows each boundary has; with `valid`, how many of those. Shape ``(size,)``, int64."""
    first, stop = (windows.first, windows.stop) if valid is None else (windows.first[valid], windows.stop[valid])
    held = first < stop
    delta = np.bincount(first[held], minlength=windows.size + 1) - np.bincount(stop[held], minlength=windows.size + 1)
    return np.cumsum(delta)[: windows.size].astype(np.int64)


def window_sum(windows: Windows, values: Numbers, *, valid: Bools | None = None) -> Floats | Ints:
    """The sum over each boundary's rows: int64 and exact for integers and booleans, float64 and rounded once for floats.

    NaN counts as null and is left out, like rows that are not `valid`; the sum of nothing is 0. Shape ``(size,)``.

    >>> everything = Windows(np.zeros(3, int), np.ones(3, int), 1)
    >>> window_sum(everything, np.array([1e16, 1.0, -1e16]))
    array([1.])

    Raises:
        IntegerRangeError: an integer sum does not fit in 64 bits.
        ShapeError: `values` are neither numbers nor booleans, or not one per row.
    """
    values, valid = _members(windows, values, valid=valid)
    return sum_exactly(windows.first[valid], windows.stop[valid], values=values[valid], points=windows.size)


def window_mean(windows: Windows, values: Numbers, *, valid: Bools | None = None) -> Floats:
    """The sum over the number of non-null rows; NaN where there is none. Shape ``(size,)``, float64."""
    values, valid = _members(windows, values, valid=valid)
    count = window_count(windows, valid=valid)
    total = window_sum(windows, values, valid=valid)
    mean: Floats = np.divide(total, count, out=np.full(windows.size, np.nan), where=count > 0)
    return mean


def window_pick(windows: Windows, rank: Numbers, *, valid: Bools | None = None) -> Ints:
    """The row with the greatest `rank` among each boundary's valid rows, or -1 where there is none; of equal ranks the later row.

    It serves min, max and last of any type, strings and times too: rank by the value, or by (event, known, arrival), and
    gather the rows. Shapes: rank ``(n,)`` of any sortable type without NaN; result ``(size,)`` int64 row indices.

    >>> window_pick(Windows(np.array([0, 0, 1]), np.array([2, 1, 2]), 3), np.array(["b", "c", "a"]))
    array([ 1,  0, -1])
    """
    if len(rank) != len(windows.first):
        raise ShapeError("rank", f"{len(windows.first)} values are needed, not {len(rank)}")
    order = np.argsort(rank, kind="stable")
    if valid is not None:
        order = order[valid[order]]
    place = np.arange(len(order))
    best = fold_intervals(windows.first[order], windows.stop[order], values=place, points=windows.size, fold=np.maximum, start=-1)
    return np.append(order, -1)[best].astype(np.int64)


def rank_rows(event: Numbers, known: Numbers, *, arrival: Numbers) -> Ints:
    """The place of each row in the order of (event, known, arrival), 0 for the least: the rank of `last`.

    >>> rank_rows(np.array([5, 4, 5]), np.array([9, 9, 8]), arrival=np.array([0, 1, 2]))
    array([2, 0, 1])
    """
    order = np.lexsort((arrival, known, event))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def window_aggregate(windows: Windows, op: Operation, *, values: Numbers, rank: Ints, valid: Bools | None = None) -> Numbers:
    """The aggregate `op` of each boundary's rows; counts and integer sums are int64, all else float64 with NaN where nothing is.

    `count` counts all rows, the others leave out NaN and rows that are not `valid`; `rank` (from `rank_rows`) says which row is
    the last. Integers beyond 2**53 keep their exact min, max and last through `window_pick`. Shape ``(size,)``.

    >>> both = Windows(np.array([0, 0]), np.array([1, 2]), 2)
    >>> [window_aggregate(both, op, values=np.array([2.0, 5.0]), rank=np.array([1, 0])).tolist() for op in ("mean", "last")]
    [[3.5, 5.0], [2.0, 5.0]]
    """
    match op:
        case "count":
            return window_count(windows)
        case "count_non_null":
            return window_count(windows, valid=_members(windows, values, valid=valid)[1])
        case "sum":
            return window_sum(windows, values, valid=valid)
        case "mean":
            return window_mean(windows, values, valid=valid)
        case "min":
            return _picked(windows, values, rank=_falling(values), valid=valid)
        case "max":
            return _picked(windows, values, rank=values, valid=valid)
        case "last":
            return _picked(windows, values, rank=rank, valid=valid)
    assert_never(op)


def _members(windows: Windows, values: Numbers, *, valid: Bools | None) -> tuple[Numbers, Bools]:
    """The values as bool, int64 or float64, and which of them are not null."""
    values = np.asarray(values)
    if values.shape != windows.first.shape:
        raise ShapeError("values", f"{len(windows.first)} values are needed, not {values.shape}")
    if values.dtype.kind not in "biuf" or values.dtype == np.uint64:
        raise ShapeError("values", f"numbers up to 64 bits or booleans are needed, not {values.dtype}")
    valid = np.ones(len(values), dtype=np.bool_) if valid is None else np.asarray(valid, dtype=np.bool_)
    if values.dtype.kind == "f":
        return values.astype(np.float64, copy=False), valid & ~np.isnan(values)
    return values.astype(np.int64, copy=False), valid


def _picked(windows: Windows, values: Numbers, *, rank: Numbers, valid: Bools | None) -> Floats:
    values, valid = _members(windows, values, valid=valid)
    row = window_pick(windows, rank, valid=valid)
    return np.append(values.astype(np.float64), np.nan)[row]


def _falling(values: Numbers) -> Numbers:
    values = np.asarray(values)
    return -values if values.dtype.kind == "f" else ~values.astype(np.int64)  # the complement falls too, and never overflows
