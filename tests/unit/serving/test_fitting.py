"""Columns of any protocol become rows of the form; what is not right is told with its row and column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.serving.errors import ColumnLengthError, FieldError, NoRowsError
from flyball.serving.fitting import Values, fit
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import RowForm

TIME = "Datetime(time_unit='us', time_zone='UTC')"
FORM = RowForm(
    {
        "id": "String",
        "far": "Float64",
        "near": "Float32",
        "seats": "Int64",
        "tiny": "Int8",
        "late": "Boolean",
        "day": "Date",
        "at": TIME,
        "image": "Binary",
    },
    key=("id",),
    required=frozenset({"id", "far"}),
)
MOMENT = datetime(2013, 12, 1, 6, 0, 0, 5, UTC)
MICROS = int(MOMENT.timestamp()) * 1_000_000 + 5
DAY = (date(2013, 12, 1) - date(1970, 1, 1)).days
LAST = 253_402_300_799_999_999


def one(name: str, values: Values, **other: Any) -> list[Any]:
    """What becomes of a column, the others being right."""
    columns: dict[str, Any] = {"id": [f"r{row}" for row in range(len(values))], "far": [1.0] * len(values)}
    return fit(FORM, {**columns, name: values}, **other).columns[name]


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("far", [1, 2.5, None], [1.0, 2.5, None]),
        ("far", np.array([1, 2], np.uint8), [1.0, 2.0]),
        ("far", np.array([0.5, 2], np.float16), [0.5, 2.0]),
        ("far", pl.Series([1, None, 3]), [1.0, None, 3.0]),
        ("near", np.array([3e38]), [3e38]),
        ("seats", np.array([1.0, -2.0]), [1, -2]),
        ("seats", np.array([2**63 - 1], np.uint64), [2**63 - 1]),
        ("seats", [1, 2.0, None], [1, 2, None]),
        ("tiny", np.array([-128, 127], np.int64), [-128, 127]),
        ("late", np.array([True, False]), [True, False]),
        ("late", [True, None], [True, None]),
        ("id", [b"a", "b"], ["a", "b"]),
        ("id", np.array([b"a", "b"], object), ["a", "b"]),
        ("id", pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        ("image", [b"\xff\x00", "/wA=", None], [b"\xff\x00", b"\xff\x00", None]),
        ("day", ["2013-12-01", DAY, date(2013, 12, 1), None], [DAY, DAY, DAY, None]),
        ("day", np.array([DAY], np.int32), [DAY]),
        ("at", ["2013-12-01T07:00:00.000005+01:00", MICROS, MOMENT, None], [MICROS, MICROS, MICROS, None]),
        ("at", [b"2013-12-01T06:00:00.000005Z"], [MICROS]),
        ("at", np.array([MICROS], np.int64), [MICROS]),
        ("at", np.array(["2013-12-01T06:00:00.000005", "NaT"], "M8[ns]"), [MICROS, None]),
        ("at", pl.Series([MOMENT]).dt.convert_time_zone("America/New_York"), [MICROS]),
        ("at", pl.Series([MICROS // 1000, None]).cast(pl.Datetime("ms", "UTC")), [MICROS // 1000 * 1000, None]),
        ("day", pl.Series([date(2013, 12, 1)]), [DAY]),
        ("at", np.array([LAST], np.int64), [LAST]),
    ],
)
def test_values_that_fit_are_taken_as_the_form_has_them(name: str, values: Values, found: list[Any]) -> None:
    fitted = one(name, values)
    assert fitted == found
    assert [type(value) for value in fitted] == [type(value) for value in found]
    assert FORM.frame(fit(FORM, {"id": ["a"] * len(found), "far": [0] * len(found), name: values}).columns).height == len(found)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("far", [1.0, "2"], "Row 1, field 'far': it is the text '2'; send a number"),
        ("far", [1.0, True], "it is true; send a number"),
        ("far", [0.0, float("nan")], "Row 1, field 'far': it is nan, which is no number"),
        ("far", [0.0, float("-inf")], "it is -inf"),
        ("far", np.array([0, 1, np.nan]), "Row 2, field 'far': it is nan"),
        ("far", pl.Series([0.0, float("inf")]), "Row 1, field 'far': it is inf"),
        ("far", [10**400], "it is a number too large"),
        ("far", [[1.0]], "it is a list"),
        ("far", np.array(["1"]), "the text '1'"),
        ("far", np.array([True]), "it is true"),
        ("near", np.array([0, 1e39]), "it is 1e+39, which is too large"),
        ("near", [1e39], "it is 1e+39, which is too large"),
        ("seats", np.array([1.0, 1.5]), "Row 1, field 'seats': it is the number 1.5; send a whole number"),
        ("seats", np.array([np.nan]), "it is nan"),
        ("seats", np.array([1e300]), "it is the number 1e+300"),
        ("seats", np.array([2**63], np.uint64), "out of range"),
        ("seats", [2**63], "send a whole number"),
        ("seats", [True], "it is true"),
        ("seats", np.array([True]), "it is true"),
        ("tiny", np.array([1, 128]), "Row 1, field 'tiny': it is the number 128, which is out of range"),
        ("late", [1], "it is the number 1; send true or false"),
        ("late", np.array([1], np.uint8), "it is the number 1; send true or false"),
        ("id", ["a", None], "Row 1, field 'id': it is null, but it identifies the row"),
        ("id", [b"\xff"], "a text that is not UTF-8"),
        ("id", ["x" * 10_001], "a text of 10,001 characters"),
        ("id", [1], "it is the number 1; send a text"),
        ("image", ["no base64!"], "send bytes, in base64"),
        ("day", ["yesterday"], "send a date such as"),
        ("day", np.array([10**7]), "out of range"),
        ("at", ["2013-12-01T06:00:00"], "send a time with its zone"),
        ("at", [MOMENT.replace(tzinfo=None)], "send a time with its zone"),
        ("at", pl.Series([MOMENT.replace(tzinfo=None)]), "send a time with its zone"),
        ("at", np.array([LAST + 1], np.int64), "out of range"),
        ("at", pl.Series([-(2**62)]).cast(pl.Datetime("ms", "UTC")), "send a time"),
        ("at", pl.Series([date(2013, 12, 1)]), "of the type Date"),
        ("far", pl.Series([MOMENT]), "of the type Datetime"),
        ("at", [LAST + 1], "send a time with its zone"),
        ("at", np.array([1.5]), "send a time"),
    ],
)
def test_values_that_do_not_fit_are_told_with_row_and_column(name: str, values: Values, words: str) -> None:
    with pytest.raises(FieldError) as caught:
        one(name, values)
    assert words in str(caught.value)
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({}, NoRowsError, "no row"),
        ({"id": [], "far": []}, NoRowsError, "no row"),
        ({"id": ["a"]}, FieldError, "field 'far': it is missing"),
        ({"id": ["a"], "far": [1], "fur": [1]}, FieldError, "Did you mean 'far'?"),
        ({"id": ["a", "b"], "far": [1]}, ColumnLengthError, "Column 'far' has 1 values, but 'id' has 2"),
    ],
    ids=["nothing", "no row", "missing", "unknown", "lengths"],
)
def test_columns_are_those_of_the_form_and_of_one_length(columns: Mapping[str, Values], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit(FORM, columns)


def test_what_the_form_does_not_require_may_be_missing() -> None:
    assert fit(FORM, {"far": [1, 2], "id": ["a", "b"]}).columns["at"] == [None, None]


@pytest.mark.parametrize("values", [[1.0, float("nan")], np.array([1.0, np.nan], np.float32)], ids=["list", "array"])
def test_nan_is_what_is_not_known_only_where_that_is_said(values: Values) -> None:
    assert one("far", values, nan_is_null=True) == [1.0, None]
    with pytest.raises(FieldError):
        one("far", values)


def test_a_model_that_does_not_say_what_it_takes_is_given_what_comes() -> None:
    columns: dict[str, Values] = {"a": [1, None], "b": np.array([True, False]), "c": [None, b"x"], "d": np.array([1, 2])}
    found = fit(OpenForm(), columns)
    assert dict(found.form.columns) == {"a": "Float64", "b": "Boolean", "c": "String", "d": "Float64"}
    assert found.columns["c"] == [None, "x"]
    with pytest.raises(FieldError, match="send a number"):
        fit(OpenForm(), {"a": [1, "x"]})


def test_a_model_that_kept_its_names_is_asked_with_those() -> None:
    assert list(fit(OpenForm(["b", "a"]), {"a": [1], "b": ["x"]}).form.columns) == ["b", "a"]
    with pytest.raises(FieldError, match="'b': it is missing"):
        fit(OpenForm(["b", "a"]), {"a": [1]})
    with pytest.raises(FieldError, match="Did you mean"):
        fit(OpenForm(["b", "a"]), {"a": [1], "b": ["x"], "aa": [1]})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.datetimes(timezones=st.just(UTC)).map(str)


@given(name=st.sampled_from(sorted(FORM.columns)), value=VALUES)
def test_a_value_is_what_a_row_in_json_makes_of_it(name: str, value: Any) -> None:
    """Two doors, one meaning: what one takes as a value of JSON the other takes, and makes the same of it."""
    row = {"id": "a", "far": 1.0, **{other: None for other in FORM.columns if other not in {"id", "far"}}, name: value}
    try:
        decoded: Any = FORM.decode(json.dumps({"rows": [row]}).encode()).columns[name]
    except FieldError:
        decoded = None
    try:
        fitted: Any = one(name, [value])
    except FieldError:
        fitted = None
    wider = (
        (isinstance(value, float) and FORM.columns[name].startswith("Int"))  # whole floats are whole numbers
        or (isinstance(value, int) and name in {"day", "at"})  # numbers are times
        or (isinstance(value, float | int) and name == "near")  # a number too large for the column is refused
    )
    assert wider or fitted == decoded
