"""Drift thresholds with a stated false-alarm rate, from the spread between reference *windows*.

How far one week lies from another is a matter of weekdays, holidays and weather, not of sampling noise: a threshold from resampled
rows knows only the noise, and alarms every week. Here each reference window is held against the others (leave-one-out), and a
new window alarms when it is further out than a window of the same kind would be with the stated probability.

Distances are positive and skewed, so all is done on their logarithms. Per series the bound is Student's prediction bound for
one further observation: ``mean + t(n-1) * spread * sqrt(1 + 1/n)`` (Hahn & Meeker 1991, *Statistical Intervals*, §4.8), with Šidák's share
of the probability for each of the series. Series move together, and their logarithms have heavier or lighter tails than the normal law;
therefore the *alarm* is one for the window: the largest standardised log distance (each against the law of the other windows) is
held against its own spread over the reference windows. With enough windows the bound is their order statistic, which has the stated
rate whatever the law (Vovk et al. 2005, *Algorithmic Learning in a Random World*, §2.2); before that it is Student's bound of the
maxima, and the thresholds say that they are provisional.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist

import numpy as np

from flyball.kernels.arrays import Floats, Numbers
from flyball.kernels.errors import NotFiniteError, RangeError, ShapeError, TooFewWindowsError

FEWEST_WINDOWS = 3
"""Held against the others, a window needs two others that show a spread."""

LEAST_SPREAD = 0.05
"""A log distance is never believed to vary by less than five per cent."""

UNMOVED = 0.01
"""The distance that a series alarms at which never moved in the reference: about 2 % of the rows in a bin that was empty."""


def alarm_probability(alarms: float, *, per: timedelta, window: timedelta) -> float:
    """The chance of a false alarm in one window, so that `alarms` are expected `per` period.

    >>> round(alarm_probability(1, per=timedelta(days=90), window=timedelta(days=7)), 4)
    0.0778

    Raises:
        RangeError: that is not a probability between 0 and 1.
    """
    probability = alarms * (window / per)
    if not 0 < probability < 1:
        raise RangeError("the expected number of false alarms in one window", probability, need="between 0 and 1")
    return probability


@dataclass(frozen=True, slots=True)
class DriftThresholds:
    """What a window may differ from the reference before it alarms; plain numbers, so that they can be stored and compared.

    `windows` reference windows, `probability` of a false alarm in one window; per series the location and spread of the log
    distance, the least distance that is told apart from zero, and the `threshold` that names a series as drifted;
    `limit` for the window's `statistic`, which alone decides on an alarm; `provisional` with its `reason`.
    """

    windows: int
    probability: float
    location: tuple[float, ...]
    spread: tuple[float, ...]
    least: tuple[float, ...]
    threshold: tuple[float, ...]
    limit: float
    provisional: bool
    reason: str | None

    def standardise(self, distances: Numbers) -> Floats:
        """The log distances as standard normal scores under the reference; NaN (no distance in this window) stays NaN.

        Shapes: ``(n_series,)`` or ``(n_windows, n_series)`` in and out.
        """
        distances = _distances(distances, series=len(self.location))
        logs = np.log(np.maximum(distances, self.least))
        return _scores(logs, np.array(self.location), spread=np.array(self.spread), windows=self.windows)

    def statistic(self, distances: Numbers) -> float | None:
        """How far out the window is: the largest standardised log distance; None where no series has a distance."""
        scores = self.standardise(distances)
        return None if np.isnan(scores).all() else float(np.nanmax(scores))

    def is_alarm(self, distances: Numbers) -> bool:
        """Whether the window's statistic exceeds the limit: true for `probability` of the windows where nothing has changed."""
        found = self.statistic(distances)
        return found is not None and found > self.limit


