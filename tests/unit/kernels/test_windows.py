"""Window aggregates at their corners: closed ends, emptiness, exactness, nulls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flyball.core.duration import floor_time, microseconds
from flyball.kernels import (
    MAX,
    IntegerRangeError,
    ShapeError,
    Windows,
    boundaries,
    last_boundary,
    plan_windows,
    sum_exactly,
    window_aggregate,
    window_count,
    window_mean,
    window_pick,
    window_sum,
)

ONE = np.array([0, 0, 0])


def test_the_window_is_open_at_its_start_and_closed_at_its_boundary() -> None:
    asked, _ = boundaries(np.zeros(4, np.int64), np.array([9, 10, 29, 30]))
    windows = plan_windows(asked, np.array([0]), event=np.array([10]), known=np.array([10]), until=np.array([MAX]), over=20)
    assert window_count(windows).tolist() == [0, 1, 1, 0]


def test_a_late_row_changes_later_boundaries_only() -> None:
    asked, _ = boundaries(np.zeros(3, np.int64), np.array([10, 20, 30]))
    windows = plan_windows(asked, np.array([0]), event=np.array([5]), known=np.array([15]), until=np.array([25]), over=100)
    assert window_count(windows).tolist() == [0, 1, 0]


def test_an_empty_window_sums_to_zero_and_has_no_mean() -> None:
    windows = Windows(np.array([0, 0]), np.array([1, 0]), 2)
    assert window_sum(windows, np.array([0.1, 0.2])).tolist() == [0.1, 0.0]
    assert window_sum(windows, np.array([True, True])).tolist() == [1, 0]
    assert window_mean(windows, np.array([0.1, 0.2])).tolist()[0] == 0.1
    assert np.isnan(window_mean(windows, np.array([0.1, 0.2]))[1])
    assert window_pick(windows, np.array([3, 4])).tolist() == [0, -1]


def test_a_row_that_leaves_leaves_no_trace_behind() -> None:
    windows = Windows(np.array([0, 0]), np.array([1, 2]), 2)
    assert window_sum(windows, np.array([1e300, 0.1])).tolist() == [1e300, 0.1]


def test_nulls_are_left_out_of_all_but_the_count_of_rows() -> None:
    windows, rank = Windows(np.zeros(3, np.int64), np.ones(3, np.int64), 1), np.array([0, 1, 2])
    values = np.array([4.0, 2.0, np.nan])
    found = {op: window_aggregate(windows, op, values=values, rank=rank).tolist() for op in ("count", "count_non_null", "mean", "last")}
    assert found == {"count": [3], "count_non_null": [2], "mean": [3.0], "last": [2.0]}
    masked = window_aggregate(windows, "min", values=np.array([4, 2, 1]), rank=rank, valid=np.array([True, True, False]))
    assert masked.tolist() == [2.0]


def test_infinities_win_and_opposite_ones_are_not_a_number() -> None:
    first, stop = np.array([0, 0, 1, 0]), np.array([2, 3, 3, 1])
    found = sum_exactly(first, stop, values=np.array([np.inf, 1.0, -np.inf, 5.0]), points=4)
    assert found[0] == np.inf
    assert np.isnan(found[1])
    assert found[2:].tolist() == [-np.inf, 0.0]


def test_integer_sums_are_exact_beyond_the_precision_of_doubles() -> None:
    windows = Windows(ONE, ONE + 1, 1)
    assert window_sum(windows, np.array([2**62, -(2**62), 1])).tolist() == [1]
    assert window_sum(windows, np.array([2**62, 2**62 - 1, -5])).tolist() == [2**63 - 6]
    with pytest.raises(IntegerRangeError, match="sum of a window"):
        window_sum(windows, np.array([2**62, 2**62, 0]))


def test_extremes_of_the_smallest_and_greatest_integer() -> None:
    windows = Windows(ONE, ONE + 1, 1)
    values = np.array([-(2**63), 2**63 - 1, 0])
    assert window_aggregate(windows, "min", values=values, rank=ONE).tolist() == [float(-(2**63))]
    assert window_aggregate(windows, "max", values=values, rank=ONE).tolist() == [float(2**63 - 1)]


def test_any_sortable_type_has_a_greatest() -> None:
    windows = Windows(ONE, ONE + 1, 1)
    assert window_pick(windows, np.array(["JFK", "LGA", "EWR"])).tolist() == [1]
    assert window_pick(windows, np.array([3, 1, 2]), valid=np.array([False, True, True])).tolist() == [2]


def test_columns_that_cannot_be_summed_are_refused() -> None:
    windows = Windows(ONE, ONE + 1, 1)
    with pytest.raises(ShapeError, match="3 values are needed"):
        window_sum(windows, np.array([1.0]))
    with pytest.raises(ShapeError, match="numbers up to 64 bits"):
        window_sum(windows, np.array(["a", "b", "c"]))
    with pytest.raises(ShapeError, match="3 values are needed, not 2"):
        window_pick(windows, np.array([1, 2]))


def test_boundaries_are_those_of_core() -> None:
    moment = datetime(2013, 3, 10, 7, 59, 59, 999_999, tzinfo=UTC)
    every = timedelta(hours=8)
    found = last_boundary(np.array([microseconds(moment)]), every // timedelta(microseconds=1))
    assert found.tolist() == [microseconds(floor_time(moment, every))]


def test_times_too_far_apart_for_one_integer_are_ranked_instead() -> None:
    rng = np.random.default_rng(6)
    entity, event, asked, time = rng.integers(0, 40, (4, 300))
    counts = []
    for stretch in (1, 10**16):
        distinct, index = boundaries(asked, time * stretch)
        until = np.full(300, MAX)
        windows = plan_windows(distinct, entity, event=event * stretch, known=event * stretch, until=until, over=9 * stretch)
        counts.append(window_count(windows)[index].tolist())
    assert counts[0] == counts[1]
    assert sum(counts[0]) > 100


def test_no_rows_and_no_boundaries_are_nothing_and_no_error() -> None:
    none = np.zeros(0, np.int64)
    asked, index = boundaries(none, none)
    windows = plan_windows(asked, none, event=none, known=none, until=none, over=5)
    assert (len(index), len(window_count(windows)), len(window_sum(windows, none))) == (0, 0, 0)
    asked, index = boundaries(np.array([-1]), np.array([5]))
    windows = plan_windows(asked, np.array([0]), event=np.array([1]), known=np.array([1]), until=np.array([MAX]), over=5)
    assert (index.tolist(), window_mean(windows, np.array([1.0])).tolist()) == ([-1], [])
