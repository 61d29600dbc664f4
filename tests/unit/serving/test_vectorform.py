"""Finished features may have their row's key beside them, wholly or not at all; without it nothing costs more."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.predict.signature import beside_of, inputs_of
from flyball.predict.tensors import Tensor, columns_of
from flyball.serving.errors import FieldError, NotJsonError, RequestShapeError
from flyball.serving.fitting import fit
from flyball.serving.rowform import Rows
from flyball.serving.vectorform import BesideForm, VectorForm, features_of, vector_form

DTYPES = {"flights.carrier": pl.String(), "sky.temp": pl.Float64(), "calendar.hour": pl.Int8()}
BESIDE = {"airline": "String", "number": "Int32", "user": "String"}


def form(**changes: Any) -> VectorForm:
    found = vector_form(**{"dtypes": DTYPES, "beside": BESIDE, "key": ("airline", "number"), **changes})
    assert found is not None
    return found


FORM = form()


def row(**more: Any) -> dict[str, Any]:
    return {"flights.carrier": "UA", "sky.temp": 1.5, "calendar.hour": 7, **more}


def decoded(*rows: Any) -> Rows:
    return FORM.decode(json.dumps({"rows": rows}).encode())


def test_features_alone_are_rows_without_a_key() -> None:
    for rows in (decoded(row(), row()), decoded(row(airline=None, user=None)), fit(FORM, {name: [row()[name]] for name in DTYPES})):
        assert rows.form is FORM
        assert rows.form.key == ()
        assert list(rows.columns) == list(DTYPES)
        assert features_of(rows) is rows


def test_a_key_beside_features_is_the_rows_own() -> None:
    rows = decoded(row(airline="UA", number=7), row(airline="B6", number=8, user="ada"))
    assert (rows.texts(rows.form.key), rows.keys()) == (["UA\x1f7", "B6\x1f8"], [["UA", 7], ["B6", 8]])
    alone = features_of(rows)
    assert (alone.form, list(alone.columns), alone.n) == (FORM, list(DTYPES), 2)
    assert decoded(row(airline="UA", number=9)).form is rows.form, "requests of one form are computed together"


def test_what_the_routing_looks_at_may_come_without_a_key() -> None:
    rows = decoded(row(user="ada"), row())
    assert isinstance(rows.form, BesideForm)
    assert (rows.form.key, rows.columns["user"]) == ((), ["ada", None])


@pytest.mark.parametrize(("rows", "place", "field"), [
    ([row(airline="UA")], 0, "number"), ([row(airline="UA", number=1), row()], 1, "airline"),
    ([row(airline="UA", number=1), row(airline="UA", number=None)], 1, "number"), ([row(airline=7, number=1)], 0, "airline"),
    ([row(airlin="UA")], 0, "airlin"), ([{"airline": "UA", "number": 1}], 0, "flights.carrier"),
])  # fmt: skip
def test_half_a_key_is_none(rows: list[dict[str, Any]], place: int, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        decoded(*rows)
    assert (refused.value.row, refused.value.field) == (place, field)
    columns = {name: [found.get(name) for found in rows] for name in dict.fromkeys(name for found in rows for name in found)}
    with pytest.raises(FieldError):
        fit(FORM, columns)


def test_what_is_no_request_is_said_as_ever() -> None:
    with pytest.raises(NotJsonError):
        FORM.decode(b'{"rows": [')
    with pytest.raises(RequestShapeError):
        FORM.decode(b'{"rows": []}')
    with pytest.raises(FieldError, match="Did you mean 'airline'"):
        decoded(row(airlne="UA"))


def test_a_key_that_is_called_as_a_feature_cannot_be_said() -> None:
    found = form(dtypes={**DTYPES, "number": pl.Int32()})
    assert (found.row_key, dict(found.beside)) == ((), {"user": "String"})
    assert vector_form({"f.x": pl.List(pl.Int8())}, beside=BESIDE) is None


def test_tensors_bring_keys_beside_columns_and_beside_a_matrix() -> None:
    keys = [
        Tensor(name="airline", datatype="BYTES", shape=[2], elements=["UA", "B6"]),
        Tensor(name="number", datatype="INT64", shape=[2, 1], elements=np.array([1, 2])),
    ]
    numbers = form(dtypes={"a.x": pl.Float64(), "a.y": pl.Float64()})
    matrix = Tensor(name="input", datatype="FP64", shape=[2, 2], elements=np.array([1.0, 2.0, 3.0, 4.0]))
    rows = fit(numbers, columns_of(numbers, [keys[0], matrix, keys[1]]))
    assert (rows.texts(rows.form.key), rows.columns["a.y"]) == (["UA\x1f1", "B6\x1f2"], [2.0, 4.0])
    assert fit(numbers, columns_of(numbers, [matrix])).form is numbers
    apart = [Tensor(name=name, datatype="FP64", shape=[2], elements=[1.0, 2.0]) for name in ("a.x", "a.y")]
    assert fit(numbers, columns_of(numbers, [*apart, *keys])).keys() == [["UA", 1], ["B6", 2]]


def test_the_signature_tells_of_them_apart() -> None:
    assert [spec.name for spec in inputs_of(FORM)] == list(DTYPES)
    assert [(spec.name, spec.datatype) for spec in beside_of(FORM)] == [("airline", "BYTES"), ("number", "INT32"), ("user", "BYTES")]
