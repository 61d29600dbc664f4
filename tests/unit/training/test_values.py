"""What a training is told in values: splits, searches, requests, evaluations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flyball.core.ids import Digest
from flyball.kernels.metrics import get_metric
from flyball.training import Search, SearchError, TrainingSet, TrainSpec, search, train_step
from flyball.training.evaluation import SLICE_ROWS, compare, evaluate, evaluate_slices
from flyball.training.tuning import Trial, best

START = datetime(2013, 1, 1, tzinfo=UTC)


def training_set(hours: list[int]) -> TrainingSet:
    times = pl.Series([START + timedelta(hours=hour) for hour in hours], dtype=pl.Datetime("us", "UTC"))
    return TrainingSet(pl.DataFrame({"a": hours}), np.array(hours, dtype=np.float64), times, "regression", "rmse", 0)


def test_a_split_parts_no_time() -> None:
    earlier, later = training_set([0, 1, 2, 2, 2, 3]).split(0.4)
    assert earlier.label.tolist() == [0, 1]
    assert later.features["a"].to_list() == [2, 2, 2, 3]
    assert [len(part) for part in training_set([]).split()] == [0, 0]
    with pytest.raises(SearchError, match="between 0 and 1"):
        training_set([1]).split(1.0)


def test_a_search_needs_a_trial() -> None:
    assert search(metric="roc_auc", trials=8, seed=0) == Search("roc_auc", 8, 0)
    with pytest.raises(SearchError, match="at least one"):
        search(trials=0)


def test_a_function_needs_its_fingerprint_and_a_loader() -> None:
    inputs = {"frame": Digest("a" * 64), "labels": Digest("b" * 64)}
    with pytest.raises(SearchError, match="fingerprint"):
        train_step(TrainSpec(training_set), inputs=inputs, as_of=START, features=["a"])  # type: ignore[arg-type]  # any function will do
    step = train_step(TrainSpec(search(), train_on="30d"), inputs=inputs, as_of=START, features=["a"])
    assert (step.parameters["train_on"], step.timeout) == (timedelta(days=30), timedelta(hours=1))


def test_the_best_trial_is_the_earlier_of_equals_and_the_first_where_nothing_was_measured() -> None:
    trials = [Trial(number, {}, value, 0) for number, value in enumerate([None, 0.5, 0.7, 0.7])]
    assert best(trials, get_metric("roc_auc")).number == 2
    assert best(trials, get_metric("log_loss")).number == 1
    assert best([Trial(number, {}, None, 0) for number in range(3)], get_metric("roc_auc")).number == 0


def test_slices_below_the_floor_and_of_one_class_are_left_out() -> None:
    n = SLICE_ROWS
    column = pl.DataFrame({"carrier": ["A"] * n + ["B"] * (n - 1) + ["C"] * n + [None] * n})
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, len(column)).astype(np.float64)
    label[2 * n - 1 : 3 * n - 1] = 1.0
    found = evaluate_slices(label, draw.random(len(column)), columns=column, metric=get_metric("roc_auc"))
    assert list(found["carrier"]) == ["A", "null"]


def test_a_comparison_favours_the_better_whichever_way_the_metric_points() -> None:
    draw = np.random.default_rng(1)
    label = draw.integers(0, 2, 1000).astype(np.float64)
    good, bad = 0.5 + 0.3 * (label - 0.5), np.full(1000, 0.5)
    for name in ("roc_auc", "log_loss", "brier"):
        found = compare(get_metric(name), label, challenger=good, champion=bad)
        assert found is not None
        assert 0 < found.low <= found.value <= found.high
    assert compare(get_metric("roc_auc"), np.ones(10), challenger=good[:10], champion=bad[:10]) is None
    assert "roc_auc" not in evaluate(np.ones(10), good[:10], task="binary")
