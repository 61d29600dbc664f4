"""Laws of rollouts and deployments that hold whatever is asked, in whatever order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import ConflictError
from flyball.registry import Difference, Estimate, Evidence
from flyball.releases import Deployment, StageEvidence, begin, canary, evaluate, judge, max_slice_gap, routing
from flyball.releases.deployments import crown, enter_canary, withdraw
from flyball.releases.gates import beats_champion
from flyball.releases.rollout import LEGAL_MOVES, CanarySpec, Rollout, RolloutState, advance, finish, roll_back

T = datetime(2013, 3, 1, tzinfo=UTC)
MOVES = {"advance": advance, "finish": finish, "roll-back": roll_back}
specs = st.tuples(
    st.lists(st.floats(0.001, 0.999), max_size=4, unique=True).map(lambda shares: [*sorted(shares), 1.0]),
    st.integers(1, 1000).map(lambda hours: f"{hours}h"),
    st.floats(0, 0.1),
).map(lambda found: canary(found[0], found[1], margin=found[2]))
rollouts = st.builds(lambda spec, champion: begin("m", 2, champion=champion, spec=spec, now=T), specs, st.none() | st.just(1))
ends = st.floats(-1, 1)
differences = st.tuples(ends, ends, ends).map(sorted).map(lambda found: Difference("roc_auc", found[1], found[0], found[2], 500))
evidences = st.builds(StageEvidence, st.integers(0, 400), st.none() | differences)
ages = st.floats(0, 5)


@given(rollouts, st.lists(st.sampled_from(sorted(MOVES)), max_size=8))
def test_a_rollout_makes_legal_moves_only(rollout: Rollout, asked: list[str]) -> None:
    for name in asked:
        before = rollout
        try:
            rollout = MOVES[name](rollout, T)
        except ConflictError:
            continue
        assert rollout.state in LEGAL_MOVES[before.state]
        if rollout.state is RolloutState.CANARY:
            assert before.share < rollout.share < 1
        assert Rollout.from_json(json.loads(json.dumps(rollout.to_json()))) == rollout


@given(specs, evidences, ages)
def test_every_verdict_is_a_legal_move_or_a_later_time(spec: CanarySpec, evidence: StageEvidence, age: float) -> None:
    rollout = begin("m", 2, champion=1, spec=spec, now=T)
    if rollout.over:
        return
    now = T + age * spec.hold
    verdict = judge(rollout, evidence, now=now)
    if verdict.kind == "hold":
        assert verdict.until is not None
        assert now < verdict.until <= T + 3 * spec.hold
    else:
        assert verdict.until is None
        assert MOVES[verdict.kind](rollout, now).entered == now


@given(specs, st.integers(0, 400), differences, ages, st.floats(0, 1))
def test_a_worse_difference_never_speaks_for_the_canary(spec: CanarySpec, rows: int, difference: Difference, age: float, by: float) -> None:
    rollout = begin("m", 2, champion=1, spec=spec, now=T)
    if rollout.over:
        return
    worse = replace(difference, value=difference.value - by, low=difference.low - by, high=difference.high - by)
    rank = {"roll-back": 0, "hold": 1, "advance": 2, "finish": 2}
    good, bad = (judge(rollout, StageEvidence(rows, found), now=T + age * spec.hold) for found in (difference, worse))
    assert rank[bad.kind] <= rank[good.kind]


@given(specs, evidences)
def test_every_stage_is_decided_after_three_holds(spec: CanarySpec, evidence: StageEvidence) -> None:
    rollout = begin("m", 2, champion=1, spec=spec, now=T)
    assert rollout.over or judge(rollout, evidence, now=T + 3 * spec.hold).kind != "hold"


versions = st.integers(1, 4)
transitions = st.one_of(
    st.tuples(st.just("canary"), versions, st.floats(-0.1, 1.1)),
    st.tuples(st.just("crown"), versions, st.just(0.0)),
    st.tuples(st.just("withdraw"), versions, st.just(0.0)),
)


def _moved(here: Deployment, name: str, *, version: int, share: float) -> Deployment:
    match name:
        case "canary":
            return enter_canary(here, version, share=share)
        case "crown":
            return crown(here, version)
    return withdraw(here, version)


@given(st.lists(transitions, max_size=12))
def test_shares_add_up_to_one_and_a_champion_never_vanishes(asked: list[tuple[str, int, float]]) -> None:
    here = Deployment("production", "late", "late")
    for name, version, share in asked:
        before = here
        try:
            here = _moved(here, name, version=version, share=share)
        except ConflictError:
            assert here == before
            continue
        assert here.revision == before.revision + 1
        shares = routing(here)
        assert here.champion is not None
        assert abs(sum(share for _, share in shares) - 1) < 1e-12
        assert all(0 < share <= 1 for _, share in shares)
        assert len({found for found, _ in shares}) == len(shares)
        assert Deployment.from_json(json.loads(json.dumps(here.to_json()))) == here


@given(differences, st.floats(0, 0.1), st.floats(0, 1))
def test_a_better_comparison_never_fails_where_a_worse_one_passes(difference: Difference, margin: float, by: float) -> None:
    better = replace(difference, value=difference.value + by, low=difference.low + by, high=difference.high + by)
    found = replace(difference, n=1000), replace(better, n=1000)
    estimate = Estimate(0.7, 0.6, 0.8, 1000)
    evidence = Evidence(metric="roc_auc", metrics={"roc_auc": estimate}, start=T, end=T, rows=1000, champion=1)
    worse_passed, better_passed = (evaluate([beats_champion(margin)], replace(evidence, comparison=one)).passed for one in found)
    assert better_passed or not worse_passed


@given(
    st.dictionaries(st.text(max_size=3), st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.integers(0, 2000)), max_size=5), st.floats(0, 0.5)
)
def test_a_slice_gate_fails_only_beyond_its_limit(found: dict[str, tuple[float, float, int]], limit: float) -> None:
    whole = Estimate(0.7, 0.68, 0.72, 5000)
    slices = {name: Estimate(value, value - reach, value + reach, n) for name, (value, reach, n) in found.items()}
    evidence = Evidence(metric="roc_auc", metrics={"roc_auc": whole}, start=T, end=T, rows=5000, slices={"c": slices})
    passed = evaluate([max_slice_gap("c", limit)], evidence).passed
    gaps = [whole.value - one.value for one in slices.values() if one.n >= 500]
    assert passed or max(gaps) > limit


def test_holds_are_exact_at_their_ends() -> None:
    rollout = begin("m", 2, champion=1, spec=canary([0.1, 1.0], hold="1d"), now=T)
    assert judge(rollout, StageEvidence(200), now=T + timedelta(days=1) - timedelta(microseconds=1)).kind == "hold"
    assert judge(rollout, StageEvidence(200), now=T + timedelta(days=1)).kind == "finish"
