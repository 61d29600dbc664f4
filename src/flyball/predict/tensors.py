"""Tensors of the Open Inference Protocol: their datatypes, their raw bytes, and the columns that they are of a request's rows.

Raw values are little-endian, row by row; an element of BYTES is its length in four bytes and then itself. Nothing that a tensor says of
its size is believed before it has been compared with what is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from flyball.core.errors import UnknownNameError
from flyball.predict.errors import TensorError
from flyball.serving.errors import NoRowsError, TooManyRowsError
from flyball.serving.fitting import MOST_COLUMNS, Values
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import MAX_ROWS, RowForm
from flyball.serving.vectorform import VectorForm

Elements: TypeAlias = "npt.NDArray[Any] | list[Any]"

NUMPY: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"), "FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8"),
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
}  # fmt: skip
DATATYPES = (*NUMPY, "BF16", "BYTES")
_LENGTH_BYTES = 4
_MOST_DIMENSIONS = 8
_LONGEST_SIDE = 1 << 40
"""Beyond what any body holds, and short enough to be written down: what JSON says may have thousands of digits."""


class Tensor(msgspec.Struct, gc=False, kw_only=True):
    """`elements` are flat, in row order: an array, or a list of plain values, texts or bytes, with None for what is not known."""

    name: str
    datatype: str
    shape: Sequence[int]
    elements: Elements
    parameters: Mapping[str, Any] = {}


def check_datatype(name: str, datatype: str) -> None:
    """The datatype is one of the protocol's.

    Raises:
        TensorError: it is none.
    """
    if datatype not in DATATYPES:
        raise TensorError(name, str(UnknownNameError("datatype", datatype[:20], known=DATATYPES)))


def count_of(name: str, shape: Sequence[int]) -> int:
    """How many elements such a tensor has.

    Raises:
        TensorError: no tensor of a request has such a shape.
        TooManyRowsError: it has more rows than a request may have.
    """
    if not 1 <= len(shape) <= _MOST_DIMENSIONS or min(shape) < 0:
        raise TensorError(name, f"its shape is {_shape(shape)}; send [ROWS] or [ROWS, 1]")
    if 0 in shape:
        raise NoRowsError
    if max(shape) > _LONGEST_SIDE:
        raise TensorError(name, f"its shape is {_shape(shape)}; no request has so many values")
    if shape[0] > MAX_ROWS:
        raise TooManyRowsError(shape[0], limit=MAX_ROWS)
    return math.prod(shape)


def of_raw(name: str, datatype: str, *, shape: Sequence[int], data: bytes | memoryview, as_text: bool = False) -> Elements:
    """The elements that the bytes are; those of BYTES are bytes, or with `as_text` texts where that costs nothing.

    Raises:
        TensorError: they are not those of such a tensor.
        TooManyRowsError: it has more rows than a request may have.
    """
    check_datatype(name, datatype)
    count = count_of(name, shape)
    if datatype == "BYTES":
        whole = bytes(data)
        return (_short_texts(count, whole) if as_text else None) or _pieces(name, count, data=whole)
    width = 2 if datatype == "BF16" else NUMPY[datatype].itemsize
    if len(data) != count * width:
        raise TensorError(name, f"it has {len(data):,} bytes; {count:,} elements of {datatype} have {count * width:,}")
    if datatype == "BOOL":
        return np.frombuffer(data, np.uint8).astype(np.bool_)
    if datatype == "BF16":  # the upper half of an FP32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, NUMPY[datatype])


def _pieces(name: str, count: int, *, data: bytes) -> list[Any]:
    found: list[Any] = []
    place, end = 0, len(data)
    for _ in range(count):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(data[place:start], "little")
        if place > end or start > end:
            raise TensorError(name, f"it has {end:,} bytes, in which element {len(found):,} of {count:,} does not end")
        found.append(data[start:place])
    if place != end:
        raise TensorError(name, f"{end - place:,} bytes follow its last element")
    return found


def _short_texts(count: int, data: bytes) -> list[Any] | None:
    """The elements, where all are texts of 1 to 255 bytes without NUL, as nearly all are; None where one is not.

    Then the bytes that are zero are those of the lengths, three of each, which numpy finds at once; and what is left between them is cut
    by the library, not by us: a walk from length to length costs ten times as much.
    """
    found = np.frombuffer(data, np.uint8)
    zeros = np.flatnonzero(found == 0)
    if len(zeros) != 3 * count:
        return None
    heads = zeros[::3] - 1
    ends = heads + _LENGTH_BYTES + found[heads]
    if heads[0] or ends[-1] != len(data) or not (np.array_equal(zeros[2::3] - 3, heads) and np.array_equal(ends[:-1], heads[1:])):
        return None
    marked = found.copy()
    marked[heads] = 0
    keep = np.ones(len(data), np.bool_)
    keep[zeros] = False
    try:
        return marked[keep].tobytes().decode().split("\0")[1:]
    except UnicodeDecodeError:
        return None


def to_raw(datatype: str, elements: Elements) -> bytes:
    r"""The bytes of the elements; numbers that are not known are NaN.

    >>> to_raw("BYTES", ["ab"]), to_raw("INT32", [7])
    (b'\x02\x00\x00\x00ab', b'\x07\x00\x00\x00')
    """
    if datatype == "BYTES":
        raw = [value if isinstance(value, bytes) else str(value).encode() for value in elements]
        return b"".join([part for value in raw for part in (len(value).to_bytes(_LENGTH_BYTES, "little"), value)])
    return np.asarray(elements, NUMPY[datatype]).tobytes()


def columns_of(form: RowForm | OpenForm, tensors: Iterable[Tensor]) -> dict[str, Values]:
    """The tensors as columns of rows: one for each, or a matrix for all of them, in the form's order; then what stands beside features.

    Raises:
        TensorError: two have one name, or one is neither a column nor a matrix of all columns.
    """
    given = list(tensors)
    beside = form.beside if isinstance(form, VectorForm) else {}
    own = [tensor for tensor in given if tensor.name not in beside] if beside else given
    columns: dict[str, Values] = {}
    if len(own) == 1 and len(own[0].shape) > 1 and own[0].shape[1] > 1:
        columns = _spread(form, own[0])
        given = [tensor for tensor in given if tensor is not own[0]]
    for tensor in given:
        if tensor.name in columns:
            raise TensorError(tensor.name, "it is there twice; send each input once")
        if math.prod(tensor.shape[1:]) != 1:
            raise TensorError(tensor.name, f"its shape is {_shape(tensor.shape)}; a column has the shape [ROWS] or [ROWS, 1]")
        columns[tensor.name] = tensor.elements
    return columns


def _spread(form: RowForm | OpenForm, tensor: Tensor) -> dict[str, Values]:
    """The columns of a matrix: those of the form, or counted from "0" where the model kept no names."""
    rows, width = tensor.shape[0], math.prod(tensor.shape[1:])
    if width > MOST_COLUMNS:
        raise TensorError(tensor.name, f"it has {width:,} columns; a row may have {MOST_COLUMNS:,}")
    names = list(form.columns) if isinstance(form, RowForm) else list(form.names) or [str(place) for place in range(width)]
    if len(tensor.shape) != 2 or len(names) != width:
        wanted = f"one matrix [ROWS, {len(names)}] of all columns" if len(names) > 1 else f"the column {names[0]!r} as [ROWS]"
        raise TensorError(tensor.name, f"its shape is {_shape(tensor.shape)}; send a column in each input, as [ROWS], or {wanted}")
    if isinstance(tensor.elements, list):
        return {name: tensor.elements[place::width] for place, name in enumerate(names)}
    matrix = tensor.elements.reshape(rows, width)
    return {name: np.ascontiguousarray(matrix[:, place]) for place, name in enumerate(names)}


def _shape(shape: Sequence[int]) -> str:
    return f"[{', '.join(str(size)[:20] for size in shape[:_MOST_DIMENSIONS])}{', …' if len(shape) > _MOST_DIMENSIONS else ''}]"
