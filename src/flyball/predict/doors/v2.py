"""The Open Inference Protocol, version 2, over HTTP: `https://github.com/kserve/open-inference-protocol`, with Triton's binary tensors.

A tensor's data stand in the JSON, flat or nested, or behind it as raw bytes; then a header says where the JSON ends. Whatever fails,
the answer is ``{"error": "…"}`` as ``application/json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any

import msgspec

from flyball.governance import Permission
from flyball.predict.dataplane import DataPlane, Inferred, inferred_of
from flyball.predict.errors import HeaderLengthError, InferenceRequestError, TensorError
from flyball.predict.parameters import check_parameters
from flyball.predict.replies import JSON, Reply, of_json
from flyball.predict.request import Asking, Body, Request, Route
from flyball.predict.tensors import Elements, Tensor, check_datatype, count_of, of_raw, to_raw
from flyball.serving.asked import Answer
from flyball.serving.errors import NotJsonError
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import RowForm

MOST_INPUTS = 10_000
_KINDS = (b"", JSON[1], b"application/octet-stream", b"application/vnd.sagemaker-triton.binary+json")
_LENGTH = b"inference-header-content-length"
_ENCODER = msgspec.json.Encoder()
_LONGEST_SHOWN = 60
_LONGEST_LENGTH = 18

Parameters = dict[str, Any]


class Input(msgspec.Struct, gc=False):
    """An input as it is sent."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: msgspec.Raw = msgspec.Raw()


class Output(msgspec.Struct, gc=False):
    """An output that is wanted."""

    name: str
    parameters: Parameters = {}


class InferenceRequest(msgspec.Struct, gc=False):
    """What is asked; `outputs` that are not said are all."""

    inputs: Annotated[list[Input], msgspec.Meta(min_length=1, max_length=MOST_INPUTS)]
    id: str | None = None
    parameters: Parameters = {}
    outputs: Annotated[list[Output], msgspec.Meta(max_length=MOST_INPUTS)] | None = None


_DECODER = msgspec.json.Decoder(InferenceRequest)


async def infer(plane: DataPlane, request: Request) -> Reply:
    """The outputs for the inputs."""
    asking = begin(plane, request)
    return asking.render(await plane.ask(asking.target, asking.rows, asker=request))


def begin(plane: DataPlane, request: Request) -> Asking:
    """The inputs as rows, and how their outputs are wanted."""
    target = plane.find(request.name, request.version)
    size = _header_length(request)
    asked = _decode(request.body if size is None else request.body[:size])
    outputs = asked.outputs or ()
    for parameters in (asked.parameters, *(found.parameters for found in outputs)):
        check_parameters(parameters)
    tensors = _tensors(asked.inputs, memoryview(request.body)[len(request.body) if size is None else size :], form=target.form)
    wanted = [found.name for found in outputs]
    rows = plane.rows_of_tensors(target, tensors, wanted=wanted, parameters=asked.parameters)
    usual = asked.parameters.get("binary_data_output") is True
    binary = {found.name for found in outputs if found.parameters.get("binary_data", usual) is True}

    def render(answer: Answer) -> Reply:
        inferred = inferred_of(target, answer, wanted=wanted)
        return _rendered(inferred, asked.id, binary=binary if outputs else {tensor.name for tensor in inferred.outputs if usual})

    return Asking(target, rows, render)


# ---- what comes ----------------------------------------------------------------------------------------------------------


def _header_length(request: Request) -> int | None:
    said = request.head.get(_LENGTH)
    if said is None:
        return None
    if not said.isdigit() or len(said) > _LONGEST_LENGTH or int(said) > len(request.body):
        raise HeaderLengthError(said.decode("latin-1"), len(request.body))
    return int(said)


