"""What columns say of a label: the telling ones first, whatever they hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flyball.data.profiles import correlate
from flyball.data.profiles.correlation import MOST_ROWS


def test_the_most_telling_column_comes_first() -> None:
    draw = np.random.default_rng(0)
    label = draw.random(20_000) < 0.3
    frame = pl.DataFrame(
        {
            "noise": draw.normal(size=20_000),
            "kind": np.where(label, draw.choice(["a", "b"], 20_000), draw.choice(["b", "c"], 20_000)),
            "size": label + draw.normal(size=20_000),
            "flag": label,
            "when": [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=int(value)) for value in label],
            "__arrival": np.arange(20_000),
            "list": [[1]] * 20_000,
        }
    )
    found = {one.column: one for one in correlate(frame, pl.Series(label))}
    assert list(found)[-1] == "noise"
    assert set(list(found)[:2]) == {"flag", "when"}
    assert set(found) == {"noise", "kind", "size", "flag", "when"}
    assert found["flag"].correlation == 1.0
    assert found["size"].correlation == pytest.approx(np.corrcoef(label, frame["size"])[0, 1], abs=1e-5)
    assert (found["size"].measure, found["kind"].measure) == ("pearson", "correlation ratio")
    assert abs(found["noise"].correlation or 0.0) < 0.03
    assert found["noise"].information < 0.002


def test_rows_without_label_or_value_count_for_nothing() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, None, float("nan"), 5.0], "b": ["x", None, "y", "y", "x"]})
    found = {one.column: one for one in correlate(frame, pl.Series([1.0, 0.0, 1.0, 1.0, None]))}
    assert {name: one.rows for name, one in found.items()} == {"a": 2, "b": 3}
    nothing = correlate(frame, pl.Series([None] * 5, dtype=pl.Float64))
    assert [(one.rows, one.correlation, one.information) for one in nothing] == [(0, None, 0.0)] * 2


def test_names_of_rows_tell_nothing_though_each_has_its_own() -> None:
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"id": [f"r{place}" for place in range(5_000)]})
    (found,) = correlate(frame, pl.Series(draw.random(5_000) < 0.5))
    assert (found.information, found.correlation) == (0.0, 0.0)


def test_of_very_many_rows_every_nth_is_taken() -> None:
    frame = pl.DataFrame({"a": np.arange(2 * MOST_ROWS + 1)})
    (found,) = correlate(frame, pl.Series(np.arange(2 * MOST_ROWS + 1) % 2 == 0))
    assert found.rows <= MOST_ROWS
