"""The step functions: what a training sees, what it leaves behind, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.core.errors import UnknownNameError
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.registry import Evidence
from flyball.runtimes import PredictionError
from flyball.training import (
    LabelValueError,
    MetricTaskError,
    NoHoldoutError,
    OneClassError,
    TooFewRowsError,
    TrainingFunctionError,
    TrainingSet,
)
from flyball.training.steps import score, train

AS_OF = datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=50)
Run = Callable[..., tuple[dict[str, Any], dict[str, bytes]]]


def test_a_training_learns_and_says_how_good_it_is(made: Any, run: Run, asked: dict[str, Any]) -> None:
    summary, files = run(train, {"frame": made.frame, "labels": made.labels}, **asked)
    evidence = Evidence.from_json(summary["evidence"])
    assert evidence.overall is not None
    assert 0.75 < evidence.overall.low < evidence.overall.value < 0.95
    assert (evidence.end, evidence.start) == (AS_OF, AS_OF - timedelta(days=7))
    assert summary["training"]["rows"] == 50 * 24 - 5  # a label known at the very time counts
    assert summary["training"]["judged_rows"] == 43 * 24 - 5
    assert [trial["settings"]["kind"] for trial in summary["trials"]] == ["boosting", "linear", "boosting"]
    holdout = pl.read_ipc(io.BytesIO(files["holdout.arrow"]))
    assert holdout.schema == {"row": pl.UInt32, "label": pl.Float64, "score": pl.Float64}
    assert holdout["row"].to_list() == list(range(43 * 24, 50 * 24 - 5))


def test_two_trainings_are_the_same_bytes(made: Any, run: Run, asked: dict[str, Any]) -> None:
    inputs = {"frame": made.frame, "labels": made.labels}
    assert run(train, inputs, **asked) == run(train, inputs, **asked)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_what_is_known_later_changes_no_byte(made: Any, run: Run, asked: dict[str, Any], kind: int) -> None:
    later, unknown = pl.col(PREDICTION_TIME) >= AS_OF, pl.col(KNOWN_TIME) > AS_OF
    poison = pl.when(later).then(pl.lit(1e9)).otherwise(pl.col("number")).alias("number")
    text = pl.when(later).then(pl.lit("poison of a length that is not inlined")).otherwise(pl.col("text")).alias("text")
    corrected = made.labels.head(20).with_columns(
        (1 - pl.col("label")).alias("label"), pl.lit(AS_OF + timedelta(seconds=1)).cast(TIME).alias(KNOWN_TIME)
    )
    ended = pl.when(pl.int_range(pl.len()) < 20).then(pl.lit(AS_OF + timedelta(seconds=1))).cast(TIME).alias(KNOWN_UNTIL)
    poisoned = (
        (made.frame.with_columns(poison, text), made.labels.with_columns(pl.when(unknown).then(-7.0).otherwise("label").alias("label"))),
        (made.frame.filter(~later), made.labels.filter(~unknown)),
        (made.frame, pl.concat([made.labels.with_columns(ended), corrected])),
    )[kind]
    expected = run(train, {"frame": made.frame, "labels": made.labels}, **asked)
    assert run(train, {"frame": poisoned[0], "labels": poisoned[1]}, **asked) == expected


def test_a_correction_that_was_known_counts(made: Any, run: Run, asked: dict[str, Any]) -> None:
    at = AS_OF - timedelta(days=1)
    ended = pl.when(pl.int_range(pl.len()) < 500).then(pl.lit(at)).cast(TIME).alias(KNOWN_UNTIL)
    corrected = made.labels.head(500).with_columns((1 - pl.col("label")).alias("label"), pl.lit(at).cast(TIME).alias(KNOWN_TIME))
    labels = pl.concat([made.labels.with_columns(ended), corrected])
    plain, _ = run(train, {"frame": made.frame, "labels": made.labels}, **asked)
    found, _ = run(train, {"frame": made.frame, "labels": labels}, **asked)
    assert found["training"]["digest"] != plain["training"]["digest"]
    assert found["training"]["rows"] == plain["training"]["rows"]
    assert found["evidence"] == plain["evidence"]  # what was judged learnt before the correction was known


def test_a_number_is_a_regression(made: Any, run: Run, asked: dict[str, Any]) -> None:
    labels = made.labels.with_columns(pl.Series("label", made.frame["number"] * 3 + 1))
    summary, _ = run(train, {"frame": made.frame, "labels": labels}, **{**asked, "search": {"metric": None, "trials": 2, "seed": 0}})
    assert (summary["task"], summary["metric"], summary["winner"]) == ("regression", "rmse", 1)
    assert summary["evidence"]["metrics"]["r2"]["value"] > 0.99


def test_score_is_what_the_model_says_of_the_stretch(made: Any, run: Run, asked: dict[str, Any]) -> None:
    _, files = run(train, {"frame": made.frame, "labels": made.labels}, **asked)
    given = {"model": files["model.bin"], "frame": made.frame}
    _, whole = run(score, given, start=None, stop=None)
    summary, part = run(score, given, start=AS_OF.isoformat(), stop=(AS_OF + timedelta(hours=30)).isoformat())
    scores = pl.read_ipc(io.BytesIO(part["scores.arrow"]))
    assert summary == {"rows": 30, "first": 1200}
    assert scores["row"].to_list() == list(range(1200, 1230))
    assert scores["score"].to_list() == pl.read_ipc(io.BytesIO(whole["scores.arrow"]))["score"][1200:1230].to_list()
    assert run(score, given, start=AS_OF.isoformat(), stop=(AS_OF - timedelta(days=1)).isoformat())[0]["rows"] == 0


def test_too_little_to_learn_from_is_told(made: Any, run: Run, asked: dict[str, Any]) -> None:
    day = timedelta(days=1)
    start = AS_OF - 50 * day
    with pytest.raises(TooFewRowsError, match="at least 50 are needed"):
        run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "as_of": (start + 8 * day).isoformat()})
    with pytest.raises(NoHoldoutError, match="Lengthen `holdout`"):
        run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "holdout": 3_600_000_000})
    with pytest.raises(NoHoldoutError, match=r"the newest that has one is of .*--clock TIME --home DIR"):
        run(train, {"frame": made.frame, "labels": made.labels.head(400)}, **asked)
    with pytest.raises(TooFewRowsError):
        run(train, {"frame": made.frame, "labels": made.labels.clear()}, **asked)


def test_one_class_and_a_wrong_metric_are_told(made: Any, run: Run, asked: dict[str, Any]) -> None:
    with pytest.raises(OneClassError, match="nothing to tell apart"):
        run(train, {"frame": made.frame, "labels": made.labels.with_columns(label=pl.lit(1.0))}, **asked)
    with pytest.raises(MetricTaskError, match="metrics that do: roc_auc"):
        run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "metric": "rmse"})
    with pytest.raises(UnknownNameError, match="roc_auc"):
        run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "metric": "roc_auk"})
    with pytest.raises(LabelValueError, match="0 or 1"):
        run(train, {"frame": made.frame, "labels": made.labels.with_columns(label=pl.lit(2.0))}, **{**asked, "task": "binary"})


class Sizes:
    """A user's model: the probability grows with the number."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def predict_proba(self, rows: pl.DataFrame) -> Any:
        return 1 / (1 + np.exp(-self._factor * rows["number"].to_numpy()))


