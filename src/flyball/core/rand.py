"""Randomness comes from a seed and the names of what it is for, so that it is the same on every machine and in every order."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol


class Random(Protocol):
    """Draws that depend on the seed and the `purpose` alone, never on what was drawn before. Thread-safe, pure."""

    def seed(self, *purpose: str) -> int:
        """A seed in [0, 2**31) for another generator."""
        ...

    def uniform(self, *purpose: str) -> float:
        """A number in [0, 1)."""
        ...


class SeededRandom:
    """Draws as a digest of the seed and the purpose."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def _bits(self, purpose: tuple[str, ...]) -> int:
        raw = json.dumps([self._seed, *purpose]).encode()  # JSON keeps the parts apart, whatever is in them
        return int.from_bytes(hashlib.sha256(raw).digest()[:8])

    def seed(self, *purpose: str) -> int:
        return self._bits(purpose) >> 33

    def uniform(self, *purpose: str) -> float:
        return (self._bits(purpose) >> 11) / 2**53
