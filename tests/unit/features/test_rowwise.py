"""The frame that a view's function gets can do what is row-wise, and says what it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest

from flyball.core.errors import UnknownNameError
from flyball.data import Dataset, FileSource
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.features import View, view
from flyball.features.errors import FeatureFunctionError, NotRowWiseError
from flyball.features.lookup import run_view

Function = Callable[[Any], Any]
weather = Dataset("weather", FileSource("weather"), key=["origin", "observed_at"], event_time="observed_at")
HISTORY = pl.DataFrame(
    {"origin": ["JFK", "EWR", None], "temp": [1.0, None, 3.0], "wind": [5, 6, 7], EVENT_TIME: [1, 2, 3], ARRIVAL: [0, 1, 2]},
).with_columns(pl.col(EVENT_TIME).cast(TIME), KNOWN_TIME=pl.col(EVENT_TIME).cast(TIME), observed_at=pl.col(EVENT_TIME).cast(TIME)).rename(
    {"KNOWN_TIME": KNOWN_TIME}
).with_columns(pl.lit(None, dtype=TIME).alias(KNOWN_UNTIL))  # fmt: skip


def sky(function: Function, entity: str = "origin") -> View:
    function.__name__ = "sky"
    return view(weather, entity=entity)(function)


@pytest.mark.parametrize(
    ("function", "columns", "rows"),
    [
        (lambda rows: rows.select("temp", "wind"), ["temp", "wind"], 3),
        (lambda rows: rows.select(["temp"]), ["temp"], 3),
        (lambda rows: rows.select(pl.col("temp").fill_null(0), one=1), ["temp", "one"], 3),
        (lambda rows: rows.select(one=pl.lit(1)), ["one"], 3),
        (lambda rows: rows.with_columns(double=pl.col("temp") * 2), ["temp", "wind", "double"], 3),
        (lambda rows: rows.select(pl.all()), ["temp", "wind"], 3),
        (lambda rows: rows.select(cs.numeric() * 2), ["temp", "wind"], 3),
        (lambda rows: rows.filter(pl.col("temp") > 0).select("wind"), ["wind"], 2),
        (lambda rows: rows.select("wind").filter(pl.col("origin") == "JFK"), ["wind"], 1),
        (lambda rows: rows.filter(origin="EWR").drop("temp").rename({"wind": "gust"}), ["gust"], 1),
        (lambda rows: rows.filter(False).select("wind"), ["wind"], 0),
        (lambda rows: rows.select(age=pl.col("observed_at")), ["age"], 3),
    ],
)
def test_rows_keep_their_entity_and_times_beside_what_is_selected(function: Function, columns: list[str], rows: int) -> None:
    values, kept = run_view(sky(function), HISTORY)
    assert (values.columns, values.height) == (columns, rows)
    assert kept.height == rows
    assert {"origin", EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, ARRIVAL} <= set(kept.columns)


def test_a_filter_drops_times_and_values_together() -> None:
    values, kept = run_view(sky(lambda rows: rows.filter(pl.col("wind") >= 6).select("wind")), HISTORY)
    assert values["wind"].to_list() == [6, 7]
    assert kept[ARRIVAL].to_list() == [1, 2]


def test_an_entity_may_be_computed_in_the_view() -> None:
    lower = sky(lambda rows: rows.with_columns(pl.col("origin").str.to_lowercase()).select("wind"))
    assert run_view(lower, HISTORY)[1]["origin"].to_list() == ["jfk", "ewr", None]
    place = sky(lambda rows: rows.with_columns(place=pl.col("origin") + "!").select("wind"), entity="place")
    assert run_view(place, HISTORY)[1]["place"].to_list() == ["JFK!", "EWR!", None]


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda rows: rows.group_by("origin").agg(pl.col("temp").mean()), "group_by"),
        (lambda rows: rows.sort("temp"), "sort"),
        (lambda rows: rows.join(rows, on="origin"), "join"),
        (lambda rows: rows.unique(), "unique"),
        (lambda rows: rows.head(1), "head"),
        (lambda rows: rows.with_row_index(), "with_row_index"),
        (lambda rows: rows.map_batches(lambda frame: frame), "map_batches"),
        (lambda rows: rows.collect(), "collect"),
        (lambda rows: rows["temp"], r"\['temp'\]"),
        (lambda rows: rows.filter(pl.col("temp") > pl.col("temp").mean()), "mean"),
    ],
)
def test_what_needs_other_rows_is_refused_by_name(function: Function, operation: str) -> None:
    with pytest.raises(NotRowWiseError, match=f"View 'sky' uses .*{operation}"):
        run_view(sky(function), HISTORY)


def test_a_misspelt_operation_or_column_is_named_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match=r"no operation 'selct' in View 'sky'. Did you mean 'select'"):
        run_view(sky(lambda rows: rows.selct("temp")), HISTORY)
    for function in (lambda rows: rows.filter(pl.col("tmp") > 1), lambda rows: rows.drop("tmp"), lambda rows: rows.rename({"tmp": "x"})):
        with pytest.raises(UnknownNameError, match=r"no column 'tmp' in View 'sky'. Did you mean 'temp'"):
            run_view(sky(function), HISTORY)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda _: None, "returns NoneType"),
        (lambda _: HISTORY.lazy(), "returns LazyFrame"),
        (lambda rows: rows.select("origin"), "selects no column"),
        (lambda rows: rows.select(pl.col("wind").alias("__event_time")), "belongs to Flyball"),
        (lambda rows: rows.select(pl.col("temp").str.to_uppercase()), "String"),
        (lambda _: int("x"), "ValueError"),
    ],
)
def test_other_mistakes_say_what_is_wrong(function: Function, reason: str) -> None:
    with pytest.raises(FeatureFunctionError, match=f"View 'sky' does not work: .*{reason}"):
        run_view(sky(function), HISTORY)
