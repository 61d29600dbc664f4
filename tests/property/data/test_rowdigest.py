"""Rows have one digest, however they are cut and whatever lies where they are null."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from flyball.data.model import TIME
from flyball.data.sources.rowdigest import RowDigest

SCHEMA = pl.Schema({"b": pl.Boolean(), "i": pl.Int64(), "x": pl.Float64(), "t": pl.String(), "d": pl.Date(), "at": TIME})
CELLS = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.text(max_size=3),
    st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001  bounds are naive
)
ROWS = st.lists(CELLS, max_size=20)


def _digest(*frames: pl.DataFrame) -> str:
    found = RowDigest()
    for frame in frames:
        found.add(frame)
    return found.digest


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@given(ROWS, st.integers(0, 20))
def test_cuts_do_not_count(rows: list[tuple[object, ...]], cut: int) -> None:
    assert _digest(_frame(rows[:cut]), _frame(rows[cut:])) == _digest(_frame(rows), _frame([]))


@given(ROWS, ROWS)
def test_equal_digests_are_equal_rows(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> None:
    assert (_digest(_frame(one)) == _digest(_frame(other))) == _frame(one).equals(_frame(other))


@given(st.lists(st.none() | st.text(max_size=3), max_size=6), st.lists(st.none() | st.text(max_size=3), max_size=6))
def test_texts_do_not_run_together(one: list[str | None], other: list[str | None]) -> None:
    frames = [pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)}) for texts in (one, other)]
    assert (_digest(frames[0]) == _digest(frames[1])) == (one == other)


def test_what_lies_under_a_null_does_not_count() -> None:
    left = pl.DataFrame({"i": [1, 2]}).with_columns(pl.when(pl.col("i") < 2).then("i"))
    right = pl.DataFrame({"i": [1, 3]}).with_columns(pl.when(pl.col("i") < 3).then("i"))
    assert _digest(left) == _digest(right)


def test_types_count_and_where_they_change() -> None:
    whole, number = pl.DataFrame({"i": [1]}), pl.DataFrame({"i": [1.0]})
    assert len({_digest(whole), _digest(number), _digest(whole, number), _digest(number, whole)}) == 4
