"""How rows are shared between the versions of an endpoint, beside the loop's canary: as declared by a person, one policy at a time.

A policy is a value of the serving plan: it says all that a server needs to decide, so that every server decides alike. Which row goes where
is `routing`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

Learning: TypeAlias = Literal["rewards", "labels"]


class Weights(msgspec.Struct, frozen=True, tag_field="policy", tag="weights"):
    """Each version gets its share of the keys; shares sum to 1."""

    shares: dict[int, float]

    @property
    def versions(self) -> Sequence[int]:
        return tuple(self.shares)


class Arm(msgspec.Struct, frozen=True):
    """What a version has earned: the sum of its rewards, each in [0, 1], and how many came."""

    total: float = 0.0
    count: int = 0


class Bandit(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy", tag="bandit"):
    """Each version gets keys by the probability that it is the best one, which rewards that arrive later change.

    `learns` is from rewards that callers send, or from labels that come: then 1 for a row that was answered right. `since` is when it
    began, ISO 8601: only answers from then on count. No version's share falls below `floor`.
    """

    shares: dict[int, float]
    arms: dict[int, Arm]
    learns: Learning
    since: str
    floor: float = 0.01

    @property
    def versions(self) -> Sequence[int]:
        return tuple(self.shares)


class Segments(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy", tag="segments"):
    """Rows whose `column` has one of the values, as text, are the version's; all others are the champion's."""

    column: str
    values: dict[str, int]

    @property
    def versions(self) -> Sequence[int]:
        return tuple(dict.fromkeys(self.values.values()))


Policy: TypeAlias = Weights | Bandit | Segments


def text_of(value: object) -> str | None:
    """The text by which a value is named in `Segments`; None where no segment can hold it.

    >>> text_of("UA"), text_of(7), text_of(True), text_of(None), text_of(0.5)
    ('UA', '7', 'true', None, None)
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return None
