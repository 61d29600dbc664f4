"""What goes wrong inside a loop is an event of the loop, told with its reason; what is wrong with the input ends it with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.backtest import Request, run_backtest
from flyball.loop.errors import NothingToReplayError, PolicyError

SEARCH = 'train=fb.search(metric="roc_auc", trials=2),'


class Silent:
    """A progress that says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del phase, share, text


def declared(project: Path) -> dict[str, Any]:
    policy: dict[str, Any] = run_backtest(Request(project, ("declared",)), Silent()).figures["policies"][0]
    return policy


def of_type(policy: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event for window in policy["windows"] for event in window["events"] if event["type"] == kind]


@pytest.fixture
def project(tmp_path: Path, write_project: Callable[[Path], Path]) -> Path:
    return write_project(tmp_path / "parcels")


def trained_by(project: Path, body: str, *, more: str = "") -> Path:
    text = project.read_text(encoding="utf-8")
    assert SEARCH in text
    text = text.replace("late = fb.Model(", f"def fit(rows):\n{body}\n\n\nlate = fb.Model(").replace(
        SEARCH, f'train=fit, metric="roc_auc",{more}'
    )
    project.write_text(text, encoding="utf-8")
    return project


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        ("    raise RuntimeError('no luck today')", "", "RuntimeError: no luck today"),
        ("    return None", "", "returned nothing"),
        ("    return 42", "", "predict"),
        ("    import os\n    os._exit(7)", "", "train"),
        ("    while True:\n        pass", ' train_timeout="2s",', "longer than 2 s"),
    ],
)
def test_a_training_function_that_fails_is_told_and_the_loop_goes_on(project: Path, *, body: str, more: str, words: str) -> None:
    policy = declared(trained_by(project, body, more=more))
    failed = of_type(policy, "training.failed")
    assert failed
    assert words in failed[0]["summary"]
    assert of_type(policy, "alert.raised")
    assert len(of_type(policy, "window.closed")) > 8
    assert not of_type(policy, "version.registered")
    assert policy["mean_metric"] is None


def test_a_training_function_of_ones_own_is_released(project: Path) -> None:
    body = """    from sklearn.linear_model import LogisticRegression

    class Mine:
        def __init__(self, fitted):
            self.fitted = fitted

        def predict_proba(self, frame):
            return self.fitted.predict_proba(frame.select("parcels.weight", "load.queue").fill_null(0).to_numpy())

    numbers = rows.features.select("parcels.weight", "load.queue").fill_null(0).to_numpy()
    return Mine(LogisticRegression().fit(numbers, rows.label))"""
    policy = declared(trained_by(project, body))
    assert of_type(policy, "rollout.finished")
    assert policy["windows"][2]["metrics"]["roc_auc"] > 0.7


def test_a_label_that_never_comes_is_told_and_nothing_is_guessed(project: Path) -> None:
    path = project.parent / "data/arrivals/all.csv"
    pl.read_csv(path).head(20).write_csv(path)
    policy = declared(project)
    assert "labelled rows" in of_type(policy, "training.failed")[0]["summary"]
    assert sum(window["labelled"] for window in policy["windows"]) == 0
    month = policy["windows"][2]
    assert month["resolved"] == month["rows"] > 2000
    assert month["metrics"]["roc_auc"] is None


def test_one_class_only_fails_the_training_with_what_to_do(project: Path) -> None:
    path = project.parent / "data/arrivals/all.csv"
    pl.read_csv(path).with_columns(delay=pl.lit(0.5)).write_csv(path)
    policy = declared(project)
    assert "nothing to tell apart" in of_type(policy, "training.failed")[0]["summary"]
    assert all(window["metrics"]["roc_auc"] is None for window in policy["windows"])
    assert sum(window["rows"] for window in policy["windows"]) == 9000


def test_windows_without_rows_are_closed_as_empty(project: Path) -> None:
    path = project.parent / "data/parcels/all.parquet"
    frame = pl.read_parquet(path)
    first = frame["leaves_at"].min()
    gap = pl.col("leaves_at").is_between(pl.lit(first) + timedelta(days=40), pl.lit(first) + timedelta(days=58))
    frame.filter(~gap).write_parquet(path)
    policy = declared(project)
    assert 0 in [week["rows"] for week in policy["weeks"]]
    assert len(of_type(policy, "window.matured")) >= len(policy["weeks"]) - 2


def test_history_longer_than_the_data_says_so(project: Path) -> None:
    project.write_text(project.read_text(encoding="utf-8").replace('history="28d"', 'history="400d"'), encoding="utf-8")
    with pytest.raises(NothingToReplayError, match="Shorten `history`"):
        declared(project)


def test_what_is_no_policy_is_refused_before_anything_runs(project: Path) -> None:
    with pytest.raises(PolicyError, match="'sometimes' is not a policy"):
        run_backtest(Request(project, ("never", "sometimes")), Silent())
    assert not (project.parent / ".flyball/backtests").exists()
