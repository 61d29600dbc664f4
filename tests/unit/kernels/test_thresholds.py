"""Drift thresholds: the false-alarm rate over windows where nothing changes, and the corners of little data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from flyball.core.canonical import canonical
from flyball.kernels import (
    DriftThresholds,
    NotFiniteError,
    RangeError,
    ShapeError,
    TooFewWindowsError,
    alarm_probability,
    drift_thresholds,
    jensen_shannon,
    leave_one_out,
    psi,
)
from flyball.kernels.arrays import Floats, Ints, Numbers
from flyball.kernels.thresholds import UNMOVED

WEEKLY = 7 / 90
Distance = Callable[[Numbers, Numbers], Floats]


def drawn(rng: np.random.Generator, windows: int, *, series: int, together: float) -> Floats:
    """Log-normal distances of windows that share `together` of their variance between series."""
    own, shared = rng.normal(size=(windows, series)), rng.normal(size=(windows, 1))
    return np.asarray(np.exp(-4 + 0.6 * ((1 - together) ** 0.5 * own + together**0.5 * shared)))


@pytest.mark.parametrize("together", [0.0, 0.6])
@pytest.mark.parametrize(("windows", "provisional"), [(8, True), (26, False)])
def test_windows_in_which_nothing_changes_alarm_at_the_stated_rate(windows: int, together: float, *, provisional: bool) -> None:
    """300 references, 20 new windows each, six series; the rate is stated for all series together."""
    rng, alarms = np.random.default_rng(7), 0
    for _ in range(300):
        found = drift_thresholds(drawn(rng, windows, series=6, together=together), probability=WEEKLY)
        assert found.provisional is provisional
        alarms += sum(found.is_alarm(row) for row in drawn(rng, 20, series=6, together=together))
    assert 0.5 * WEEKLY < alarms / 6_000 < 1.25 * WEEKLY


def histograms(rng: np.random.Generator, windows: int, *, tilt: float) -> Ints:
    """Weekly counts over eight bins of three series; each week has its own shares, as real weeks do."""
    shares = rng.dirichlet(np.full(8, 40.0) * (1 + tilt * np.arange(8)), size=(windows, 3))
    return rng.multinomial(2_000, shares).astype(np.int64)


@pytest.mark.parametrize("distance", [psi, jensen_shannon])
def test_histograms_of_weeks_alarm_at_the_stated_rate_and_a_shift_is_seen(distance: Distance) -> None:
    rng, alarms, caught = np.random.default_rng(8), 0, 0
    for _ in range(150):
        reference = histograms(rng, 13, tilt=0.0)
        leave = np.stack([leave_one_out(reference[:, series], distance) for series in range(3)], axis=1)
        found = drift_thresholds(leave, probability=WEEKLY)
        alarms += sum(found.is_alarm(distance(reference.sum(axis=0), week)) for week in histograms(rng, 10, tilt=0.0))
        caught += found.is_alarm(distance(reference.sum(axis=0), histograms(rng, 1, tilt=0.3)[0]))
    assert 0.5 * WEEKLY < alarms / 1_500 < 1.4 * WEEKLY
    assert caught > 140


def test_resampled_rows_know_the_noise_only_and_alarm_every_week() -> None:
    """Why the reference is cut into windows: the figure in docs/discussions/drift-thresholds.md."""
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(20):
        pooled = histograms(rng, 13, tilt=0.0).sum(axis=0)
        resampled = rng.multinomial(2_000, pooled / pooled.sum(axis=1, keepdims=True), size=(400, 3))
        limits = np.quantile(jensen_shannon(pooled, resampled), (1 - WEEKLY) ** (1 / 3), axis=0)
        alarms += int((jensen_shannon(pooled, histograms(rng, 10, tilt=0.0)) > limits).any(axis=1).sum())
    assert alarms == 200


def test_a_threshold_names_the_series_that_moved() -> None:
    rng = np.random.default_rng(9)
    found = drift_thresholds(drawn(rng, 12, series=4, together=0.0), probability=WEEKLY)
    quiet = np.exp(np.array(found.location))
    assert not found.is_alarm(quiet)
    moved = quiet * [1, 1, 50, 1]
    assert found.is_alarm(moved)
    assert (moved > found.threshold).tolist() == [False, False, True, False]


def test_a_threshold_is_students_bound_with_sidaks_share_by_hand() -> None:
    """Two series at 0.19 together are 0.1 each; t with 3 degrees of freedom stays below 1.6377 with 0.9."""
    logs = np.array([[-5.0, -1.0], [-4.0, -2.0], [-3.0, -2.0], [-4.0, -1.0]])
    found = drift_thresholds(np.exp(logs), probability=0.19)
    reach = 1.6377444 * (1 + 1 / 4) ** 0.5
    expected = [-4 + reach * (2 / 3) ** 0.5, -1.5 + reach * (1 / 3) ** 0.5]
    assert np.log(found.threshold) == pytest.approx(expected, abs=1e-6)


def test_too_few_windows_to_confirm_the_rate_say_so() -> None:
    rng = np.random.default_rng(10)
    few, enough = (drift_thresholds(drawn(rng, windows, series=2, together=0.0), probability=WEEKLY) for windows in (11, 12))
    assert few.provisional
    assert few.reason == "11 reference windows cannot confirm one false alarm in 12.9 windows; that takes 12"
    assert (enough.provisional, enough.reason) == (False, None)


def test_a_series_that_never_moved_alarms_at_a_stated_distance() -> None:
    for columns in (1, 3):
        distances = np.zeros((8, columns))
        distances[:, 1:] = drawn(np.random.default_rng(11), 8, series=columns - 1, together=0.0)
        found = drift_thresholds(distances, probability=WEEKLY)
        assert found.threshold[0] == pytest.approx(UNMOVED)
        quiet = np.exp(np.array(found.location))
        quiet[0] = 0.0
        assert not found.is_alarm(quiet)
        quiet[0] = 2 * UNMOVED
        assert found.is_alarm(quiet)


def test_some_zeros_count_as_half_the_least_distance() -> None:
    found = drift_thresholds(np.array([[0.0], [0.02], [0.04], [0.03]]), probability=WEEKLY)
    assert found.least == (0.01,)
    assert found.standardise(np.array([0.0])) == found.standardise(np.array([0.01]))
    assert not found.is_alarm(np.array([0.0]))


def test_distances_that_do_not_vary_are_not_believed_to_be_constant() -> None:
    found = drift_thresholds(np.full((8, 1), 0.1), probability=WEEKLY)
    assert 0.1 < found.threshold[0] < 0.12
    assert not found.is_alarm(np.array([0.1]))
    assert found.is_alarm(np.array([0.2]))


def test_a_series_without_a_distance_in_a_window_is_left_out_of_it() -> None:
    found = drift_thresholds(drawn(np.random.default_rng(12), 8, series=2, together=0.0), probability=WEEKLY)
    assert found.statistic(np.array([np.nan, np.nan])) is None
    assert not found.is_alarm(np.array([np.nan, np.nan]))
    assert found.is_alarm(np.array([np.nan, 5.0]))


def test_thresholds_are_plain_values_that_compare_and_can_be_stored() -> None:
    distances = drawn(np.random.default_rng(13), 8, series=2, together=0.0)
    first, again = (drift_thresholds(distances, probability=WEEKLY) for _ in range(2))
    assert first == again
    assert canonical(first) == canonical(again)
    assert isinstance(first, DriftThresholds)


def test_a_lower_rate_has_higher_thresholds() -> None:
    distances = drawn(np.random.default_rng(14), 8, series=2, together=0.0)
    often, seldom = (drift_thresholds(distances, probability=probability) for probability in (0.2, 0.02))
    assert seldom.limit > often.limit
    assert all(high > low for high, low in zip(seldom.threshold, often.threshold, strict=True))


def test_rates_and_distances_that_cannot_be_are_refused() -> None:
    with pytest.raises(RangeError, match="expected number of false alarms in one window must be between 0 and 1, not 2"):
        alarm_probability(2, per=timedelta(days=7), window=timedelta(days=7))
    fine = np.full((8, 2), 0.1)
    with pytest.raises(RangeError, match="probability must be between 0 and 1, not 1"):
        drift_thresholds(fine, probability=1.0)
    with pytest.raises(TooFewWindowsError, match="has 2 windows, and the spread between windows needs at least 3"):
        drift_thresholds(fine[:2], probability=WEEKLY)
    with pytest.raises(NotFiniteError, match="the first at row 3"):
        drift_thresholds(np.where(np.arange(8)[:, None] == 3, np.nan, fine), probability=WEEKLY)
    with pytest.raises(RangeError, match=r"a distance must be zero or more, not -0\.1"):
        drift_thresholds(-fine, probability=WEEKLY)
    with pytest.raises(ShapeError, match="windows by series"):
        drift_thresholds(fine[0], probability=WEEKLY)
    with pytest.raises(ShapeError, match="2 series are needed"):
        drift_thresholds(fine, probability=WEEKLY).statistic(np.array([0.1]))
