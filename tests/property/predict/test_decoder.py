"""Whatever bytes come as an inference request or an Arrow stream, they are rows or an error that says what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import FlyballError
from flyball.governance import Caller, Role
from flyball.predict import arrow
from flyball.predict.dataplane import NOTHING, DataPlane
from flyball.predict.doors import v2
from flyball.predict.replies import status_of
from flyball.predict.request import Request
from flyball.predict.tensors import DATATYPES
from flyball.serving.fitting import fit
from flyball.serving.rowform import MAX_ROWS, RowForm, Rows

MOMENT = "Datetime(time_unit='us', time_zone='UTC')"
FORM = RowForm({"a": "String", "b": "Float64", "c": "Int64", "t": MOMENT, "z": "Boolean"}, key=("a",), required=frozenset({"a", "b"}))
ASKER = Caller(Role.EDITOR, "e")
NAMES = st.sampled_from(["a", "b", "c", "t", "z", "x", ""])
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=12
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "binary_data_output", "nan_is_null", "classification", "x"]),
    st.integers(-5, 200) | st.booleans() | st.text(max_size=3),
    max_size=2,
)
SHAPES = st.lists(st.integers(-2, 3) | st.sampled_from([2**62, 2**63, 1000, 1001]), max_size=4)
INPUT = st.fixed_dictionaries(
    {"name": NAMES, "shape": SHAPES, "datatype": st.sampled_from([*DATATYPES, "FP65"])},
    optional={"data": DATA, "parameters": PARAMETERS, "more": DATA},
)
REQUEST = st.fixed_dictionaries(
    {"inputs": st.lists(INPUT, max_size=5)},
    optional={
        "id": st.text(max_size=4) | st.integers(),
        "parameters": PARAMETERS,
        "outputs": st.lists(st.fixed_dictionaries({"name": NAMES})),
    },
)


class FittingPlane(DataPlane):
    """A data plane that goes as far as rows."""

    def __init__(self) -> None:
        pass

    def find(self, name: str, version: str = "") -> Any:
        """The form that all have."""
        del name, version

        class Target:
            form = FORM

        return Target()

    def rows_of_tensors(self, target: Any, tensors: Any, *, wanted: Any = (), parameters: Mapping[str, Any] = NOTHING) -> Rows:
        """The rows, whatever is wanted of them."""
        del wanted
        return super().rows_of_tensors(target, tensors, parameters=parameters)


def rows_of(body: bytes, length: str | None) -> Rows | FlyballError:
    """What becomes of a request; anything but rows and an error of ours is a mistake."""
    head = {} if length is None else {b"inference-header-content-length": length.encode()}
    try:
        return v2.begin(FittingPlane(), Request("late", "", head, b"", body, 0.0, ASKER)).rows
    except FlyballError as error:
        return error


def check(found: Rows | FlyballError) -> None:
    """Rows are rows of the form, and an error is the caller's and short."""
    if isinstance(found, FlyballError):
        assert 400 <= status_of(found) < 500, found
        assert len(str(found)) < 2000
    else:
        assert 1 <= found.n <= MAX_ROWS
        assert found.form.frame(found.columns).height == found.n
        assert len(found.keys()) == found.n


@given(body=st.binary(max_size=200), length=st.none() | st.integers(-1, 300).map(str) | st.text("0123456789abc", max_size=25))
def test_any_bytes_are_rows_or_an_error(body: bytes, length: str | None) -> None:
    check(rows_of(body, length))


@given(request=REQUEST, raw=st.binary(max_size=64), off=st.integers(-3, 3))
def test_any_request_is_rows_or_an_error(request: dict[str, Any], raw: bytes, off: int) -> None:
    head = json.dumps(request).encode()
    check(rows_of(head + raw, str(max(0, len(head) + off)) if raw or off else None))


def test_a_right_request_is_rows() -> None:
    inputs = [
        {"name": "a", "shape": [1, 1], "datatype": "BYTES", "data": ["k"]},
        {"name": "b", "shape": [1], "datatype": "FP64", "data": [1]},
    ]
    found = rows_of(json.dumps({"inputs": inputs}).encode(), None)
    assert isinstance(found, Rows)
    assert (found.columns["a"], found.columns["b"], found.columns["t"]) == (["k"], [1.0], [None])


def good() -> list[bytes]:
    frame = pl.DataFrame({"a": ["x", "yy"], "b": [1.0, None], "c": [1, 2], "t": [datetime(2020, 1, 1, tzinfo=UTC)] * 2, "z": [True, None]})
    found = []
    for level in (pl.CompatLevel.oldest(), pl.CompatLevel.newest()):
        out = io.BytesIO()
        frame.write_ipc_stream(out, compat_level=level)
        found.append(out.getvalue())
    return found


STREAMS = good()


@given(
    stream=st.sampled_from(STREAMS),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.sampled_from([0, 1, 127, 128, 255])), max_size=4),
    cut=st.integers(0, 40),
)
def test_any_stream_of_arrow_is_rows_or_an_error(stream: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    changed = bytearray(stream[: len(stream) - cut])
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        columns = arrow.read(bytes(changed))
        found: Rows | FlyballError = fit(FORM, columns)
    except FlyballError as error:
        found = error
    check(found)
