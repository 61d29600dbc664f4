"""The canonical form is JSON that says the same, whatever the order it was built in."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.canonical import canonical

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)


@settings(max_examples=60)
@given(_values)
def test_it_reads_back_as_the_same(value: object) -> None:
    assert json.loads(canonical(value)) == value


@settings(max_examples=60)
@given(_values)
def test_it_is_its_own_form(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), _values, max_size=6))
def test_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)
