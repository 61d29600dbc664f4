"""Sums over intervals against exact rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyball.kernels import fold_intervals, sum_exactly

doubles = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=12)


def nearest(values: list[float]) -> float:
    exact = sum((Fraction(value) for value in values), Fraction())
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@settings(max_examples=200, deadline=None)
@given(doubles)
@example([1e308, 1e308, -1e308])
@example([1e308] * 3)
@example([5e-324, -1e-323, 2.2250738585072014e-308])
@example([1.0, 2**-53, 2**-106])
@example([1.0, 2**-53, -(2**-106)])
@example([2.0**53, 1.0, 2.0**-1000])
def test_float_sums_are_the_exact_sum_rounded_once(values: list[float]) -> None:
    n = len(values)
    found = sum_exactly(np.zeros(n, np.int64), np.ones(n, np.int64), values=np.array(values, np.float64), points=1)
    assert found.tolist() == [nearest(values)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(-1e6, 1e6)), max_size=20))
def test_each_point_sums_its_own_members(rows: list[tuple[int, int, float]]) -> None:
    first, stop = (np.array([row[side] for row in rows], np.int64) for side in (0, 1))
    values = np.array([row[2] for row in rows], np.float64)
    found = sum_exactly(first, np.maximum(first, stop), values=values, points=9)
    assert found.tolist() == [nearest([value for low, high, value in rows if low <= point < high]) for point in range(9)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-50, 50)), max_size=20), st.integers(0, 9))
def test_a_fold_is_that_of_each_points_members(rows: list[tuple[int, int, int]], points: int) -> None:
    first, stop, values = np.minimum(np.array(rows, np.int64).reshape(-1, 3).T, [[points], [points], [50]])
    found = fold_intervals(first, stop, values=values, points=points, fold=np.maximum, start=-99)
    held = zip(first.tolist(), stop.tolist(), values.tolist(), strict=True)
    members = list(held)
    assert found.tolist() == [max((value for low, high, value in members if low <= point < high), default=-99) for point in range(points)]
