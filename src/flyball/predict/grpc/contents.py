"""Tensors of messages and back: typed contents, and raw bytes beside all tensors of a message.

A message has the one or the other. Who sent raw bytes is answered in raw bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from flyball.predict.errors import TensorError
from flyball.predict.parameters import check_parameters
from flyball.predict.tensors import NUMPY, Elements, Tensor, check_datatype, count_of, of_raw, to_raw

_FIELDS: Mapping[str, str] = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
    "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip


def tensors_of(request: Any) -> list[Tensor]:
    """The inputs of a ModelInferRequest.

    Raises:
        TensorError: one is not what it says to be.
        UnsupportedError: one is said to be elsewhere.
        TooManyRowsError: one has more rows than a request may have.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        name = request.inputs[0].name if request.inputs else ""
        raise TensorError(name, f"the request has {len(request.inputs)} inputs and {len(raw)} raw contents; send one for each")
    return [_tensor(tensor, raw[place] if raw else None) for place, tensor in enumerate(request.inputs)]


def _tensor(tensor: Any, raw: bytes | None) -> Tensor:
    name, datatype, shape = tensor.name, tensor.datatype, list(tensor.shape)
    check_parameters(parameters_of(tensor.parameters))
    if raw is None:
        elements = _typed(tensor, shape)
    elif tensor.HasField("contents"):
        raise TensorError(name, "it has typed and raw contents; send one of them")
    else:
        elements = of_raw(name, datatype, shape=shape, data=raw)
    return Tensor(name=name, datatype=datatype, shape=shape, elements=elements)


def _typed(tensor: Any, shape: Sequence[int]) -> Elements:
    name, datatype = tensor.name, tensor.datatype
    check_datatype(name, datatype)
    count = count_of(name, shape)
    wanted = _FIELDS.get(datatype)
    if wanted is None:
        raise TensorError(name, f"{datatype} has no typed contents; send it raw")
    for field, _ in tensor.contents.ListFields():
        if field.name != wanted:
            raise TensorError(name, f"it is {datatype}, but its values are in {field.name}; send them in {wanted}")
    values = getattr(tensor.contents, wanted)
    if len(values) != count:
        raise TensorError(name, f"it has {len(values):,} values; its shape has {count:,}")
    return [_text(value) for value in values] if datatype == "BYTES" else _numbers(name, datatype, values=values[:])


def _numbers(name: str, datatype: str, *, values: list[Any]) -> Elements:
    found = np.array(values, NUMPY[datatype] if datatype in {"BOOL", "FP32", "FP64", "UINT64"} else np.int64)
    if datatype in {"INT8", "INT16", "UINT8", "UINT16"}:  # the field that they travel in holds more
        bounds = np.iinfo(NUMPY[datatype])
        wrong = (found < bounds.min) | (found > bounds.max)
        if wrong.any():
            raise TensorError(name, f"element {int(wrong.argmax())} is {found[wrong.argmax()]}, which is no {datatype}")
    return found


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value  # whoever wants a text there says in which row it is none


def put_outputs(response: Any, tensors: Iterable[Tensor], *, raw: bool) -> None:
    """The tensors as the outputs of a ModelInferResponse."""
    for tensor in tensors:
        output = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        for key, value in tensor.parameters.items():
            put_parameter(output.parameters[key], value)
        if raw:
            response.raw_output_contents.append(to_raw(tensor.datatype, tensor.elements))
        else:
            getattr(output.contents, _FIELDS[tensor.datatype]).extend(_plain(tensor))


def _plain(tensor: Tensor) -> Iterable[Any]:
    if tensor.datatype == "BYTES":
        return [value if isinstance(value, bytes) else str(value).encode() for value in tensor.elements]
    return np.asarray(tensor.elements, NUMPY[tensor.datatype]).tolist()  # type: ignore[no-any-return]  # numpy says Any


def parameters_of(given: Any) -> dict[str, Any]:
    """The values of a map of parameters."""
    chosen = {name: (value, value.WhichOneof("parameter_choice")) for name, value in given.items()}
    return {name: None if choice is None else getattr(value, choice) for name, (value, choice) in chosen.items()}


def put_parameter(parameter: Any, value: Any) -> None:
    """The value as an InferParameter."""
    match value:
        case bool():
            parameter.bool_param = value
        case int():
            parameter.int64_param = value
        case float():
            parameter.double_param = value
        case _:
            parameter.string_param = str(value)