def good(given: TrainingSet) -> Sizes:
    earlier, later = given.split(0.25)
    assert len(earlier) + len(later) == len(given)
    assert earlier.prediction_times.max() < later.prediction_times.min()  # type: ignore[operator]  # Polars types them as anything
    return Sizes(float(given.label.mean()))


def empty(given: TrainingSet) -> None:
    del given


def number(given: TrainingSet) -> int:
    return len(given)


def broken(given: TrainingSet) -> Sizes:
    del given
    return Sizes(float("nan"))


def raising(given: TrainingSet) -> None:
    raise RuntimeError(f"no model for {len(given)} rows")


def load_function(context: dict[str, str]) -> Any:
    return {"good": good, "empty": empty, "number": number, "broken": broken, "raising": raising}[context["function"]]


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("empty", TrainingFunctionError, "returned nothing"),
        ("number", TrainingFunctionError, "neither `predict` nor"),
        ("broken", PredictionError, "NaN or infinite"),
        ("raising", RuntimeError, "no model for 1027 rows"),
    ],
)
def test_a_function_that_is_no_training_is_told(
    made: Any, run: Run, asked: dict[str, Any], name: str, error: type[Exception], told: str
) -> None:
    context = {"loader": f"{__name__}:load_function", "function": name}
    with pytest.raises(error, match=told):
        run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "search": None}, context=context)


def test_a_function_of_the_users_own_is_judged_and_kept(made: Any, run: Run, asked: dict[str, Any]) -> None:
    context = {"loader": f"{__name__}:load_function", "function": "good"}
    summary, files = run(train, {"frame": made.frame, "labels": made.labels}, **{**asked, "search": None}, context=context)
    assert summary["model"]["carries_code"]
    assert summary["evidence"]["metrics"]["roc_auc"]["value"] > 0.7
    assert run(score, {"model": files["model.bin"], "frame": made.frame})[0]["rows"] == 1440
