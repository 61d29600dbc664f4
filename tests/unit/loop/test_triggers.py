"""The words of `retrain`, and the policies that replace them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flyball.core.errors import DurationError
from flyball.loop.errors import DeclarationError, PolicyError
from flyball.loop.triggers import Every, OnDrift, OnPerformanceDrop, every, on_drift, on_performance_drop, policy_triggers

DECLARED = (on_drift(), on_performance_drop(0.02), every("90d"))


def test_words_are_values() -> None:
    assert (OnDrift(), OnPerformanceDrop(0.02), Every(timedelta(days=90))) == DECLARED


@pytest.mark.parametrize(("policy", "expected"), [("never", ()), ("declared", DECLARED), ("every:30d", (Every(timedelta(days=30)),))])
def test_a_policy_replaces_the_triggers_only(policy: str, expected: tuple[object, ...]) -> None:
    assert policy_triggers(policy, DECLARED) == expected


@pytest.mark.parametrize("policy", ["", "sometimes", "every", "every:", "every:30", "every:0d", "never:1d", "declared:x", "EVERY:30d"])
def test_what_is_no_policy_is_refused_with_the_three_that_are(policy: str) -> None:
    with pytest.raises(PolicyError, match="'never', 'declared' or 'every:30d'"):
        policy_triggers(policy, DECLARED)


@pytest.mark.parametrize("drop", [0.0, -0.1, float("nan")])
def test_a_drop_is_positive(drop: float) -> None:
    with pytest.raises(DeclarationError, match="must be positive"):
        on_performance_drop(drop)


def test_a_period_is_a_duration_longer_than_zero() -> None:
    with pytest.raises(DurationError, match="is not a duration"):
        every("monthly")
    with pytest.raises(DeclarationError, match="longer than zero"):
        every("0d")
