"""How good predicted probabilities of a binary label are: log loss, Brier score, accuracy, calibration error.

Probabilities lie in [0, 1]; labels are 0 and 1. Log loss and the Brier score are means over rows and proper; accuracy cuts at one
half; calibration error asks only whether a stated probability comes true as often as it says.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flyball.kernels.arrays import Floats, Ints, Numbers
from flyball.kernels.errors import RangeError
from flyball.kernels.estimate import Estimate, Influence, Undefined, normal_quantile, paired, wald, zeros_and_ones

BINS = 10
"""Calibration is judged in so many bins of equally many rows."""

_LEAST = 1e-15  # a probability of exactly 0 or 1 costs 34.5 nats when wrong, not infinity


def _probabilities(labels: Numbers, **predictions: Numbers) -> tuple[Floats, ...]:
    arrays = zeros_and_ones(labels, **predictions)
    for name, array in zip(predictions, arrays[1:], strict=True):
        wrong = np.flatnonzero((array < 0) | (array > 1))
        if len(wrong):
            raise RangeError(name, float(array[wrong[0]]), need="a probability between 0 and 1")
    return arrays


def _log_losses(labels: Floats, predictions: Floats) -> Floats:
    likely = np.where(labels == 1, predictions, 1 - predictions)
    return np.asarray(-np.log(np.maximum(likely, _LEAST)))


def _squares(labels: Floats, predictions: Floats) -> Floats:
    return np.asarray((labels - predictions) ** 2)


def _mean(rows: Floats) -> Influence:
    value = float(rows.mean())
    return Influence(value, rows - value)


def _estimate(labels: Floats, rows: Floats, *, confidence: float, bounds: tuple[float, float]) -> Estimate:
    return wald(_mean(rows), confidence=confidence, bounds=bounds) if len(labels) else Estimate.missing(Undefined.EMPTY)


def log_loss(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The mean of -log of the probability that was given to what came true, in nats; probabilities below 1e-15 count as that.

    Shapes ``(n,)``. Normal interval of a mean, cut at 0. Undefined for no rows.

    >>> round(log_loss(np.array([1, 0]), np.array([0.8, 0.4])).value, 6)
    0.366985

    Raises:
        RangeError: a prediction is not a probability, or a label neither 0 nor 1.
        NotFiniteError: a prediction is NaN.
    """
    labels, predictions = _probabilities(labels, predictions=predictions)
    return _estimate(labels, _log_losses(labels, predictions), confidence=confidence, bounds=(0.0, float("inf")))


def brier(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The mean squared distance between probability and outcome (Brier 1950), in [0, 1].

    Shapes ``(n,)``. Normal interval of a mean, cut at the bounds. Undefined for no rows.

    >>> round(brier(np.array([1, 0]), np.array([0.8, 0.4])).value, 6)
    0.1

    Raises:
        RangeError: a prediction is not a probability, or a label neither 0 nor 1.
        NotFiniteError: a prediction is NaN.
    """
    labels, predictions = _probabilities(labels, predictions=predictions)
    return _estimate(labels, _squares(labels, predictions), confidence=confidence, bounds=(0.0, 1.0))


def _difference(rows: Callable[[Floats, Floats], Floats], labels: Numbers, *, a: Numbers, than: Numbers, confidence: float) -> Estimate:
    labels, a, than = _probabilities(labels, a=a, than=than)
    if not len(labels):
        return Estimate.missing(Undefined.EMPTY)
    return paired(_mean(rows(labels, a)), _mean(rows(labels, than)), confidence=confidence)


def log_loss_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Log loss of a minus that of `than` on the same rows: the mean of the rows' differences and its error."""
    return _difference(_log_losses, labels, a=a, than=than, confidence=confidence)


def brier_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Brier score of a minus that of `than` on the same rows: the mean of the rows' differences and its error."""
    return _difference(_squares, labels, a=a, than=than, confidence=confidence)


def accuracy(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The share of rows on whose right side of one half the probability lies (one half itself says 1), with Wilson's interval.

    Wilson's interval (1927, *JASA* 22, 209) keeps its coverage near 0 and 1 and for few rows, where the normal one collapses.
    Shapes ``(n,)``. Undefined for no rows.

    >>> accuracy(np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.3, 0.6]))  # doctest: +ELLIPSIS
    Estimate(value=0.75, low=0.300..., high=0.954..., n=4, standard_error=0.216..., undefined=None)

    Raises:
        RangeError: a prediction is not a probability, or a label neither 0 nor 1.
        NotFiniteError: a prediction is NaN.
    """
    labels, predictions = _probabilities(labels, predictions=predictions)
    n = len(labels)
    if not n:
        return Estimate.missing(Undefined.EMPTY)
    share = float(_right(labels, predictions).mean())
    return wilson(share, n, confidence=confidence)


def wilson(share: float, n: int, *, confidence: float = 0.95) -> Estimate:
    """A share of n rows with Wilson's score interval (1927, *JASA* 22, 209); n at least 1."""
    z = normal_quantile(confidence)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low, high = (0.0 if share == 0 else centre - reach), (1.0 if share == 1 else centre + reach)
    return Estimate(share, low, high, n, (share * (1 - share) / n) ** 0.5)