def _decode(body: bytes) -> InferenceRequest:
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise InferenceRequestError(str(error)) from error
    except msgspec.DecodeError as error:
        raise NotJsonError(str(error)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError("it is nested too deep" if isinstance(error, RecursionError) else f"byte {error.start} is not UTF-8") from error


def _tensors(inputs: Sequence[Input], raw: memoryview, *, form: RowForm | OpenForm) -> list[Tensor]:
    kinds = form.accepted if isinstance(form, RowForm) else {}
    found: list[Tensor] = []
    place = 0
    for given in inputs:
        if given.parameters:
            check_parameters(given.parameters)
        size = given.parameters.get("binary_data_size")
        if size is None:
            found.append(_of_json(given))
            continue
        place += _raw_size(given, size, left=len(raw) - place)
        text = kinds.get(given.name) != "Binary"
        elements = of_raw(given.name, given.datatype, shape=given.shape, data=raw[place - size : place], as_text=text)
        found.append(Tensor(name=given.name, datatype=given.datatype, shape=given.shape, elements=elements))
    if place != len(raw):
        raise TensorError(inputs[-1].name, f"{len(raw) - place:,} bytes follow the last binary input; none said to have them")
    return found


def _raw_size(given: Input, size: Any, *, left: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= left:
        said = str(size)[:_LONGEST_SHOWN]
        raise TensorError(given.name, f"its binary_data_size is {said}, but the body has {left:,} bytes left for it")
    if bytes(given.data):
        raise TensorError(given.name, "it has data and binary_data_size; send one of them")
    return size


# ---- tensors in JSON -----------------------------------------------------------------------------------------------------

_FLOAT = Annotated[float, msgspec.Meta(ge=-1.7976931348623157e308, le=1.7976931348623157e308)]
_ELEMENTS: Mapping[str, Any] = {
    "BOOL": bool, "BYTES": str, "FP16": _FLOAT, "BF16": _FLOAT, "FP32": _FLOAT, "FP64": _FLOAT,
    **{f"INT{bits}": Annotated[int, msgspec.Meta(ge=-(1 << bits - 1), le=(1 << bits - 1) - 1)] for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": Annotated[int, msgspec.Meta(ge=0, le=(1 << bits) - 1)] for bits in (8, 16, 32)},
    "UINT64": Annotated[int, msgspec.Meta(ge=0)],
}  # fmt: skip


@cache
def _reader(datatype: str, depth: int) -> msgspec.json.Decoder[Any]:
    """Reads lists of such values that are nested so deep: 1 is flat."""
    kind: Any = _ELEMENTS[datatype] | None
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind)


def _of_json(given: Input) -> Tensor:
    check_datatype(given.name, given.datatype)
    count = count_of(given.name, given.shape)
    raw = bytes(given.data)
    if not raw:
        raise TensorError(given.name, "it has no data")
    try:
        elements = _read(given, raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TensorError(given.name, f"its data are no {given.datatype} of shape {given.shape}: {error}") from error
    if len(elements) != count:
        raise TensorError(given.name, f"it has {len(elements):,} elements, but its shape {given.shape} says {count:,}")
    return Tensor(name=given.name, datatype=given.datatype, shape=given.shape, elements=elements, parameters=given.parameters)


def _read(given: Input, raw: bytes) -> Elements:
    """The elements, whether they came flat or nested as the shape is."""
    depth = _depth(raw)
    if depth <= 1:
        found: list[Any] = _reader(given.datatype, 1).decode(raw)
        return found
    if depth != len(given.shape):
        raise TensorError(
            given.name, f"its data are nested {depth} deep, but its shape is {given.shape}; send them flat, or as the shape is"
        )
    nested = _reader(given.datatype, depth).decode(raw)
    for size in given.shape[1:]:
        if any(len(part) != size for part in nested):
            raise TensorError(given.name, f"its data are ragged: not every part has {size} of them, as its shape {given.shape} says")
        nested = [element for part in nested for element in part]
    return nested  # type: ignore[no-any-return]  # it has the type of the last level


def _depth(raw: bytes) -> int:
    """How many lists begin before the first value."""
    depth = 0
    for byte in raw[:1000]:
        if byte == ord("["):
            depth += 1
        elif byte not in b" \t\r\n":
            break
    return depth


# ---- what goes -----------------------------------------------------------------------------------------------------------


def _rendered(inferred: Inferred, named: str | None, *, binary: set[str]) -> Reply:
    told: dict[str, Any] = {"model_name": inferred.name}
    parameters: dict[str, Any] = {"route": inferred.route}
    if inferred.version is not None:
        told["model_version"] = str(inferred.version)
        parameters["version"] = inferred.version
    if named is not None:
        told["id"] = named
    told["parameters"] = parameters
    raw: list[bytes] = []
    told["outputs"] = [_output(tensor, raw, binary=tensor.name in binary) for tensor in inferred.outputs]
    if not raw:
        return of_json(told)
    head = _ENCODER.encode(told)
    body = b"".join((head, *raw))
    length = (b"content-length", b"%d" % len(body))
    return Reply(200, [(b"content-type", b"application/octet-stream"), (_LENGTH, b"%d" % len(head)), length], body)


def _output(tensor: Tensor, raw: list[bytes], *, binary: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    if tensor.parameters:
        told["parameters"] = dict(tensor.parameters)
    if not binary:
        return {**told, "data": tensor.elements}
    data = to_raw(tensor.datatype, tensor.elements)
    raw.append(data)
    return {**told, "parameters": {**tensor.parameters, "binary_data_size": len(data)}}


_ONE, _VERSION = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
ROUTES = tuple(Route("POST", f"{model}/infer", Permission.PREDICT, infer, Body.ROWS, _KINDS, begin) for model in (_ONE, _VERSION))
