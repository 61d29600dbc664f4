"""Rollouts: what a declaration may say, what a stage needs, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flyball.core.errors import DurationError
from flyball.registry import Difference
from flyball.releases import StageEvidence, Verdict, begin, canary, compare_stage, judge
from flyball.releases.errors import CanarySpecError, IllegalRolloutMoveError, RolloutOverError
from flyball.releases.rollout import Rollout, RolloutState, advance, finish, roll_back

T = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = canary([0.05, 0.25, 1.0], hold="1d")
FIRST = begin("late", 2, champion=1, spec=SPEC, now=T)
LAST = advance(FIRST, T)


def worse(high: float) -> Difference:
    return Difference("roc_auc", high - 0.02, high - 0.04, high, 500)


def ask(rows: int, *, days: float = 1.0, high: float | None = 0.01, rollout: Rollout = FIRST) -> Verdict:
    difference = None if high is None else worse(high)
    return judge(rollout, StageEvidence(rows, difference, "one class only" if high is None else ""), now=T + days * DAY)


def test_a_stage_needs_its_hold() -> None:
    verdict = ask(5000, days=0.99)
    assert (verdict.kind, verdict.until) == ("hold", T + DAY)
    assert ask(5000).kind == "advance"


def test_a_stage_needs_200_mature_rows_or_three_holds() -> None:
    assert (ask(199).kind, ask(199).until) == ("hold", T + 2 * DAY)
    assert (ask(199, days=2.5).kind, ask(199, days=2.5).until) == ("hold", T + 3 * DAY)
    assert ask(200).kind == "advance"
    assert ask(0, days=3).kind == "advance"


def test_only_a_difference_wholly_below_the_margin_goes_back() -> None:
    assert ask(200, high=-0.005).kind == "advance"
    assert ask(200, high=-0.0051).kind == "roll-back"
    assert ask(199, days=3, high=-0.0051).kind == "roll-back"
    assert ask(199, days=2, high=-0.0051).kind == "hold"


def test_what_cannot_be_compared_goes_on_and_says_so() -> None:
    verdict = ask(300, high=None)
    assert verdict.kind == "advance"
    assert verdict.why == "Nothing to compare on 300 mature rows (one class only); nothing speaks against it."


def test_a_breached_guardrail_goes_back_at_once() -> None:
    verdict = judge(FIRST, StageEvidence(0, breaches=("Latency p99 is 900 ms.",)), now=T)
    assert (verdict.kind, verdict.why) == ("roll-back", "A guardrail was breached: Latency p99 is 900 ms.")


def test_the_last_stage_finishes() -> None:
    assert LAST.last_stage
    assert ask(500, rollout=LAST).kind == "finish"
    with pytest.raises(IllegalRolloutMoveError, match="is canary and cannot become canary; it may become: full, rolled-back"):
        advance(LAST, T)


@pytest.mark.parametrize("over", [finish(LAST, T), roll_back(FIRST, T)])
def test_what_is_over_is_not_judged(over: Rollout) -> None:
    with pytest.raises(RolloutOverError, match=over.state.value):
        judge(over, StageEvidence(500), now=T + DAY)


def test_shares_follow_the_stages() -> None:
    assert [FIRST.share, LAST.share, finish(LAST, T).share, roll_back(LAST, T).share] == [0.05, 0.25, 1.0, 0.0]


@pytest.mark.parametrize(("champion", "spec"), [(None, SPEC), (1, None), (1, canary([1.0]))])
def test_without_champion_or_stages_it_is_full_at_once(champion: int | None, spec: Any) -> None:
    assert begin("late", 2, champion=champion, spec=spec, now=T).state is RolloutState.FULL


@pytest.mark.parametrize(
    ("shares", "hold", "margin", "says"),
    [
        ([], "1d", 0.0, "the last share must be 1.0, not missing"),
        ([0.05, 0.5], "1d", 0.0, "the last share must be 1.0, not 0.5"),
        ([0.0, 1.0], "1d", 0.0, "shares must rise"),
        ([0.5, 0.25, 1.0], "1d", 0.0, "shares must rise"),
        ([0.5, 0.5, 1.0], "1d", 0.0, "shares must rise"),
        ([0.5, float("nan"), 1.0], "1d", 0.0, "shares must rise"),
        ([0.5, 1.0], "0s", 0.0, "hold must be longer"),
        ([0.5, 1.0], "1d", -1.0, "margin"),
        ([0.5, 1.0], "1d", float("nan"), "margin"),
    ],
)
def test_stages_that_can_never_be_right_are_refused(shares: list[float], hold: str, margin: float, says: str) -> None:
    with pytest.raises(CanarySpecError, match=says):
        canary(shares, hold, margin=margin)


def test_a_hold_is_a_duration() -> None:
    with pytest.raises(DurationError):
        canary([1.0], hold="soon")


def test_a_stage_is_compared_unpaired_and_more_is_better() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    good, bad = labels * 0.4 + rng.random(600) * 0.6, rng.random(600)
    found = compare_stage("roc_auc", canary=(labels[:200], bad[:200]), champion=(labels, good))
    assert found.rows == 200
    assert found.difference is not None
    assert found.difference.high < 0
    losses = compare_stage("log_loss", canary=(labels[:200], good[:200]), champion=(labels, bad))
    assert losses.difference is not None
    assert losses.difference.low > 0


def test_a_stage_with_one_class_has_no_difference_and_says_why() -> None:
    ones = np.ones(300)
    found = compare_stage("roc_auc", canary=(ones, ones * 0.5), champion=(np.array([0, 1]), np.array([0.1, 0.9])))
    assert (found.rows, found.difference, found.note) == (300, None, "one class only")
    empty = compare_stage("roc_auc", canary=(ones[:0], ones[:0]), champion=(ones, ones))
    assert (empty.rows, empty.difference, empty.note) == (0, None, "no rows")
