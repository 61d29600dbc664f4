"""Policies as persons name them: what can never be right is refused with the reason, and shares always sum to 1."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from flyball.releases.errors import PolicyError
from flyball.releases.sharing import bandit, learnt, moved, segments, weights
from flyball.serving.policies import Arm, Weights

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_share_of_nothing_is_not_named() -> None:
    assert weights({1: 0.4, 2: 0.0, 3: 0.6}) == Weights({1: 0.4, 3: 0.6})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: weights({}), "sum to 0"),
        (lambda: weights({1: 0.5}), "sum to 0.5"),
        (lambda: weights({1: 1.5, 2: -0.5}), "version 2 is given -0.5"),
        (lambda: weights({1: math.nan, 2: 1.0}), "is given nan"),
        (lambda: weights({1: math.inf}), "is given inf"),
        (lambda: weights({0: 1.0}), "0 is no version"),
        (lambda: weights(dict.fromkeys(range(1, 21), 0.05)), "20 versions"),
        (lambda: segments("", {"UA": 1}), "no column"),
        (lambda: segments("carrier", {}), "0 values"),
        (lambda: segments("carrier", {str(value): 1 for value in range(1001)}), "1,001 values"),
        (lambda: segments("carrier", {"U" * 201: 1}), "201 characters"),
        (lambda: segments("carrier", {str(value): value + 1 for value in range(17)}), "more than 16"),
        (lambda: segments("carrier", {"UA": -1}), "-1 is no version"),
        (lambda: bandit([1], learns="rewards", since=NOW), "1 is named"),
        (lambda: bandit([1, 1], learns="rewards", since=NOW), "named twice"),
        (lambda: bandit(range(1, 20), learns="rewards", since=NOW), "19 are named"),
    ],
)
def test_what_can_never_be_right_is_refused(make: Any, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        make()


def test_a_bandit_begins_with_equal_shares_and_follows_its_rewards() -> None:
    begun = bandit([1, 2, 3], learns="rewards", since=NOW)
    assert begun.shares == pytest.approx(dict.fromkeys((1, 2, 3), 1 / 3))
    wiser = learnt(begun, {1: Arm(10, 100), 2: Arm(30, 100), 9: Arm(5, 5)})
    assert math.fsum(wiser.shares.values()) == pytest.approx(1)
    assert wiser.shares[1] == pytest.approx(0.01, abs=0.002)
    assert wiser.shares[3] > wiser.shares[2] > wiser.shares[1]
    assert (wiser.arms[3], set(wiser.arms)) == (Arm(), {1, 2, 3})
    assert moved(begun, wiser) > 0.3
    assert moved(wiser, wiser) == 0
    assert moved(None, wiser) == 1


def test_a_bandit_finds_the_best_arm_on_rewards_that_come_late() -> None:
    """Ten rounds, each reward counted two rounds after its answer: at the end most rows go to the arm that earns most."""
    rates, found = {1: 0.2, 2: 0.5, 3: 0.35}, bandit([1, 2, 3], learns="rewards", since=NOW)
    late: list[dict[int, float]] = [{}, {}]
    arms = {number: Arm() for number in rates}
    for _ in range(10):
        late.append({number: 300 * share for number, share in found.shares.items()})
        for number, count in late.pop(0).items():
            arms[number] = Arm(arms[number].total + rates[number] * int(count), arms[number].count + int(count))
        found = learnt(found, arms)
    assert found.shares[2] > 0.95
