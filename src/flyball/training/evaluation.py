"""How good scores are: every metric of the task with its interval, per slice too, and two models on the same rows.

The results are `registry.evidence` values, which gates and monitors read.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from flyball.kernels import estimate as kernel
from flyball.kernels.metrics import METRICS, Metric
from flyball.registry.evidence import Difference, Estimate
from flyball.runtimes.model import Floats
from flyball.training.model import TaskName

SLICE_ROWS = 500
"""A slice with fewer rows says too little to hold against a model."""


def evaluate(label: Floats, score: Floats, *, task: TaskName) -> dict[str, Estimate]:
    """Every metric of the task that exists on these rows, by name; shapes ``(n,)``."""
    found = {}
    for metric in METRICS.values():
        if metric.task.value == task:
            estimate = _figure(metric.estimate(label, score))
            if estimate is not None:
                found[metric.name] = estimate
    return found


def evaluate_slices(label: Floats, score: Floats, *, columns: pl.DataFrame, metric: Metric) -> dict[str, dict[str, Estimate]]:
    """`metric` per column and value (as text; null is "null") of at least `SLICE_ROWS` rows, where it exists."""
    return {series.name: _slices(series, label, score=score, metric=metric) for series in columns.iter_columns()}


def _slices(series: pl.Series, label: Floats, *, score: Floats, metric: Metric) -> dict[str, Estimate]:
    values = series.cast(pl.String).fill_null("null").to_numpy()
    found = {}
    names, codes = np.unique(values.astype(str), return_inverse=True)
    for code, name in enumerate(names):
        mine = codes == code
        estimate = _figure(metric.estimate(label[mine], score[mine])) if mine.sum() >= SLICE_ROWS else None
        if estimate is not None:
            found[str(name)] = estimate
    return found


def compare(metric: Metric, label: Floats, *, challenger: Floats, champion: Floats) -> Difference | None:
    """How much better the challenger is on the same rows, paired; positive favours it, whichever way the metric points.

    None where the metric does not exist on these rows. Both must be scores of models that saw none of them.
    """
    gain = _figure(metric.gain(label, challenger, than=champion))
    return None if gain is None else Difference(metric.name, gain.value, gain.low, gain.high, gain.n)


def _figure(found: kernel.Estimate) -> Estimate | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return Estimate(found.value, found.low, found.high, found.n)
