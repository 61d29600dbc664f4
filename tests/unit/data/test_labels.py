"""A label is made of its own row, and of a type that can be learnt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.data import Dataset, files, known_until, label, label_history
from flyball.data.errors import DatasetError, LabelRowError, LabelTypeError, UnknownColumnError
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME

OUTCOMES = Dataset("outcomes", files("x"), key="key", event_time="t")
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def history() -> pl.DataFrame:
    times = pl.Series([NOON + timedelta(hours=n) for n in range(6)], dtype=pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"key": list("abcdef"), "delay": [1, 20, None, 30, 2, 40], "word": list("xyxyxy"), "x": [0.5, float("nan")] * 3})
    return known_until(frame.with_columns(times.alias(EVENT_TIME), times.alias(KNOWN_TIME), pl.int_range(6).alias(ARRIVAL)), ["key"])


def labels(expression: pl.Expr) -> pl.DataFrame:
    return label_history(history(), label(OUTCOMES, expression), history=history(), key=["key"])


def test_null_labels_are_left_out_and_never_guessed() -> None:
    assert labels(pl.col("delay") > 15).select("key", "label").rows() == [("a", False), ("b", True), ("d", True), ("e", False), ("f", True)]
    assert labels(pl.col("x"))["label"].to_list() == [0.5] * 3
    assert labels(pl.col("delay"))["label"].dtype == pl.Float64


def test_only_predicted_rows_have_labels() -> None:
    assert label_history(history().head(2), label(OUTCOMES, pl.col("delay") > 15), history=history(), key=["key"])["key"].to_list() == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    "expression", [pl.col("delay") > pl.col("delay").mean(), pl.col("delay").max(), pl.lit(1), pl.col("delay").shift(-1)]
)
def test_a_label_that_looks_at_other_rows_is_refused(expression: pl.Expr) -> None:
    with pytest.raises(LabelRowError, match="see the future"):
        labels(expression)


def test_a_label_that_is_no_number_is_refused() -> None:
    with pytest.raises(LabelTypeError, match="String"):
        labels(pl.col("word"))


def test_a_misspelt_column_is_named() -> None:
    with pytest.raises(UnknownColumnError, match="Did you mean 'delay'"):
        labels(pl.col("dellay") > 15)


def test_an_expression_that_fails_is_named() -> None:
    with pytest.raises(DatasetError, match="cannot be evaluated"):
        labels(pl.col("word").str.to_integer(strict=True) > 1)


def test_system_columns_are_no_labels() -> None:
    with pytest.raises(UnknownColumnError):
        labels(pl.col(ARRIVAL))


def test_the_key_of_the_rows_is_the_key_of_the_labels() -> None:
    with pytest.raises(DatasetError, match="must be the same"):
        label_history(history(), label(OUTCOMES, pl.col("delay") > 15), history=history(), key=["word"])