def _right(labels: Floats, predictions: Floats) -> Floats:
    return np.asarray((predictions >= 0.5) == (labels == 1), dtype=np.float64)


def accuracy_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Accuracy of a minus that of `than` on the same rows; only rows on which they differ carry information.

    The interval adds one row to each kind of disagreement (Bonett & Price 2012, *J. Educational and Behavioral Statistics* 37,
    479), so that perfect agreement on few rows does not look like certainty.
    """
    labels, a, than = _probabilities(labels, a=a, than=than)
    n = len(labels)
    if not n:
        return Estimate.missing(Undefined.EMPTY)
    apart = _right(labels, a) - _right(labels, than)
    better, worse = (float((apart > 0).sum()) + 1) / (n + 2), (float((apart < 0).sum()) + 1) / (n + 2)
    error = ((better + worse - (better - worse) ** 2) / (n + 2)) ** 0.5
    reach = normal_quantile(confidence) * error
    return Estimate(float(apart.mean()), max(better - worse - reach, -1.0), min(better - worse + reach, 1.0), n, error)


def calibration_error(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The mean distance between stated probability and frequency over ten bins of equally many rows (Naeini et al. 2015).

    The figure is biased upwards by noise, and the interval says so: the error of a sum of absolute values is at most the sum of
    the absolute errors, whose mean and spread under the normal law are known, so the interval covers at least as often as it
    states, and reaches 0 where noise alone explains the figure. The standard error is that with all bins' signs known.
    Shapes ``(n,)``. Undefined for no rows.

    >>> rng = np.random.default_rng(0)
    >>> stated = rng.random(5000)
    >>> found = calibration_error(rng.random(5000) < stated, stated)
    >>> round(found.value, 3), found.low, round(found.high, 3)
    (0.012, 0.0, 0.033)

    Raises:
        RangeError: a prediction is not a probability, or a label neither 0 nor 1.
        NotFiniteError: a prediction is NaN.
    """
    labels, predictions = _probabilities(labels, predictions=predictions)
    n = len(labels)
    if not n:
        return Estimate.missing(Undefined.EMPTY)
    bins, gap = _calibration_bins(predictions), predictions - labels
    count = np.bincount(bins)
    mean = np.bincount(bins, weights=gap) / count
    value = float((count / n * np.abs(mean)).sum())
    if n == 1:
        return Estimate(value, None, None, n)
    spread = np.bincount(bins, weights=(gap - mean[bins]) ** 2) / np.maximum(count - 1, 1)
    noise = np.sqrt(count * spread) / n  # weight count/n times standard error sqrt(spread/count)
    squared = float((noise**2).sum())
    reach = (2 / np.pi) ** 0.5 * float(noise.sum()) + normal_quantile(confidence) * ((1 - 2 / np.pi) * squared) ** 0.5
    return Estimate(value, max(value - reach, 0.0), min(value + reach, 1.0), n, squared**0.5)


def calibration_error_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Calibration error of a minus that of `than` on the same rows, to first order with every bin's sign as it is seen."""
    labels, a, than = _probabilities(labels, a=a, than=than)
    if not len(labels):
        return Estimate.missing(Undefined.EMPTY)
    return paired(_calibration_influence(labels, a), _calibration_influence(labels, than), confidence=confidence)


def _calibration_bins(predictions: Floats) -> Ints:
    """Bins of about equally many rows; rows of equal probability share a bin, and no bin is empty."""
    _, group, size = np.unique(predictions, return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - size / 2
    bins = np.minimum(middle * BINS / len(predictions), BINS - 1).astype(np.int64)
    _, dense = np.unique(bins, return_inverse=True)
    return np.asarray(dense[group], dtype=np.int64)


def _calibration_influence(labels: Floats, predictions: Floats) -> Influence:
    bins, gap = _calibration_bins(predictions), predictions - labels
    side = np.sign(np.bincount(bins, weights=gap))
    return _mean(side[bins] * gap)
