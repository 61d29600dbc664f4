"""Who uses a version: what keeps it from being deleted. Those who use versions live in rooms above, and are asked through this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flyball.registry.model import ModelVersion


@dataclass(frozen=True, slots=True)
class Use:
    """What the version is for somebody, as "the champion at endpoint 'late'", and what ends that, as "release another version"."""

    role: str
    remedy: str


FindUses: TypeAlias = Callable[[ModelVersion], Sequence[Use]]
Uses: TypeAlias = Callable[[], FindUses]
"""What finds all uses of a version, as they stand in the transaction that is open in the thread."""


def nobody() -> FindUses:
    """Nobody uses any version."""
    return lambda _: ()
