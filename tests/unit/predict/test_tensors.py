"""Raw tensors are read and written as the protocol has them, and nothing that they say of their size is believed."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import FlyballError
from flyball.predict.tensors import DATATYPES, NUMPY, Tensor, columns_of, of_raw, to_raw
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import RowForm

FORM = RowForm({"a": "Float64", "b": "Float64", "c": "Float64"}, key=(), required=frozenset("abc"))


def raw_texts(values: list[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def as_bytes(values: Any) -> list[bytes]:
    return [value.encode() if isinstance(value, str) else value for value in values]


@given(values=st.lists(st.binary(max_size=6) | st.text(max_size=6).map(str.encode) | st.just(b"x" * 300), min_size=1, max_size=8))
def test_texts_are_read_as_they_were_written(values: list[bytes]) -> None:
    data = raw_texts(values)
    assert to_raw("BYTES", values) == data
    assert of_raw("t", "BYTES", shape=[len(values)], data=data) == values
    assert as_bytes(of_raw("t", "BYTES", shape=[len(values)], data=data, as_text=True)) == values


@given(data=st.binary(max_size=40), count=st.integers(1, 6), as_text=st.booleans())
def test_any_bytes_are_texts_or_an_error(data: bytes, count: int, as_text: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    try:
        found = of_raw("t", "BYTES", shape=[count], data=data, as_text=as_text)
    except FlyballError:
        return
    assert raw_texts(as_bytes(found)) == data


@pytest.mark.parametrize("datatype", sorted(NUMPY))
def test_numbers_are_read_as_they_were_written(datatype: str) -> None:
    values = np.array([0, 1, 1], NUMPY[datatype])
    found = of_raw("t", datatype, shape=[3], data=to_raw(datatype, values))
    assert np.asarray(found).tolist() == values.tolist()


def test_halves_of_singles_are_read() -> None:
    data = (np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    assert np.asarray(of_raw("t", "BF16", shape=[2], data=data)).tolist() == [1.5, -2.0]


@given(
    datatype=st.sampled_from(DATATYPES) | st.text(max_size=5),
    shape=st.lists(st.integers(-3, 2**70), max_size=4),
    data=st.binary(max_size=64),
)
def test_any_tensor_is_read_or_refused(datatype: str, shape: list[int], data: bytes) -> None:
    try:
        found = of_raw("t", datatype, shape=shape, data=data)
    except FlyballError:
        return
    assert len(found) == np.prod(shape)


@pytest.mark.parametrize("shape", [[1, 10**4000, 10**4000], [10**4000], [1, 2**41]], ids=["far", "rows", "near"])
def test_a_shape_of_thousands_of_digits_is_refused_in_a_sentence(shape: list[int]) -> None:
    with pytest.raises(FlyballError, match=r"so many values"):
        of_raw("t", "FP64", shape=shape, data=bytes(8))


def test_a_matrix_is_the_columns_of_the_form() -> None:
    matrix = np.arange(6.0)
    found = columns_of(FORM, [Tensor(name="x", datatype="FP64", shape=[2, 3], elements=matrix)])
    assert {name: np.asarray(values).tolist() for name, values in found.items()} == {"a": [0, 3], "b": [1, 4], "c": [2, 5]}
    open_form = columns_of(OpenForm(), [Tensor(name="x", datatype="FP64", shape=[3, 2], elements=[1, 2, 3, 4, 5, 6])])
    assert open_form == {"0": [1, 3, 5], "1": [2, 4, 6]}
    with pytest.raises(FlyballError, match=r"one matrix \[ROWS, 3\]"):
        columns_of(FORM, [Tensor(name="x", datatype="FP64", shape=[3, 2], elements=matrix)])
