"""A frame of any types comes back from the journal as it was: encode and decode change nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from flyball.serving.columns import from_columns, storable, to_columns, type_names
from flyball.serving.errors import ColumnTypeError
from flyball.serving.record import Answered, decode, encode

_DTYPES: list[pl.DataType | type[pl.DataType]] = [
    pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64, pl.Boolean, pl.String,
    pl.Binary, pl.Date, pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.Datetime("us", "America/New_York"), pl.Datetime("ms", "UTC"),
    pl.Duration("us"), pl.Time, pl.Categorical, pl.Enum(["a", "b"]), pl.List(pl.Int64),
]  # fmt: skip


def answered(frame: pl.DataFrame, *, typed: bool = True) -> Answered:
    rows = frame.height
    types = type_names(frame.schema) if typed else []
    return Answered(
        endpoint="late", model="late", version=1, route="champion", time=7, features_digest="d", ids=[f"{i}" for i in range(rows)],
        keys=["k"] * rows, request={}, features=to_columns(frame), value_times={"sky": [None] * rows}, scores=[0.5] * rows,
        seconds=[0.1] * rows, feature_types=types,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(dataframes(allowed_dtypes=_DTYPES, min_cols=1, max_cols=6, max_size=8, allow_null=True))
def test_a_frame_of_any_types_comes_back_from_the_journal_to_the_bit(frame: pl.DataFrame) -> None:
    record = answered(frame)
    found = decode(encode(record))
    assert encode(found) == encode(record)
    assert_frame_equal(from_columns(found.features, found.feature_types), storable(frame), check_exact=True)


@settings(max_examples=30, deadline=None)
@given(dataframes(allowed_dtypes=_DTYPES, min_cols=1, max_cols=6, max_size=8, allow_null=True))
def test_what_is_storable_is_changed_no_more(frame: pl.DataFrame) -> None:
    once = storable(frame)
    assert storable(once) is once


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(width=64) | st.none(), min_size=1))
def test_every_float_comes_back_infinities_and_nan_too(values: list[float | None]) -> None:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})
    assert_frame_equal(from_columns(decode(encode(answered(frame))).features, ["Float64"]), frame, check_exact=True)


def test_datetimes_that_a_writer_left_as_they_are_are_read_as_well() -> None:
    moment = datetime(2013, 11, 3, 6, 30, 0, 1, tzinfo=UTC)
    for types in ([], [str(pl.Datetime("us", "UTC"))]):
        assert from_columns({"at": [None, moment]}, types)["at"].to_list() == [None, moment]


def test_without_types_the_values_decide() -> None:
    found = from_columns({"n": [1, None], "x": [1, 2.5], "t": ["a", None], "b": [True, False], "nothing": [None, None]}, [])
    assert found.schema == {"n": pl.Int64, "x": pl.Float64, "t": pl.String, "b": pl.Boolean, "nothing": pl.String}


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="Object"):
        storable(pl.DataFrame({"odd": pl.Series([object()], dtype=pl.Object)}))
    with pytest.raises(ColumnTypeError, match="Complex"):
        from_columns({"x": [1]}, ["Complex"])
    with pytest.raises(ColumnTypeError, match="2 types"):
        from_columns({"x": [1]}, ["Int64", "Int64"])
