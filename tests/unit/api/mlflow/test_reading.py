"""Requests in protobuf's JSON form."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from flyball.api.mlflow.errors import BrokenBodyError, MissingValueError, WrongValueError
from flyball.api.mlflow.reading import Form, Number, Reader, Whole, number


class Inner(msgspec.Struct):
    """One of several."""

    key: str | None = None
    count: Whole = 7


class Asked(Form):
    """A form with a field of each kind; `renamed` has another name outside."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    count: Whole | None = None
    value: Number | None = None
    choice: int | str | None = None
    truth: bool | None = None
    names: list[str] | None = None
    items: list[Inner] | None = None
    renamed: Whole | None = msgspec.field(name="as_it_is_called", default=None)


READER = Reader(Asked)
EMOJI = '"passed over": "\\ud83d\\ude00"'  # sends the reader the slow way


@pytest.mark.parametrize("more", ["", ", " + EMOJI], ids=["fast", "slow"])
@pytest.mark.parametrize(
    ("field", "text", "wanted"),
    [
        ("count", "5", 5), ("count", '"5"', 5), ("count", "5.0", 5), ("count", '"-9223372036854775808"', -(2**63)), ("count", "null", None),
        ("value", "1", 1.0), ("value", "1e3", 1000.0), ("value", "null", None), ("choice", "3", 3), ("choice", '"ALL"', "ALL"),
        ("truth", "true", True), ("names", '["a", "b"]', ["a", "b"]), ("names", "[]", []), ("names", "null", None),
        ("items", '[{"key": "k"}, {}]', [Inner("k"), Inner()]), ("items", '[{"count": "3", "other": 1}]', [Inner(None, 3)]),
        ("as_it_is_called", "4", 4), ("renamed", "4", None),
    ],
)  # fmt: skip
def test_what_is_right_is_read_by_both_ways(field: str, text: str, wanted: Any, more: str) -> None:
    asked = READER.body(f'{{"name": "n", "{field}": {text}{more}}}'.encode())
    assert getattr(asked, "renamed" if field == "as_it_is_called" else field) == wanted


@pytest.mark.parametrize("more", ["", ", " + EMOJI], ids=["fast", "slow"])
@pytest.mark.parametrize(
    ("field", "text", "path"),
    [
        ("name", "5", "name"), ("count", "5.5", "count"), ("count", "true", "count"), ("count", '"x"', "count"), ("count", '"5 "', "count"),
        ("count", "9223372036854775808", "count"), ("count", "[]", "count"), ("value", "true", "value"), ("value", "{}", "value"),
        ("choice", "true", "choice"), ("choice", "[]", "choice"), ("truth", '"true"', "truth"), ("truth", "1", "truth"),
        ("names", '"a"', "names"), ("names", "[1]", "names[0]"), ("names", "[null]", "names[0]"), ("items", '[{"key": 1}]', "items[0].key"),
        ("items", "[5]", "items[0]"), ("items", '[{"count": "x"}]', "items[0].count"), ("as_it_is_called", '"x"', "as_it_is_called"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_both_ways(field: str, text: str, path: str, more: str) -> None:
    asked = f'{{"name": "n", {EMOJI if more else ""}{", " if more else ""}"{field}": {text}}}'
    with pytest.raises(WrongValueError, match=r"for parameter '" + path.replace("[", r"\[").replace("]", r"\]") + "' supplied"):
        READER.body(asked.encode())


@pytest.mark.parametrize("body", [b"{}", b'{"name": ""}', b'{"name": null}', b"", b'{"Name": "x"}'])
def test_what_must_be_there(body: bytes) -> None:
    with pytest.raises(MissingValueError, match="'name'"):
        READER.body(body)


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"\xff", b'{"name": "\\ud800"}', b'{"name": "n", "\\udc00": 1}', b"[" * 5000])
def test_what_is_no_object(body: bytes) -> None:
    with pytest.raises(BrokenBodyError):
        READER.body(body)


def test_a_nul_is_refused_and_its_escape_escaped_is_not() -> None:
    with pytest.raises(WrongValueError, match=r"parameter 'items\[0\].key' supplied: it holds a NUL"):
        READER.body(rb'{"name": "n", "items": [{"key": "a\u0000"}]}')
    assert READER.body(rb'{"name": "C:\\u0000"}').name == r"C:\u0000"


def test_a_query_is_read_by_the_same_declaration() -> None:
    asked = READER.query(b"name=a%20b&count=5&names=x&names=y&name=second&other=1&value=NaN")
    assert (asked.name, asked.count, asked.names) == ("a b", 5, ["x", "y"])
    assert str(asked.value) == "nan"
    assert READER.query(b"name=a&names=x").names == ["x"]
    for query in (b"name=%00", b"name=%ff", b"name=\xff"):
        with pytest.raises((BrokenBodyError, WrongValueError)):
            READER.query(query)


@pytest.mark.parametrize("text", ["", "x", "1_0", " 1", "0x1", "\u0661", "nanx", "1e", "--1"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(WrongValueError, match="'m'"):
        number("m", text)


def test_what_was_given_is_never_echoed_at_length() -> None:
    with pytest.raises(WrongValueError) as refused:
        READER.body(b'{"name": "n", "count": "' + b"x" * 100_000 + b'"}')
    assert len(str(refused.value)) < 500
