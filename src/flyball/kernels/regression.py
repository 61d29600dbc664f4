"""How far predicted numbers are from the labels: root mean squared error, mean absolute error, explained share of variance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flyball.kernels.arrays import Floats, Numbers
from flyball.kernels.estimate import Estimate, Influence, Undefined, paired, real_numbers, wald

POSITIVE = (0.0, float("inf"))


def rmse(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The root of the mean squared error, in the label's unit; its error by the delta method, the interval cut at 0.

    Shapes ``(n,)``. Undefined for no rows.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    1.4142135623730951

    Raises:
        NotFiniteError: a label or prediction is NaN or infinite.
    """
    return _estimate(_rmse, POSITIVE, labels=labels, predictions=predictions, confidence=confidence)


def mae(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """The mean absolute error, in the label's unit, with the normal interval of a mean, cut at 0.

    Shapes ``(n,)``. Undefined for no rows.

    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    1.0

    Raises:
        NotFiniteError: a label or prediction is NaN or infinite.
    """
    return _estimate(_mae, POSITIVE, labels=labels, predictions=predictions, confidence=confidence)


def r2(labels: Numbers, predictions: Numbers, *, confidence: float = 0.95) -> Estimate:
    """One minus the squared error over the labels' squared spread: 1 is perfect, 0 is the labels' own mean; by the delta method.

    Shapes ``(n,)``. Undefined for no rows and for labels that are all equal.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0])).value
    0.5

    Raises:
        NotFiniteError: a label or prediction is NaN or infinite.
    """
    return _estimate(_r2, (float("-inf"), 1.0), labels=labels, predictions=predictions, confidence=confidence)


def rmse_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Root mean squared error of a minus that of `than` on the same rows."""
    return _difference(_rmse, labels, a=a, than=than, confidence=confidence)


def mae_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Mean absolute error of a minus that of `than` on the same rows."""
    return _difference(_mae, labels, a=a, than=than, confidence=confidence)


def r2_difference(labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
    """Explained share of variance of a minus that of `than` on the same rows; undefined for labels that are all equal."""
    return _difference(_r2, labels, a=a, than=than, confidence=confidence)


_Influence = Callable[[Floats, Floats], Influence | None]


def _estimate(metric: _Influence, bounds: tuple[float, float], *, labels: Numbers, predictions: Numbers, confidence: float) -> Estimate:
    labels, predictions = real_numbers(labels=labels, predictions=predictions)
    if not len(labels):
        return Estimate.missing(Undefined.EMPTY)
    influence = metric(labels, predictions)
    if influence is None:
        return Estimate.missing(Undefined.CONSTANT, len(labels))
    return wald(influence, confidence=confidence, bounds=bounds)


def _difference(metric: _Influence, labels: Numbers, *, a: Numbers, than: Numbers, confidence: float) -> Estimate:
    labels, a, than = real_numbers(labels=labels, a=a, than=than)
    if not len(labels):
        return Estimate.missing(Undefined.EMPTY)
    first, second = metric(labels, a), metric(labels, than)
    if first is None or second is None:
        return Estimate.missing(Undefined.CONSTANT, len(labels))
    return paired(first, second, confidence=confidence)


def _rmse(labels: Floats, predictions: Floats) -> Influence:
    squares = (labels - predictions) ** 2
    mean = float(squares.mean())
    value = mean**0.5
    return Influence(value, (squares - mean) / (2 * value) if value else np.zeros(len(labels)))


def _mae(labels: Floats, predictions: Floats) -> Influence:
    distances = np.abs(labels - predictions)
    value = float(distances.mean())
    return Influence(value, distances - value)


def _r2(labels: Floats, predictions: Floats) -> Influence | None:
    if labels.min() == labels.max():
        return None
    squares, deviations = (labels - predictions) ** 2, (labels - labels.mean()) ** 2
    mean, spread = float(squares.mean()), float(deviations.mean())
    ratio = mean / spread
    return Influence(1 - ratio, -(squares - mean) / spread + ratio * (deviations - spread) / spread)
