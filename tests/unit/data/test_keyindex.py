"""The index tells rows apart as their values do, however the frames that hold them came to be."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data.keyindex import CONTENT, KEY, KeyIndex
from flyball.data.model import ARRIVAL, KNOWN_TIME, TIME

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
SCHEMA = {"a": pl.String(), "b": pl.Int64(), "c": pl.Float64(), "d": pl.Boolean()}
cells = st.tuples(
    st.none() | st.sampled_from(["", "x", "x\0", "xx"]),
    st.none() | st.integers(-2, 2),
    st.none() | st.sampled_from([0.0, 1.0, 1.5]),
    st.none() | st.booleans(),
)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.lit(NOON, dtype=TIME).alias(KNOWN_TIME))


@settings(deadline=None, max_examples=100)
@given(st.lists(cells, min_size=1, max_size=20), st.integers(0, 20))
def test_equal_values_and_only_they_have_equal_contents(rows: list[tuple[object, ...]], cut: int) -> None:
    index = KeyIndex(["a"], list(SCHEMA))
    whole = frame(rows)
    in_parts = pl.concat([whole[:cut], whole[cut:]], rechunk=False)
    hashed = index.hashed(whole)
    assert index.hashed(in_parts).equals(hashed)
    assert pl.concat([index.hashed(frame([row])) for row in rows]).equals(hashed)
    for (left, one), (right, two) in itertools.combinations(zip(rows, hashed.iter_rows(named=True), strict=True), 2):
        assert (left == right) == (one[CONTENT] == two[CONTENT])
        assert (left[0] == right[0]) == (one[KEY] == two[KEY])


def test_a_million_similar_rows_are_told_apart() -> None:
    numbers = pl.int_range(1000, eager=True)
    rows = (
        pl.DataFrame({"a": numbers})
        .join(pl.DataFrame({"b": numbers}), how="cross")
        .with_columns(pl.lit(NOON, dtype=TIME).alias(KNOWN_TIME))
    )
    hashed = KeyIndex(["a", "b"], ["a", "b"]).hashed(rows)
    assert hashed[KEY].n_unique() == hashed[CONTENT].n_unique() == rows.height


def test_the_last_known_of_a_key_is_found_last() -> None:
    index = KeyIndex(["a"], ["a", "b"])
    times = [NOON, NOON.replace(hour=14), NOON.replace(hour=13), NOON.replace(hour=14)]
    rows = pl.DataFrame({"a": ["x"] * 4, "b": [1, 2, 3, 4], KNOWN_TIME: pl.Series(times, dtype=TIME), ARRIVAL: [0, 1, 2, 3]})
    index.load(rows.sort(ARRIVAL, descending=True).lazy())
    index.add(pl.DataFrame({"a": ["y"], "b": [9], KNOWN_TIME: pl.Series([NOON], dtype=TIME)}))
    known = dict(zip(index.hashed(rows)[CONTENT], rows["b"], strict=True))
    found = index.find(index.hashed(rows[:1]))
    assert [known[content] for content in found[CONTENT]] == [1, 3, 2, 4]
    assert (len(index), index.size_bytes < 5 * 25) == (5, True)
