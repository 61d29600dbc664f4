"""What answers earned: the rewards that callers send when they know how it went, by the ids of the answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.releases.errors import RewardError
from flyball.serving.policies import Arm

LONGEST_ID = 80


@dataclass(frozen=True, slots=True)
class Reward:
    """What an answer earned, from 0 to 1."""

    prediction: str
    reward: float


@dataclass(frozen=True, slots=True)
class Earned:
    """A reward of an answer that is in the log; `answered` is when, business time in UTC."""

    prediction: str
    version: int
    reward: float
    answered: datetime


def check_rewards(rewards: Sequence[Reward]) -> None:
    """Each is a number from 0 to 1, and no answer has two.

    Raises:
        RewardError: one is not.
    """
    seen: set[str] = set()
    for place, given in enumerate(rewards):
        if not (math.isfinite(given.reward) and 0 <= given.reward <= 1):
            raise RewardError(place, reason=f"{given.reward:g} is none")
        if not 0 < len(given.prediction) <= LONGEST_ID:
            raise RewardError(place, reason=f"an id has between 1 and {LONGEST_ID} characters")
        if given.prediction in seen:
            raise RewardError(place, reason=f"prediction {given.prediction!r} is rewarded twice")
        seen.add(given.prediction)


class RewardStore(Protocol):
    """Keeps one reward for each answer: the first that came, so that what is sent again counts once.

    Every method joins the transaction that is open in its thread, or is one of its own. Thread-safe.
    """

    def add(self, endpoint: str, earned: Sequence[Earned]) -> int:
        """Keep those whose answers have none yet; how many these are."""
        ...

    def totals(self, endpoint: str, since: datetime) -> Mapping[int, Arm]:
        """What each version earned with its answers from `since` on."""
        ...
