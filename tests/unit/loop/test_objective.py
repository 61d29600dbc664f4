"""What a model is measured by: the labels say so, and while there are none the declared metric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import flyball as fb
from flyball.loop.context import Objective
from flyball.loop.trainer import objective_of
from flyball.training.errors import MetricTaskError

Declare = Callable[..., fb.Model]


@pytest.mark.parametrize(
    ("metric", "labels", "expected"),
    [
        (None, [0.0, 1.0], Objective("binary", "roc_auc")),
        (None, [0.0, 2.5], Objective("regression", "rmse")),
        ("log_loss", [1.0], Objective("binary", "log_loss")),
        (None, [], Objective("binary", "roc_auc")),
        ("log_loss", [], Objective("binary", "log_loss")),
        ("mae", [], Objective("regression", "mae")),
    ],
)
def test_the_task_follows_from_the_labels(declare: Declare, metric: str | None, labels: list[float], expected: Objective) -> None:
    assert objective_of(declare(train=fb.search(trials=1), metric=metric), np.array(labels)) == expected


def test_a_metric_of_the_other_task_is_refused(declare: Declare) -> None:
    with pytest.raises(MetricTaskError):
        objective_of(declare(train=fb.search(trials=1), metric="rmse"), np.array([0.0, 1.0]))
