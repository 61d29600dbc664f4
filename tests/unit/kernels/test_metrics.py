"""Metrics: values against scikit-learn, errors against simulation, and what has no value."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as peer  # type: ignore[import-untyped]  # scikit-learn ships no types

from flyball.core.errors import UnknownNameError
from flyball.kernels import (
    METRICS,
    Estimate,
    Metric,
    NotFiniteError,
    RangeError,
    ShapeError,
    Task,
    Undefined,
    accuracy,
    average_precision,
    calibration_error,
    get_metric,
    log_loss,
    normal_quantile,
    paired_auc_difference,
    roc_auc,
    unpaired_difference,
)
from flyball.kernels.arrays import Floats, Numbers

BINARY = [metric for metric in METRICS.values() if metric.task is Task.BINARY]
EVERY = list(METRICS.values())


def name(metric: Metric) -> str:
    return metric.name


def drawn(rng: np.random.Generator, n: int, *, task: Task) -> tuple[Numbers, Floats, Floats]:
    """Labels, and the predictions of a better and of a worse model, with ties."""
    signal = rng.normal(size=n)
    if task is Task.REGRESSION:
        return signal + rng.normal(size=n), signal * 0.9, signal + rng.normal(size=n) * 0.5
    logits = (signal + rng.normal(size=n) * noise - 1 for noise in (0.7, 1.2))
    better, worse = (np.round(1 / (1 + np.exp(-logit)), 2) for logit in logits)
    return rng.random(n) < 1 / (1 + np.exp(1 - signal)), better, worse


PEERS = {
    "roc_auc": peer.roc_auc_score,
    "average_precision": peer.average_precision_score,
    "log_loss": peer.log_loss,
    "brier": peer.brier_score_loss,
    "accuracy": lambda labels, scores: peer.accuracy_score(labels, scores >= 0.5),
    "rmse": peer.root_mean_squared_error,
    "mae": peer.mean_absolute_error,
    "r2": peer.r2_score,
}


@pytest.mark.parametrize("metric", [metric for metric in EVERY if metric.name in PEERS], ids=name)
def test_values_are_those_of_scikit_learn(metric: Metric) -> None:
    labels, better, worse = drawn(np.random.default_rng(1), 3_000, task=metric.task)
    better, worse = (np.clip(scores, 0.001, 0.999) if metric.task is Task.BINARY else scores for scores in (better, worse))
    first, second = (PEERS[metric.name](labels, scores) for scores in (better, worse))
    assert metric.estimate(labels, better).value == pytest.approx(first, abs=1e-12)
    assert metric.difference(labels, better, than=worse).value == pytest.approx(first - second, abs=1e-12)


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_intervals_cover_the_truth_about_as_often_as_they_say(metric: Metric) -> None:
    """1,000 samples of 400 rows at 90 %; calibration error states less than it covers, by construction."""
    rng = np.random.default_rng(2)
    labels, better, worse = drawn(rng, 200_000, task=metric.task)
    truth, apart = metric.estimate(labels, better).value, metric.difference(labels, better, than=worse).value
    assert truth is not None
    assert apart is not None
    covered = np.zeros(2)
    for _ in range(1_000):
        labels, better, worse = drawn(rng, 400, task=metric.task)
        found = metric.estimate(labels, better, confidence=0.9), metric.difference(labels, better, than=worse, confidence=0.9)
        for place, (estimate, value) in enumerate(zip(found, (truth, apart), strict=True)):
            assert estimate.low is not None
            assert estimate.high is not None
            covered[place] += estimate.low <= value <= estimate.high
    shares = covered / 1_000
    assert (shares > 0.865).all(), shares
    assert metric.name == "calibration_error" or (shares < 0.935).all(), shares


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_a_gain_is_positive_for_the_better_model_and_zero_for_the_same(metric: Metric) -> None:
    labels, better, worse = drawn(np.random.default_rng(3), 20_000, task=metric.task)
    gain = metric.gain(labels, better, than=worse)
    assert gain.low is not None
    assert gain.low > 0
    assert metric.gain(labels, worse, than=worse).value == 0


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_no_rows_have_no_value(metric: Metric) -> None:
    none = np.zeros(0)
    assert metric.estimate(none, none) == Estimate.missing(Undefined.EMPTY)
    assert metric.difference(none, none, than=none) == Estimate.missing(Undefined.EMPTY)


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_what_is_not_finite_is_refused_with_its_row(metric: Metric) -> None:
    labels = np.array([0, 1, 1])
    with pytest.raises(NotFiniteError, match="1 value that is not finite"):
        metric.estimate(labels, np.array([0.1, np.nan, 0.2]))
    with pytest.raises(NotFiniteError, match="the first at row 2"):
        metric.difference(labels, np.array([0.1, 0.3, 0.2]), than=np.array([0.1, 0.3, np.inf]))


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_a_row_alone_shows_no_spread_but_never_fails(metric: Metric) -> None:
    for labels in (np.array([1]), np.array([0])):
        found = metric.estimate(labels, np.array([0.4]))
        assert (found.value is None) == (found.undefined is not None)
        metric.difference(labels, np.array([0.4]), than=np.array([0.6]))


@pytest.mark.parametrize("metric", EVERY, ids=name)
def test_intervals_stay_within_the_bounds(metric: Metric) -> None:
    rng = np.random.default_rng(4)
    for n in (2, 3, 10):
        labels = np.arange(n) % 2
        for predictions in (labels * 1.0, 1.0 - labels, rng.random(n)):
            found = metric.estimate(labels, predictions, confidence=0.999)
            assert found.value is not None
            assert found.low is not None
            assert found.high is not None
            assert metric.bounds[0] <= found.low <= found.value <= found.high <= metric.bounds[1]


def test_one_class_has_no_order_to_judge() -> None:
    labels, scores = np.ones(5), np.arange(5.0)
    for estimate in (roc_auc(labels, scores), average_precision(labels, scores), paired_auc_difference(labels, scores, than=scores)):
        assert (estimate.value, estimate.undefined, estimate.n) == (None, Undefined.ONE_CLASS, 5)


def test_perfect_order_on_few_rows_is_not_certainty() -> None:
    found = roc_auc(np.array([0] * 50 + [1] * 4), np.arange(54.0))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 4))
    reversed_order = roc_auc(np.array([1] * 4 + [0] * 50), np.arange(54.0))
    assert reversed_order.high == pytest.approx(1 - 0.025 ** (1 / 4))


def test_delong_by_hand() -> None:
    """Placements of the positives 1/2 and 1, of the negatives 1, 1/2: variance 1/8 / 2 each."""
    found = roc_auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert found.value == 0.75
    assert found.standard_error == pytest.approx((2 * 0.125 / 2) ** 0.5)


def test_all_scores_equal_are_one_half_exactly() -> None:
    assert roc_auc(np.array([0, 1, 1]), np.zeros(3)).value == 0.5


def test_constant_labels_explain_nothing() -> None:
    found = METRICS["r2"].estimate(np.ones(4), np.arange(4.0))
    assert (found.value, found.undefined) == (None, Undefined.CONSTANT)


def test_a_paired_difference_is_sharper_than_an_unpaired_one() -> None:
    labels, better, worse = drawn(np.random.default_rng(5), 2_000, task=Task.BINARY)
    paired = paired_auc_difference(labels, better, than=(better + worse) / 2)
    apart = unpaired_difference(roc_auc(labels, better), roc_auc(labels, (better + worse) / 2))
    assert paired.value == pytest.approx(apart.value)
    assert paired.standard_error is not None
    assert apart.standard_error is not None
    assert paired.standard_error < apart.standard_error / 2


def test_a_difference_from_nothing_is_nothing() -> None:
    known, missing = Estimate(0.7, 0.6, 0.8, 9, 0.05), Estimate.missing(Undefined.ONE_CLASS, 3)
    assert unpaired_difference(known, missing) == Estimate.missing(Undefined.ONE_CLASS, 12)
    assert unpaired_difference(known, Estimate(0.5, None, None, 1)) == Estimate(0.7 - 0.5, None, None, 10)


def test_certainty_that_was_wrong_costs_much_but_not_infinity() -> None:
    assert log_loss(np.array([1]), np.array([0.0])).value == pytest.approx(34.54, abs=0.01)


def test_a_calibrated_model_may_be_perfect_for_all_one_knows_and_a_biased_one_not() -> None:
    rng = np.random.default_rng(6)
    stated = rng.random(5_000)
    labels = rng.random(5_000) < stated
    assert calibration_error(labels, stated).low == 0
    biased = calibration_error(labels, stated**3)
    assert biased.low is not None
    assert biased.low > 0.1


def test_agreement_on_few_rows_is_not_certainty() -> None:
    found = METRICS["accuracy"].difference(np.array([1, 0, 1]), np.array([0.9, 0.1, 0.8]), than=np.array([0.9, 0.2, 0.7]))
    assert found.value == 0
    assert found.high is not None
    assert found.high > 0.3
    assert accuracy(np.array([1, 1]), np.array([0.5, 0.5])).value == 1


def test_labels_and_probabilities_are_what_they_are_called() -> None:
    with pytest.raises(RangeError, match="labels must be 0 or 1, not 2"):
        roc_auc(np.array([0, 2]), np.array([0.1, 0.2]))
    with pytest.raises(RangeError, match=r"a probability between 0 and 1, not 1\.5"):
        log_loss(np.array([0, 1]), np.array([0.1, 1.5]))
    with pytest.raises(ShapeError, match="2 values are needed, not 3"):
        roc_auc(np.array([0, 1]), np.arange(3.0))
    with pytest.raises(ShapeError, match="one dimension of numbers"):
        roc_auc(np.array(["a"]), np.arange(1.0))
    with pytest.raises(RangeError, match="confidence must be between 0 and 1, not 95"):
        normal_quantile(95)


def test_a_misspelt_metric_is_told_the_near_one() -> None:
    assert get_metric("roc_auc").greater_is_better
    with pytest.raises(UnknownNameError, match="Did you mean 'roc_auc'"):
        get_metric("rocauc")
