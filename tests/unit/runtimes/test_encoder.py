"""The encoder knows its training rows alone, and says what it cannot encode."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from flyball.runtimes import Encoder, FeatureTypeError


def test_levels_are_ordered_by_frequency_then_name() -> None:
    encoder = Encoder.fit(pl.DataFrame({"text": ["b", "a", "c", "c", None]}))
    assert encoder.columns[0].levels == ("c", "a", "b")
    found = encoder.transform(pl.DataFrame({"text": ["b", None, "new"]}))[:, 0]
    assert found[0] == 2
    assert np.isnan(found[1])
    assert found[2] == 3


def test_the_codes_are_those_of_the_rows_whatever_was_encoded_before() -> None:
    rows = pl.DataFrame({"text": ["x", "y", "y"]})
    once = Encoder.fit(rows)
    Encoder.fit(pl.DataFrame({"text": ["z", "x"]}).cast(pl.Categorical))
    assert Encoder.fit(rows) == once == Encoder.fit(rows.cast(pl.Categorical))


def test_numbers_flags_and_times_are_numbers_and_what_is_no_number_is_missing() -> None:
    frame = pl.DataFrame({"n": [1.5, float("nan"), float("inf")], "f": [True, None, False], "t": [datetime(1970, 1, 1, tzinfo=UTC)] * 3})
    found = Encoder.fit(frame).transform(frame)
    np.testing.assert_array_equal(found, [[1.5, 1, 0], [np.nan, np.nan, 0], [np.nan, 0, 0]])


def test_a_column_of_nulls_is_encoded() -> None:
    frame = pl.DataFrame({"n": [None, None], "t": [None, None]}, schema={"n": pl.Float64, "t": pl.String})
    assert np.isnan(Encoder.fit(frame).transform(frame)).all()


def test_json_gives_the_encoder_back() -> None:
    encoder = Encoder.fit(pl.DataFrame({"n": [1, None, 4], "é": ["ü", "a", None]}))
    assert Encoder.from_json(encoder.to_json()) == encoder


def test_what_no_model_takes_is_refused_by_name() -> None:
    with pytest.raises(FeatureTypeError, match="'list' has the type List"):
        Encoder.fit(pl.DataFrame({"list": [[1, 2]]}))


def test_few_rows_and_many_are_encoded_alike() -> None:
    values = ["b", None, "a", "never seen", "b"] * 2000
    encoder = Encoder.fit(pl.DataFrame({"text": ["a", "b", "b"]}))
    many = encoder.transform(pl.DataFrame({"text": values}))
    few = np.concatenate([encoder.transform(pl.DataFrame({"text": values[start : start + 100]})) for start in range(0, 10_000, 100)])
    assert many.tobytes() == few.tobytes()
    assert np.isnan(encoder.transform(pl.DataFrame({"text": [None]}, schema={"text": pl.String}))).all()
