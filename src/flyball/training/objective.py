"""What a label asks for: the task by its values, and the metric by the task."""

from __future__ import annotations

import numpy as np

from flyball.kernels.metrics import METRICS, Metric, get_metric
from flyball.runtimes.model import Floats
from flyball.training.errors import LabelValueError, MetricTaskError
from flyball.training.model import TaskName


def infer_task(label: Floats) -> TaskName:
    """Binary where every label is 0 or 1, else a regression."""
    return "binary" if bool(np.isin(label, (0.0, 1.0)).all()) else "regression"


def check_label(task: TaskName, label: Floats) -> None:
    """A binary label is 0 or 1.

    Raises:
        LabelValueError: another value.
    """
    if task == "binary":
        wrong = label[~np.isin(label, (0.0, 1.0))]
        if len(wrong):
            raise LabelValueError(float(wrong[0]))


def choose_metric(name: str | None, task: TaskName) -> Metric:
    """The named metric, or the task's own: roc_auc or rmse.

    Raises:
        UnknownNameError: no metric has that name.
        MetricTaskError: it is for the other task.
    """
    metric = get_metric(name or ("roc_auc" if task == "binary" else "rmse"))
    if metric.task.value != task:
        raise MetricTaskError(metric.name, task, known=[known.name for known in METRICS.values() if known.task.value == task])
    return metric
