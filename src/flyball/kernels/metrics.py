"""The metrics by name: what each is for, which way is better, and its estimate and paired difference, always with an interval.

Gates, searches, monitors and reports take a metric from here; nobody else computes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from flyball.core.errors import UnknownNameError
from flyball.kernels import probabilities, ranking, regression
from flyball.kernels.arrays import Numbers
from flyball.kernels.estimate import UNBOUNDED, Estimate


class Task(StrEnum):
    """What is predicted: the probability of a binary label, or a number."""

    BINARY = "binary"
    REGRESSION = "regression"


class Estimator(Protocol):
    """The figure for predictions against labels, both ``(n,)``."""

    def __call__(self, labels: Numbers, predictions: Numbers, /, *, confidence: float = 0.95) -> Estimate: ...


class Difference(Protocol):
    """The figure of a minus that of `than` on the same rows, all ``(n,)``."""

    def __call__(self, labels: Numbers, a: Numbers, /, *, than: Numbers, confidence: float = 0.95) -> Estimate: ...


@dataclass(frozen=True, slots=True)
class Metric:
    """A named figure; `bounds` are the values that it cannot leave."""

    name: str
    task: Task
    greater_is_better: bool
    bounds: tuple[float, float]
    estimate: Estimator
    difference: Difference

    def gain(self, labels: Numbers, a: Numbers, *, than: Numbers, confidence: float = 0.95) -> Estimate:
        """How much better a is `than` the other on the same rows: positive where a is better, whichever way the metric points.

        >>> import numpy as np
        >>> METRICS["brier"].gain(np.array([1, 0]), np.array([1.0, 0.0]), than=np.array([0.5, 0.5])).value
        0.25
        """
        found = self.difference(labels, a, than=than, confidence=confidence)
        return found if self.greater_is_better else found.negated()


_UNIT, _POSITIVE = (0.0, 1.0), (0.0, UNBOUNDED[1])

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("roc_auc", Task.BINARY, True, _UNIT, ranking.roc_auc, ranking.paired_auc_difference),
            Metric("average_precision", Task.BINARY, True, _UNIT, ranking.average_precision, ranking.paired_precision_difference),
            Metric("log_loss", Task.BINARY, False, _POSITIVE, probabilities.log_loss, probabilities.log_loss_difference),
            Metric("brier", Task.BINARY, False, _UNIT, probabilities.brier, probabilities.brier_difference),
            Metric("accuracy", Task.BINARY, True, _UNIT, probabilities.accuracy, probabilities.accuracy_difference),
            Metric(
                "calibration_error", Task.BINARY, False, _UNIT,
                probabilities.calibration_error, probabilities.calibration_error_difference,
            ),
            Metric("rmse", Task.REGRESSION, False, _POSITIVE, regression.rmse, regression.rmse_difference),
            Metric("mae", Task.REGRESSION, False, _POSITIVE, regression.mae, regression.mae_difference),
            Metric("r2", Task.REGRESSION, True, (UNBOUNDED[0], 1.0), regression.r2, regression.r2_difference),
        )
    }
)  # fmt: skip
"""Every metric by its name."""


def get_metric(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        UnknownNameError: there is none; the near name is named.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownNameError("metric", name, known=METRICS) from None
