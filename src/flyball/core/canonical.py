"""One canonical form for values, so that equal meaning gives equal bytes and equal digests.

The form is JSON with sorted keys and no spaces; times are UTC with microseconds, durations are microseconds, floats are
their shortest round-trip text, tuples are lists, enums are their values, frozen dataclasses are their fields.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from flyball.core.clock import utc
from flyball.core.duration import MICROSECOND
from flyball.core.ids import Digest


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case date() | timedelta() | bytes():
            return _text_or_number(value)
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _text_or_number(value: date | timedelta | bytes) -> str | int:
    match value:
        case datetime():
            return utc(value).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case timedelta():
            return value // MICROSECOND
        case bytes():
            return value.hex()


def canonical(value: Any) -> str:
    """The canonical JSON text of `value`.

    >>> canonical({"b": 1, "a": (1.5, None)})
    '{"a":[1.5,null],"b":1}'

    Raises:
        TypeError: a part of `value` has no canonical form.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_bytes(data: bytes) -> Digest:
    """SHA-256 of `data` as 64 lower-case hex digits."""
    return Digest(hashlib.sha256(data).hexdigest())


def digest(value: Any) -> Digest:
    """SHA-256 of the canonical form of `value`."""
    return digest_bytes(canonical(value).encode())
