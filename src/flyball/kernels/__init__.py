"""Pure numerics: arrays in, arrays and frozen values out; no I/O, no frames, no framework.

Times are int64 microseconds since 1970 UTC; codes are dense integers from 0 on and negative where unknown; row indices are
int64 and -1 where there is no row; `MAX` is the time that never comes.

The join law (``join_law``)::

    known_until(key, known, *, arrival) -> Ints
    winner_timeline(entity, event, *, known, until, arrival) -> Timeline(entity, since, row)
    look_up(timeline, event, *, entity, time, ttl=None) -> Ints                    # row indices

Windows (``windows``)::

    last_boundary(time, every) -> Ints
    boundaries(entity, time) -> (Boundaries(entity, time), index)                  # distinct pairs; index per asked pair, or -1
    plan_windows(asked, entity, event, *, known, until, over) -> Windows           # once per view
    window_aggregate(windows, op, *, values, rank, valid=None) -> Numbers          # one value per boundary of `asked`
    window_count / window_sum / window_mean (windows, ...), window_pick(windows, rank, *, valid=None) -> row indices
    rank_rows(event, known, *, arrival) -> Ints                                    # the rank of op "last"
"""

from flyball.kernels.arrays import MAX
from flyball.kernels.errors import IntegerRangeError, NotFiniteError, ShapeError
from flyball.kernels.intervals import fold_intervals
from flyball.kernels.join_law import Timeline, known_until, look_up, winner_timeline
from flyball.kernels.summation import sum_exactly
from flyball.kernels.windows import (
    Boundaries,
    Operation,
    Windows,
    boundaries,
    last_boundary,
    plan_windows,
    rank_rows,
    window_aggregate,
    window_count,
    window_mean,
    window_pick,
    window_sum,
)

__all__ = [
    "MAX",
    "Boundaries",
    "IntegerRangeError",
    "NotFiniteError",
    "Operation",
    "ShapeError",
    "Timeline",
    "Windows",
    "boundaries",
    "fold_intervals",
    "known_until",
    "last_boundary",
    "look_up",
    "plan_windows",
    "rank_rows",
    "sum_exactly",
    "window_aggregate",
    "window_count",
    "window_mean",
    "window_pick",
    "window_sum",
    "winner_timeline",
]
