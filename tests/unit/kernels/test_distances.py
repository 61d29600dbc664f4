"""Histograms and their distances at the corners: ties, constants, what is not a number, empty bins, no rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon  # type: ignore[import-untyped]  # scipy ships no types

from flyball.kernels import (
    RangeError,
    ShapeError,
    bin_numeric,
    categorical_counts,
    category_levels,
    jensen_shannon,
    leave_one_out,
    numeric_edges,
    psi,
)


def test_bins_of_distinct_values_hold_about_equally_many() -> None:
    values = np.random.default_rng(0).normal(size=10_007)
    counts = bin_numeric(values, numeric_edges(values))
    assert counts[:10].min() >= 1_000
    assert counts[:10].max() <= 1_001
    assert counts[10:].tolist() == [0, 0, 0]


def test_a_value_that_fills_bins_has_one_of_its_own() -> None:
    values = np.concatenate([np.zeros(700), np.arange(1.0, 301.0)])
    edges = numeric_edges(values)
    assert bin_numeric(np.zeros(700), edges).max() == 700
    assert bin_numeric(values, edges)[1] == 700
    assert (np.diff(edges) > 0).all()


def test_few_distinct_values_have_a_bin_each() -> None:
    values = np.array([3.0, 1.0, 2.0, 1.0])
    assert bin_numeric(np.array([0.0, 1, 1, 2, 3, 4]), numeric_edges(values)).tolist() == [1, 2, 1, 1, 1, 0, 0, 0]


def test_a_constant_column_has_room_below_and_above() -> None:
    edges = numeric_edges(np.full(9, -2.5))
    assert bin_numeric(np.array([-3.0, -2.5, -2.5, -2.4]), edges).tolist() == [1, 2, 1, 0, 0, 0]


def test_a_column_without_numbers_still_counts() -> None:
    edges = numeric_edges(np.array([np.nan, np.inf, -np.inf]))
    assert bin_numeric(np.array([np.nan, np.nan, np.inf, -np.inf, 4.0]), edges).tolist() == [1, 1, 1, 2]


def test_the_greatest_double_has_its_bin() -> None:
    top = np.finfo(np.float64).max
    assert bin_numeric(np.array([top, np.inf]), numeric_edges(np.array([top]))).sum() == 2


def test_levels_are_the_most_frequent_and_ties_go_to_the_smaller_code() -> None:
    codes = np.array([5, 5, 2, 2, 9, 1, -1, -1, -1])
    levels = category_levels(codes, 3)
    assert levels.tolist() == [2, 5, 1]
    assert categorical_counts(codes, levels).tolist() == [2, 2, 1, 1, 3]
    assert categorical_counts(np.array([7, -4]), category_levels(np.array([-1, -1]))).tolist() == [1, 1]


def test_psi_by_hand() -> None:
    """Half a row per bin on 100 rows: weight 1/101 on the even share 1/2."""
    p, q = 0.5, 0.9 * 100 / 101 + 0.5 / 101
    expected = (q - p) * np.log(q / p) + (p - q) * np.log((1 - q) / (1 - p))
    assert psi(np.array([50, 50]), np.array([90, 10])) == pytest.approx(expected)


def test_psi_tends_to_its_plain_form_with_many_rows() -> None:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    assert psi(p * 1e9, q * 1e9) == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-6)


def test_a_bin_that_nobody_uses_has_no_say() -> None:
    a, b = np.array([10, 20, 0]), np.array([30, 20, 0])
    for distance in (psi, jensen_shannon):
        assert distance(a, b) == distance(a[:2], b[:2])


def test_jensen_shannon_is_the_square_of_scipys_distance() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = rng.integers(0, 9, (2, 6)) + np.eye(6, dtype=np.int64)[0]
        assert jensen_shannon(a, b) == pytest.approx(jensenshannon(a, b, base=2) ** 2, abs=1e-12)


def test_a_side_without_rows_has_no_distance() -> None:
    counts, none = np.array([3, 4]), np.array([0, 0])
    for distance in (psi, jensen_shannon):
        found = [float(distance(a, b)) for a, b in ((counts, none), (none, counts), (none, none))]
        assert np.isnan(found).all()


def test_a_window_is_held_against_the_others_only() -> None:
    windows = np.array([[9, 1], [9, 1], [1, 9]])
    found = leave_one_out(windows, psi)
    assert found.tolist() == [float(psi(windows[[1, 2]].sum(axis=0), windows[0]))] * 2 + [float(psi(windows[:2].sum(axis=0), windows[2]))]


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ShapeError, match="as many bins as in the reference"):
        psi(np.array([1, 2]), np.array([1, 2, 3]))
    with pytest.raises(RangeError, match="a count must be zero or more, not -1"):
        jensen_shannon(np.array([1, 2]), np.array([-1, 2]))
