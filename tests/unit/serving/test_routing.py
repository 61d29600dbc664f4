"""Who answers which row: by the plan and the row alone, each row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from flyball.core.ids import Digest
from flyball.kernels import route
from flyball.serving.asked import ROUTED, Wants
from flyball.serving.plan import EndpointPlan, VersionPlan
from flyball.serving.policies import Arm, Bandit, Policy, Segments, Weights, text_of
from flyball.serving.routing import CANARY, CHALLENGER, CHAMPION, PINNED, decide
from flyball.serving.rowform import RowForm, Rows
from flyball.serving.version import LoadedEndpoint, LoadedVersion, RequestAsIs

FORM = RowForm({"trip": "String", "line": "String", "stops": "Int64", "late": "Boolean"}, key=("trip",), required=frozenset({"trip"}))


def endpoint(
    policy: Policy | None = None, *, canary: int | None = None, share: float = 0.0, sticky: tuple[str, ...] = ()
) -> LoadedEndpoint:
    plans = tuple(VersionPlan(number=number, model_digest=Digest("m"), task="binary") for number in (1, 2, 3))
    plan = EndpointPlan(
        endpoint="late", model="late", revision=1, champion=1, canary=canary, share=share, versions=plans, sticky=sticky, policy=policy
    )
    model: Any = None  # nobody is asked here
    return LoadedEndpoint(plan, {found.number: LoadedVersion(found, None, RequestAsIs(), model, {}) for found in plans}, FORM)


def rows(count: int) -> Rows:
    trips, lines = [f"t{number}" for number in range(count)], [f"L{number % 5}" for number in range(count)]
    stops, late = [number % 3 for number in range(count)], [None if number % 4 == 0 else number % 2 == 0 for number in range(count)]
    return Rows(FORM, {"trip": trips, "line": lines, "stops": stops, "late": late}, count)


def decided(found: LoadedEndpoint, asked: Rows, *, wants: Wants = ROUTED) -> list[tuple[int, str]]:
    """(version, route) of each row."""
    told: list[tuple[int, str] | None] = [None] * asked.n
    for choice in decide(found, asked, keys=asked.texts(("trip",)), wants=wants):
        for row in range(asked.n) if choice.rows is None else choice.rows:
            assert told[row] is None
            told[row] = (choice.version.number, choice.route)
    assert None not in told
    return [one for one in told if one is not None]


def test_weights_give_each_version_its_share_and_say_who_is_champion() -> None:
    found = Counter(decided(endpoint(Weights({1: 0.6, 2: 0.3, 3: 0.1})), rows(4000)))
    assert {who: count / 4000 for who, count in found.items()} == pytest.approx(
        {(1, CHAMPION): 0.6, (2, CHALLENGER): 0.3, (3, CHALLENGER): 0.1}, abs=0.03
    )


def test_a_row_is_decided_as_it_is_alone() -> None:
    policies: Sequence[Policy | None] = (None, Weights({1: 0.5, 3: 0.5}), Segments(column="line", values={"L1": 2}))
    for policy in policies:
        for canary, share in ((None, 0.0), (2, 0.3)):
            found, all_rows = endpoint(policy, canary=canary, share=share), rows(50)
            together = decided(found, all_rows)
            assert together == [decided(found, all_rows.take([row]))[0] for row in range(50)]


def test_the_canary_s_keys_are_those_of_the_backtest_whatever_the_policy() -> None:
    chosen = route([f"t{number}" for number in range(500)], "late", shares=[0.2, 0.8]) == 0
    for policy in (None, Weights({1: 0.5, 3: 0.5}), Segments(column="line", values={"L1": 3})):
        found = decided(endpoint(policy, canary=2, share=0.2), rows(500))
        assert [who == (2, CANARY) for who in found] == chosen.tolist()


def test_what_the_canary_leaves_is_shared_independently_of_it() -> None:
    found = decided(endpoint(Weights({1: 0.5, 3: 0.5}), canary=2, share=0.5), rows(4000))
    left = Counter(who for who, _ in found if who != 2)
    assert left[1] / left.total() == pytest.approx(0.5, abs=0.04)


def test_rows_that_stick_together_are_answered_by_one_version() -> None:
    found = decided(endpoint(Weights({1: 0.5, 2: 0.25, 3: 0.25}), sticky=("line",)), rows(200))
    assert all(len({found[row] for row in range(line, 200, 5)}) == 1 for line in range(5))


def test_segments_take_their_values_and_the_champion_the_rest_and_what_is_null() -> None:
    found = decided(endpoint(Segments(column="line", values={"L1": 2, "L3": 3, "L4": 1})), rows(10))
    assert [who for who, _ in found] == [1, 2, 1, 3, 1] * 2
    assert {route for who, route in found if who == 1} == {CHAMPION}
    by_number = decided(endpoint(Segments(column="stops", values={"2": 3})), rows(6))
    assert [who for who, _ in by_number] == [1, 1, 3, 1, 1, 3]
    by_truth = decided(endpoint(Segments(column="late", values={"true": 2})), rows(8))
    assert [who for who, _ in by_truth] == [1, 1, 2, 1, 1, 1, 2, 1]


def test_rows_without_the_column_are_the_champion_s() -> None:
    assert {who for who, _ in decided(endpoint(Segments(column="airport", values={"JFK": 2})), rows(9))} == {1}


def test_a_bandit_shares_as_weights_do() -> None:
    shares = {1: 0.2, 2: 0.8}
    bandit = Bandit(shares=shares, arms={1: Arm(), 2: Arm(3.0, 4)}, learns="rewards", since="2026-01-01T00:00:00+00:00")
    assert decided(endpoint(bandit), rows(300)) == decided(endpoint(Weights(shares)), rows(300))


def test_a_version_that_is_asked_for_answers_whatever_the_policy() -> None:
    found = decided(endpoint(Weights({1: 0.5, 2: 0.5}), canary=3, share=0.9), rows(20), wants=Wants(version=2))
    assert set(found) == {(2, PINNED)}
    found = decided(endpoint(Weights({1: 0.5, 2: 0.5}), canary=3, share=0.9), rows(20), wants=Wants(version=2, batch=True))
    assert set(found) == {(2, "batch")}


def test_a_value_that_no_segment_names_has_no_text() -> None:
    assert [text_of(value) for value in ("", 0, False, 2.5, None, b"x")] == ["", "0", "false", None, None, None]
