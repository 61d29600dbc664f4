"""What is too deep or too much is refused before it is decoded, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.api.errors import JsonShapeError
from flyball.api.jsonshape import DEPTH, VALUES, check_shape

VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\ a,'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('[]{}"\\'), inner),
    max_leaves=200,
)


@given(VALUE, st.integers(0, 2 * DEPTH))
def test_the_depth_counts_and_brackets_in_texts_do_not(value: Any, wrapped: int) -> None:
    for _ in range(wrapped):
        value = [value, "]]" * 3, "[["]
    text = json.dumps(value).encode()
    if depth(value) <= DEPTH:
        check_shape(text)
    else:
        with pytest.raises(JsonShapeError, match="nests deeper"):
            check_shape(text)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@pytest.mark.parametrize("text", [b"[" * 90_000, b'{"a":' * 1000, b'["]", ' * 100], ids=["open", "objects", "masked"])
def test_what_is_broken_too_is_refused_where_it_is_deep(text: bytes) -> None:
    with pytest.raises(JsonShapeError):
        check_shape(text)


def test_a_wide_text_passes_up_to_a_million_values() -> None:
    check_shape(b"[" + b",".join([b"{}"] * 1000) + b"]")
    check_shape(b"[" + b"1," * (VALUES - 1) + b"1]")
    with pytest.raises(JsonShapeError, match="1,000,000 values"):
        check_shape(b"[" + b"1," * VALUES + b"1]")
