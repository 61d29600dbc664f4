"""Tensors of messages: typed and raw, each said to be wrong where it is."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import InvalidError
from flyball.predict.errors import TensorError, UnsupportedError
from flyball.predict.grpc.contents import parameters_of, put_outputs, tensors_of
from flyball.predict.grpc.messages import of_inference
from flyball.predict.tensors import Tensor
from flyball.serving.errors import NoRowsError, TooManyRowsError

FIELDS = {
    "BOOL": ("bool_contents", [True, False]), "INT8": ("int_contents", [-128, 127]), "INT16": ("int_contents", [-32768, 5]),
    "INT32": ("int_contents", [-(1 << 31), 5]), "INT64": ("int64_contents", [-(1 << 63), (1 << 63) - 1]),
    "UINT8": ("uint_contents", [0, 255]), "UINT16": ("uint_contents", [0, 65535]), "UINT32": ("uint_contents", [0, (1 << 32) - 1]),
    "UINT64": ("uint64_contents", [0, (1 << 64) - 1]), "FP32": ("fp32_contents", [0.5, -2.0]), "FP64": ("fp64_contents", [0.1, 1e300]),
    "BYTES": ("bytes_contents", [b"a", "é".encode()]),
}  # fmt: skip
PARAMETERS = {"labels": "[]", "n": 2, "p": 0.5, "b": True}


def typed(datatype: str, shape: Sequence[int], **contents: Any) -> Any:
    request = of_inference("ModelInferRequest")()
    tensor = request.inputs.add(name="x", datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(tensor.contents, field).extend(values)
    return request


def raw(datatype: str, shape: Sequence[int], *data: bytes) -> Any:
    request = of_inference("ModelInferRequest")(raw_input_contents=data)
    request.inputs.add(name="x", datatype=datatype, shape=shape)
    return request


@pytest.mark.parametrize("datatype", FIELDS)
def test_typed_contents_of_every_datatype_are_what_was_sent(datatype: str) -> None:
    field, values = FIELDS[datatype]
    (found,) = tensors_of(typed(datatype, [2, 1], **{field: values}))
    told = [value.encode() if isinstance(value, str) else value for value in np.asarray(found.elements, object).tolist()]
    assert (told, found.shape, found.datatype) == (values, [2, 1], datatype)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (typed("INT8", [1], int_contents=[128]), "element 0 is 128, which is no INT8"),
        (typed("UINT8", [2], uint_contents=[0, 256]), "element 1 is 256"),
        (typed("FP64", [2], fp64_contents=[1.0]), "it has 1 values; its shape has 2"),
        (typed("FP64", [1], fp64_contents=[1.0, 2.0]), "it has 2 values; its shape has 1"),
        (typed("FP64", [1]), "it has 0 values"),
        (typed("FP64", [1], fp32_contents=[1.0]), "its values are in fp32_contents; send them in fp64_contents"),
        (typed("FP64", [1], fp64_contents=[1.0], int_contents=[1]), "int_contents"),
        (typed("FP16", [1], fp32_contents=[1.0]), "FP16 has no typed contents; send it raw"),
        (typed("DOUBLE", [1], fp64_contents=[1.0]), "datatype"),
        (typed("FP64", [-1], fp64_contents=[1.0]), "its shape is"),
        (typed("FP64", [], fp64_contents=[1.0]), "its shape is"),
        (typed("FP64", [1, 1 << 62, 1 << 62], fp64_contents=[1.0]), "no request has so many values"),
        (raw("FP64", [2], bytes(15)), "it has 15 bytes"),
        (raw("FP64", [1, 1 << 62], bytes(8)), "no request has so many values"),
        (raw("BYTES", [1], b"\xff\xff\xff\xffab"), "does not end"),
        (raw("FP64", [1], bytes(8), bytes(8)), "1 inputs and 2 raw contents"),
        (of_inference("ModelInferRequest")(raw_input_contents=[b""]), "0 inputs and 1 raw"),
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_told_why(request_: Any, words: str) -> None:
    with pytest.raises(TensorError) as refused:
        tensors_of(request_)
    assert words in str(refused.value)


def test_typed_and_raw_contents_at_once_are_refused() -> None:
    request = raw("FP64", [1], bytes(8))
    request.inputs[0].contents.fp64_contents.append(1.0)
    with pytest.raises(TensorError, match="typed and raw"):
        tensors_of(request)


def test_more_rows_than_a_request_may_have_are_refused_before_they_are_counted() -> None:
    with pytest.raises(TooManyRowsError):
        tensors_of(typed("FP64", [1 << 40], fp64_contents=[1.0]))
    with pytest.raises(NoRowsError):
        tensors_of(raw("FP64", [0], b""))


@pytest.mark.parametrize("name", ["shared_memory_region", "sequence_id"])
def test_what_would_change_the_answer_is_refused(name: str) -> None:
    request = raw("FP64", [1], bytes(8))
    request.inputs[0].parameters[name].string_param = "there"
    with pytest.raises(UnsupportedError, match=name):
        tensors_of(request)


def test_outputs_go_as_they_are_wanted() -> None:
    tensors = [
        Tensor(name="score", datatype="FP64", shape=(2,), elements=[0.25, None]),
        Tensor(name="prediction", datatype="BOOL", shape=(2,), elements=[True, False], parameters=PARAMETERS),
        Tensor(name="id", datatype="BYTES", shape=(2,), elements=["a", "é"]),
    ]  # fmt: skip
    plain, packed = of_inference("ModelInferResponse")(), of_inference("ModelInferResponse")()
    put_outputs(plain, tensors, raw=False)
    put_outputs(packed, tensors, raw=True)
    assert plain.outputs[0].contents.fp64_contents[0] == 0.25
    assert np.isnan(plain.outputs[0].contents.fp64_contents[1])
    assert list(plain.outputs[1].contents.bool_contents) == [True, False]
    assert list(plain.outputs[2].contents.bytes_contents) == [b"a", "é".encode()]
    assert not plain.raw_output_contents
    assert packed.raw_output_contents[1] == b"\1\0"
    assert packed.raw_output_contents[2] == b"\1\0\0\0a\2\0\0\0\xc3\xa9"
    assert struct.unpack("<d", packed.raw_output_contents[0][:8]) == (0.25,)
    assert not packed.outputs[0].HasField("contents")
    assert parameters_of(plain.outputs[1].parameters) == PARAMETERS


@given(st.binary(max_size=200))
def test_no_bytes_are_answered_by_anything_but_a_refusal(data: bytes) -> None:
    kind = of_inference("ModelInferRequest")
    try:
        request = kind.FromString(data)
    except DecodeError:
        return
    try:
        tensors_of(request)
    except InvalidError:
        return


@given(
    datatype=st.sampled_from([*FIELDS, "FP16", "BF16", "X"]),
    shape=st.lists(st.integers(-3, 1 << 62), max_size=4),
    data=st.lists(st.binary(max_size=40), max_size=3),
    field=st.sampled_from([None, *(field for field, _ in FIELDS.values())]),
)
def test_no_tensor_is_answered_by_anything_but_a_refusal(datatype: str, shape: list[int], data: list[bytes], field: str | None) -> None:
    request = raw(datatype, shape, *data)
    if field is not None:
        getattr(request.inputs[0].contents, field).extend(dict(FIELDS.values())[field])
    try:
        (found,) = tensors_of(request)
    except InvalidError:
        return
    assert len(found.elements) == np.prod(shape)
