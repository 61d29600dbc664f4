"""Two profiles beside each other: what came, what went, what moved, and nothing where nothing did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flyball.core.canonical import canonical
from flyball.data.profiles import ColumnDifference, Sketcher, compare

START = datetime(2020, 1, 1, tzinfo=UTC)


def sketched(**columns: object) -> Sketcher:
    frame = pl.DataFrame(columns)
    sketcher = Sketcher(frame.schema)
    sketcher.add(frame)
    return sketcher


def one(before: object, after: object) -> ColumnDifference:
    (found,) = compare(sketched(a=before), sketched(a=after)).columns
    return found


def test_numbers_that_moved_have_moved_quantiles_and_their_distance() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    found = one(values, values + 3)
    assert found.wasserstein == pytest.approx(3.0, rel=0.01)
    assert found.psi is not None
    assert found.psi > 1
    assert found.notable
    low, high = found.quantiles["0.5"]
    assert high - low == pytest.approx(3.0, abs=0.05)


def test_another_draw_of_the_same_is_not_notable() -> None:
    draw = np.random.default_rng(0)
    found = one(draw.normal(size=300_000), draw.normal(size=200_000))
    assert found.psi is not None
    assert found.psi < 0.01
    assert not found.notable


def test_missing_values_are_drift() -> None:
    values = [float(place) for place in range(1_000)]
    found = one(values, [value if value < 500 else None for value in values])
    assert found.nulls == (0.0, 0.5)
    assert found.notable
    assert one(values, [value if value < 500 else float("nan") for value in values]).notable


def test_texts_that_came_and_went_are_named_the_most_frequent_first() -> None:
    found = one(["a"] * 50 + ["b"] * 50, ["a"] * 40 + ["c"] * 2 + ["d"] * 8)
    assert (found.new, found.n_new, found.gone, found.n_gone) == (("d", "c"), 2, ("b",), 1)
    assert found.notable


def test_what_may_have_been_there_is_not_called_new() -> None:
    texts = [f"t{place}" for place in range(5_000)]
    found = one(texts, [*texts[2_000:], "never seen"])
    assert (found.n_new, found.n_gone) == (0, 0)


def test_flags_and_times_are_compared() -> None:
    assert one([True, False] * 50, [False] * 100).gone == (True,)
    times = [START + timedelta(minutes=place) for place in range(1_000)]
    found = one(times, [time + timedelta(hours=1) for time in times])
    assert found.wasserstein == pytest.approx(3600.0)
    assert found.quantiles["0.5"][1] - found.quantiles["0.5"][0] == timedelta(hours=1)


def test_columns_that_came_went_or_became_another_kind_are_told() -> None:
    found = compare(sketched(a=[1], b=[1], c=[1]), sketched(b=["x"], c=[1.0], d=[1]))
    assert [(column.column, column.change, column.notable) for column in found.columns] == [
        ("a", "gone", True), ("b", "changed", True), ("c", "same", False), ("d", "added", True),
    ]  # fmt: skip
    assert found.rows == (1, 1)
    canonical(found.as_json())


def test_columns_without_values_can_be_compared() -> None:
    empty = pl.Series([None], dtype=pl.Float64)
    for before, after in (([1.0], empty), (empty, [1.0]), (empty, empty)):
        found = one(before, after)
        assert found.change == "same"
        assert found.wasserstein is None
    assert compare(Sketcher({"a": pl.Int64()}), Sketcher({"a": pl.Int64()})).columns[0].psi is None


def test_a_small_and_a_wide_sketch_can_be_compared() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(size=5_000)
    wide = pl.DataFrame({"a": values, **{f"c{place}": [0.0] * 5_000 for place in range(600)}})
    sketcher = Sketcher(wide.schema)
    sketcher.add(wide)
    found = next(column for column in compare(sketched(a=values), sketcher).columns if column.column == "a")
    assert found.psi is not None
    assert found.psi < 0.02
