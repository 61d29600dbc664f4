"""A window's performance, its maturity, and what counts as a drop."""

from __future__ import annotations

import numpy as np
import pytest

from flyball.core.errors import UnknownNameError
from flyball.monitoring import Performance, maturity, measure, performance_drop
from flyball.registry import Estimate

EXPECTED = Estimate(0.7, 0.69, 0.71, 9000)


def found(value: float, reach: float = 0.01, *, metric: str = "roc_auc") -> Performance:
    return Performance(metric, 500, Estimate(value, value - reach, value + reach, 500))


def test_a_window_is_mature_from_its_share_on() -> None:
    assert maturity(1000, 950).mature
    assert not maturity(1000, 949).mature
    assert maturity(1000, 500, share=0.5).mature
    assert (maturity(0, 0).share, maturity(0, 0).mature) == (1.0, True)


def test_a_metric_comes_with_its_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 800)
    performance = measure("roc_auc", labels, predictions=labels * 0.3 + rng.random(800) * 0.7)
    assert performance.estimate is not None
    assert performance.estimate.low < performance.estimate.value < performance.estimate.high
    assert (performance.rows, performance.estimate.n, performance.why) == (800, 800, None)


@pytest.mark.parametrize(("labels", "why"), [([], "no rows"), ([1, 1, 1], "one class only")])
def test_a_window_that_cannot_be_scored_has_no_value_and_the_reason(labels: list[int], why: str) -> None:
    performance = measure("roc_auc", np.array(labels, dtype=float), predictions=np.full(len(labels), 0.5))
    assert (performance.estimate, performance.why, performance.rows) == (None, why, len(labels))
    report = performance_drop(EXPECTED, performance)
    assert not report.alarmed
    assert report.why == f"roc_auc has no value on this window: {why}."


def test_a_metric_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="roc_auc"):
        measure("roc_acu", np.array([0, 1]), predictions=np.array([0.1, 0.9]))


def test_a_drop_counts_when_the_whole_interval_of_the_shortfall_lies_beyond_it() -> None:
    assert not performance_drop(EXPECTED, found(0.671), drop=0.02).alarmed
    assert not performance_drop(Estimate(0.75, 0.7, 0.8, 9), found(0.5, 0.25), drop=0.0).alarmed
    assert performance_drop(EXPECTED, found(0.66), drop=0.02).alarmed
    assert not performance_drop(EXPECTED, found(0.66), drop=0.04).alarmed
    assert performance_drop(EXPECTED, found(0.66)).why == (
        "roc_auc 0.6600 [0.6500, 0.6700] on 500 rows, surely more than 0.02 below the 0.7000 [0.6900, 0.7100] expected at release."
    )


def test_what_was_promised_on_few_rows_is_held_against_a_window_less() -> None:
    lucky = Estimate(0.7, 0.66, 0.74, 500)
    assert performance_drop(EXPECTED, found(0.66)).alarmed
    assert not performance_drop(lucky, found(0.66)).alarmed
    assert performance_drop(lucky, found(0.63)).alarmed


def test_for_a_metric_where_less_is_better_more_is_a_drop() -> None:
    assert performance_drop(EXPECTED, found(0.75, metric="log_loss")).alarmed
    assert not performance_drop(EXPECTED, found(0.5, metric="log_loss")).alarmed


def test_without_an_expectation_nobody_is_alarmed() -> None:
    report = performance_drop(None, found(0.1))
    assert not report.alarmed
    assert "nothing was expected" in report.why