def drift_thresholds(distances: Numbers, *, probability: float) -> DriftThresholds:
    """A window like the reference windows alarms with `probability`, over all series together.

    `distances` ``(n_windows, n_series)``: that of window w from the reference without w, not negative. Zeros count as half the
    series' least positive distance; a series that never moved alarms at `UNMOVED`.

    >>> rng = np.random.default_rng(0)
    >>> found = drift_thresholds(rng.lognormal(-4, 0.5, size=(8, 3)), probability=7 / 90)
    >>> found.reason
    '8 reference windows cannot confirm one false alarm in 12.9 windows; that takes 12'
    >>> found.is_alarm(np.array([0.02, 0.02, 0.02])), found.is_alarm(np.array([0.02, 0.02, 0.2]))
    (False, True)

    Raises:
        TooFewWindowsError: fewer than three windows.
        RangeError: `probability` is not between 0 and 1, or a distance is negative.
        NotFiniteError: a distance is NaN or infinite.
    """
    distances = _reference(distances, probability)
    n, series = distances.shape
    least = _least(distances)
    logs = np.log(np.maximum(distances, least))
    share = 1 - (1 - probability) ** (1 / series)
    reach = _reach(n, share)
    moved = (distances > 0).any(axis=0)
    spread = np.maximum(logs.std(axis=0, ddof=1), LEAST_SPREAD)
    location = np.where(moved, logs.mean(axis=0), math.log(UNMOVED) - reach * LEAST_SPREAD)
    needed = math.ceil(1 / probability - 1 - 1e-9)
    reason = f"{n} reference windows cannot confirm one false alarm in {1 / probability:.1f} windows; that takes {needed}"
    return DriftThresholds(
        windows=n, probability=probability, location=_floats(location), spread=_floats(spread), least=_floats(least),
        threshold=_floats(np.exp(location + reach * spread)), limit=_limit(logs[:, moved], probability, share=share),
        provisional=n < needed, reason=reason if n < needed else None,
    )  # fmt: skip


def _reach(windows: int, probability: float) -> float:
    """How many spreads above the mean one further observation stays with 1 - probability (Hahn & Meeker 1991, §4.8)."""
    from flyball.kernels.student import t_quantile  # scipy is loaded only where a threshold is computed

    return t_quantile(1 - probability, windows - 1) * math.sqrt(1 + 1 / windows)


def _scores(logs: Floats, location: Floats, *, spread: Floats, windows: int) -> Floats:
    from flyball.kernels.student import t_to_normal  # scipy is loaded only where a threshold is computed

    return t_to_normal((logs - location) / (spread * math.sqrt(1 + 1 / windows)), windows - 1)


def _limit(logs: Floats, probability: float, *, share: float) -> float:
    """The bound of the largest score: an order statistic of the reference windows' own, or Student's bound where they are few."""
    n = len(logs)
    if not logs.shape[1]:
        return NormalDist().inv_cdf(1 - share)
    deviations = logs - logs.mean(axis=0)
    squares = (deviations**2).sum(axis=0) - deviations**2 * n / (n - 1)  # of the other windows around their own mean
    spread = np.maximum(np.sqrt(np.maximum(squares, 0) / (n - 2)), LEAST_SPREAD)
    largest = np.sort(_scores(logs, (logs.sum(axis=0) - logs) / (n - 1), spread=spread, windows=n - 1).max(axis=1))
    place = math.ceil((n + 1) * (1 - probability) - 1e-9)
    if place <= n:
        return float(largest[place - 1])
    return float(largest.mean() + _reach(n, probability) * largest.std(ddof=1))


def _least(distances: Floats) -> Floats:
    positive = np.where(distances > 0, distances, np.inf).min(axis=0)
    return np.where(np.isfinite(positive), positive / 2, np.finfo(np.float64).tiny)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _reference(distances: Numbers, probability: float) -> Floats:
    if not 0 < probability < 1:
        raise RangeError("probability", probability, need="between 0 and 1")
    distances = np.asarray(distances, dtype=np.float64)
    if distances.ndim != 2 or not distances.shape[1]:
        raise ShapeError("distances", f"windows by series are needed, not the shape {distances.shape}")
    if len(distances) < FEWEST_WINDOWS:
        raise TooFewWindowsError(len(distances), FEWEST_WINDOWS)
    wrong = np.flatnonzero(~np.isfinite(distances).all(axis=1))
    if len(wrong):
        raise NotFiniteError("distances", int((~np.isfinite(distances)).sum()), first=int(wrong[0]))
    return _distances(distances, series=distances.shape[1])


def _distances(distances: Numbers, *, series: int) -> Floats:
    distances = np.asarray(distances, dtype=np.float64)
    if distances.shape[-1:] != (series,):
        raise ShapeError("distances", f"{series} series are needed, not the shape {distances.shape}")
    if (distances < 0).any():
        raise RangeError("a distance", float(np.nanmin(distances)), need="zero or more")
    return distances
