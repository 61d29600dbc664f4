"""Ids: who is meant, as opaque strings that sort by creation where they were made live.

Ids come from the `Ids` port, never from `uuid` directly: a backtest derives them from its seed and the cause, so that
two runs are identical to the byte. This module does not know what an id names.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from functools import lru_cache
from typing import NewType, Protocol

EventId = NewType("EventId", str)
RunId = NewType("RunId", str)
Digest = NewType("Digest", str)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
_RANDOM = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
"""Of a random byte five bits, as a digit."""
_LAST_OF_TIME = [bytes(ord(_ALPHABET[low << 2 | byte & 3]) for byte in range(256)) for low in range(8)]
"""The digit that has the last three bits of the time, and two random ones."""
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # every prediction gets an id: half the divisions


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range((length + 1) // 2):
        number, low = divmod(number, 1024)
        digits.append(_PAIRS[low])
    return "".join(reversed(digits))[-length:]


@lru_cache(maxsize=4)
def _written(eighths: int) -> str:
    """The first digits of all ids of eight milliseconds."""
    return _base32(eighths, 9)


class Ids(Protocol):
    """Makes ids that are never given twice.

    `create(kind, *cause)` returns ``kind-`` and 26 characters of Crockford base 32. Thread-safe. A derived backend returns
    the same id for the same (seed, kind, cause); the caller makes the cause unique. A live backend ignores the cause, and is not
    `derived`: who makes causes unique may spare itself the work.
    """

    @property
    def derived(self) -> bool: ...

    def create(self, kind: str, *cause: str) -> str: ...


class RandomIds:
    """Ids as 48 bits of milliseconds and 82 random bits: they sort by creation and need no coordination."""

    derived = False

    def create(self, kind: str, *cause: str) -> str:
        del cause
        return self.create_many(kind, 1)[0]

    def create_many(self, kind: str, count: int) -> list[str]:
        """So many ids at once, for the price of few: of the same millisecond, in no order among themselves."""
        milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
        head = f"{kind}-{_written(milliseconds >> 3)}"
        drawn = os.urandom(17 * count)
        shared = drawn[:count].translate(_LAST_OF_TIME[milliseconds & 7]).decode()
        tails = drawn[count:].translate(_RANDOM).decode()
        return [head + last + tails[place : place + 16] for last, place in zip(shared, range(0, 16 * count, 16), strict=True)]


def create_many(ids: Ids, kind: str, *, count: int) -> list[str]:
    """So many new ids; of `RandomIds` for the price of few."""
    if isinstance(ids, RandomIds):
        return ids.create_many(kind, count)
    return [ids.create(kind) for _ in range(count)]


class DerivedIds:
    """Ids as a digest of the seed, the kind and the cause: the same inputs give the same id on every machine."""

    derived = True

    def __init__(self, seed: int, namespace: str = "") -> None:
        self._seed, self._namespace = seed, namespace

    def create(self, kind: str, *cause: str) -> str:
        raw = json.dumps([self._seed, self._namespace, kind, *cause]).encode()  # JSON keeps the parts apart, whatever is in them
        return f"{kind}-{_base32(int.from_bytes(hashlib.sha256(raw).digest()[:17]) >> 6, 26)}"
