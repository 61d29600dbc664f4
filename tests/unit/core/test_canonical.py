"""Equal meaning, equal bytes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType

import pytest

from flyball.core.canonical import canonical, digest, digest_bytes
from flyball.core.errors import NaiveTimeError


class _Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class _Point:
    x: int
    when: datetime


_NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ((1, 2.5, "é"), '[1,2.5,"é"]'),
        (0.1 + 0.2, "0.30000000000000004"),
        (_NOON, '"2013-01-01T12:00:00.000000+00:00"'),
        (date(2013, 1, 1), '"2013-01-01"'),
        (timedelta(hours=1, microseconds=1), "3600000001"),
        (_Colour.RED, '"red"'),
        ({3, 1, 2}, "[1,2,3]"),
        (b"\x00\xff", '"00ff"'),
        (_Point(1, _NOON), '{"when":"2013-01-01T12:00:00.000000+00:00","x":1}'),
    ],
)
def test_each_kind_of_value_has_one_form(value: object, text: str) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, OrderedDict(b=2, a=1)),
        ([1, 2], (1, 2)),
        ({"a": 1}, MappingProxyType({"a": 1})),
        (_NOON, datetime(2013, 1, 1, 7, tzinfo=timezone(timedelta(hours=-5)))),
        ({"x", "y"}, frozenset({"y", "x"})),
    ],
)
def test_equal_meaning_has_equal_digests(one: object, other: object) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), ("1", 1), (None, "null"), ([], {}), ([[1], 2], [1, [2]])])
def test_other_meaning_has_another_digest(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no canonical form"):
        canonical({"deep": [object()]})
    with pytest.raises(TypeError, match="type has no canonical form"):
        canonical(_Point)
    with pytest.raises(NaiveTimeError):
        canonical(datetime(2013, 1, 1))  # noqa: DTZ001  the naive time is the case


def test_a_digest_is_sha256_of_the_form() -> None:
    assert digest_bytes(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
