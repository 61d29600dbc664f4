"""Tokens: what was encoded comes back, and nothing else is taken."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import InvalidError
from flyball.tracking.search import decode_token, encode_token, fingerprint
from flyball.tracking.search.errors import PageTokenError, PageTokenForeignError

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_parts = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | _texts


@given(st.lists(_parts, max_size=5))
def test_a_key_comes_back(key: list[str | int | float | None]) -> None:
    token = encode_token(key, search="s")
    assert repr(decode_token(token, search="s", parts=len(key))) == repr(tuple(key))


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        told = repr(decode_token(text, search="s", parts=1))
    except InvalidError as error:
        told = str(error)
    assert len(told) < 1_000


def test_no_token_is_the_first_page() -> None:
    assert decode_token(None, search="s", parts=2) is None
    assert decode_token("", search="s", parts=2) is None


def test_a_token_is_of_one_search() -> None:
    token = encode_token((1,), search=fingerprint("runs", ("a",)))
    with pytest.raises(PageTokenForeignError, match="another filter, order, view or other experiments"):
        decode_token(token, search=fingerprint("runs", ("b",)), parts=1)


_KEYS = [[{"float": "1"}], [True], [2**70], [[]], [], ["\0"]]


@pytest.mark.parametrize("read", [[1], {}, 5, None, [2, "s", [1]], *([1, "s", key] for key in _KEYS)], ids=repr)
def test_what_we_did_not_write_is_refused(read: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps(read).encode()).decode()
    with pytest.raises(PageTokenError, match="Invalid page token"):
        decode_token(token, search="s", parts=1)
