"""A request that is right is decoded; one that is not is told which row and field is wrong, and what was wanted there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import FlyballError
from flyball.serving.errors import ColumnTypeError, FieldError, NotJsonError, RequestShapeError, TooManyRowsError
from flyball.serving.rowform import RowForm

COLUMNS = {
    "flight id": "String", "carrier": "String", "distance": "Float64", "seats": "Int64", "on time": "Boolean", "day": "Date",
    "departs_at": "Datetime(time_unit='us', time_zone='UTC')", "more": "Int8",
}  # fmt: skip
FORM = RowForm(COLUMNS, key=("flight id",), required=frozenset(COLUMNS) - {"more"})
ROW: dict[str, Any] = {
    "flight id": "a", "carrier": None, "distance": 1, "seats": 3, "on time": True, "day": "2013-12-01",
    "departs_at": "2013-12-01T01:00:00-05:00",
}  # fmt: skip


def frame_of(form: RowForm, data: bytes) -> pl.DataFrame:
    return form.frame(form.decode(data).columns)


def body(*rows: Any) -> bytes:
    return json.dumps({"rows": rows}).encode()


def changed(**values: Any) -> dict[str, Any]:
    return {**ROW, **{name.replace("_id", " id").replace("on_time", "on time"): value for name, value in values.items()}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


def test_a_right_row_becomes_a_frame_of_the_columns_types() -> None:
    frame = frame_of(FORM, body(ROW, {**ROW, "more": 7}))
    assert frame.schema == FORM.schema
    assert frame["more"].to_list() == [None, 7]
    assert frame["departs_at"].dt.strftime("%Y-%m-%dT%H:%M%z").to_list() == ["2013-12-01T06:00+0000"] * 2
    assert FORM.keys(frame) == ["a", "a"]


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (without("distance"), "distance", "missing"),
        (changed(distnce=1), "distnce", "Did you mean 'distance'"),
        (changed(distance="12"), "distance", "the text '12'; send a number"),
        (changed(distance=float("nan")), "distance", "nan, which is no number"),
        (changed(distance=float("-inf")), "distance", "-inf"),
        (changed(distance=True), "distance", "true; send a number"),
        (changed(seats=1.5), "seats", "the number 1.5; send a whole number"),
        (changed(seats=1 << 70), "seats", "send a whole number"),
        (changed(more=128), "more", "the number 128"),
        (changed(flight_id=None), "flight id", "identifies the row"),
        (changed(flight_id=7), "flight id", "the number 7; send a text"),
        (changed(on_time="yes"), "on time", "true or false"),
        (changed(day="1 December"), "day", "a date such as"),
        (changed(departs_at="2013-12-01T06:00:00"), "departs_at", "with its zone"),
        (changed(departs_at=1385877600), "departs_at", "with its zone"),
        (changed(carrier="x" * 10_001), "carrier", "at most 10000"),
        (changed(carrier=["UA"]), "carrier", "a list; send a text"),
        (changed(carrier={"code": "UA"}), "carrier", "an object; send a text"),
    ],
)
def test_the_wrong_field_of_the_wrong_row_is_named(row: Mapping[str, Any], field: str, words: str) -> None:
    with pytest.raises(FieldError, match="Row 2, field ") as caught:
        FORM.decode(body(ROW, ROW, row))
    assert (caught.value.row, caught.value.field) == (2, field)
    assert words in str(caught.value)


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(FieldError, match="surrogate"):
        FORM.decode(body(ROW).replace(b'"a"', b'"\\ud800"'))


def test_a_number_too_large_for_a_float_is_no_number() -> None:
    with pytest.raises(FieldError, match="inf"):
        FORM.decode(body(ROW).replace(b'"distance": 1', b'"distance": 1e400'))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1, column 1"),
        (b'{"rows": [{"flight id": "a",}]}', "column 29"),
        (b'{"rows": [}', "column 11"),
        (b'{"rows": [{"flight id": "\xff"}]}', "byte 25 is not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_json_is_told_where(data: bytes, words: str) -> None:
    with pytest.raises(NotJsonError, match="not JSON") as caught:
        FORM.decode(data)
    assert words in str(caught.value)


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b"{}", b'{"rows": {}}', b'{"rows": []}', b'{"rows": [1]}', b'{"rwos": []}'])
def test_json_that_is_no_request_is_told_what_one_is(data: bytes) -> None:
    with pytest.raises(RequestShapeError, match="rows"):
        FORM.decode(data)


def test_a_thousand_rows_are_decoded_and_one_more_is_not() -> None:
    assert FORM.decode(body(*[ROW] * 1000)).n == 1000
    with pytest.raises(TooManyRowsError, match=r"1,001 rows; one may have 1,000"):
        FORM.decode(body(*[ROW] * 1001))
    with pytest.raises(TooManyRowsError):
        FORM.decode(body(*[{"wrong": 1}] * 1001))


def test_a_key_of_several_columns_is_joined_as_the_loop_joins_it() -> None:
    form = RowForm(
        {"n": "Int64", "at": "Datetime(time_unit='us', time_zone='UTC')", "flag": "Boolean"}, key=("n", "at"), required={"n", "at"}
    )
    frame = frame_of(form, b'{"rows": [{"n": 7, "at": "2013-12-01T06:00:00Z"}]}')
    expected = frame.select(pl.concat_str(pl.col("n", "at").cast(pl.String), separator="\x1f", ignore_nulls=True)).to_series().to_list()
    assert form.keys(frame) == expected


def test_a_type_that_no_dataset_has_is_refused() -> None:
    with pytest.raises(ColumnTypeError):
        RowForm({"x": "List(Int64)"}, key=(), required=()).decode(b"{}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["2013-12-01T06:00:00Z", "2013-12-01"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from([*COLUMNS, "unknown"]), VALUES))
def test_any_row_is_decoded_or_refused_in_words_never_both_nor_neither(values: dict[str, Any]) -> None:
    try:
        rows = FORM.decode(body({**ROW, **values}))
    except FlyballError:
        return
    assert FORM.frame(rows.columns).schema == FORM.schema


@given(st.binary(max_size=40))
def test_any_bytes_are_decoded_or_refused_in_words(data: bytes) -> None:
    with pytest.raises(FlyballError):
        FORM.decode(data)


def test_bytes_come_in_base64_and_what_is_none_is_refused() -> None:
    form = RowForm({"photo": "Binary"}, key=(), required=("photo",))
    assert form.frame(form.decode(body({"photo": "AP8="})).columns)["photo"].to_list() == [b"\x00\xff"]
    with pytest.raises(FieldError, match="bytes, in base64"):
        form.decode(body({"photo": "no base64!"}))
