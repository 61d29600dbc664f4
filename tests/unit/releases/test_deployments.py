"""Deployments: roles and shares that may stand together, and what follows from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flyball.releases import Deployment, Role, bandit, routing, segments, weights
from flyball.releases.deployments import crown, drop, enter_canary, hold_ready, learn, mirror, roles, share_out, withdraw
from flyball.releases.errors import IllegalDeploymentError
from flyball.releases.sharing import learnt
from flyball.serving.policies import Arm, Bandit

EMPTY = Deployment("production", "late", "late")


def test_nobody_answers_without_a_champion() -> None:
    assert routing(EMPTY) == []
    with pytest.raises(IllegalDeploymentError, match="without a champion"):
        enter_canary(EMPTY, 1, share=0.5)


def test_a_canary_takes_its_share_and_the_champion_the_rest() -> None:
    both = enter_canary(crown(EMPTY, 1), 2, share=0.25)
    assert routing(both) == [(2, 0.25), (1, 0.75)]
    assert (both.role(1), both.role(2), both.role(3)) == (Role.CHAMPION, Role.CANARY, None)
    assert roles(both) == {1: Role.CHAMPION, 2: Role.CANARY}
    assert routing(withdraw(both, 2)) == [(1, 1.0)]
    assert routing(crown(both, 2)) == [(2, 1.0)]


def test_every_transition_is_a_revision() -> None:
    first = crown(EMPTY, 1)
    second = enter_canary(first, 2, share=0.05)
    third = enter_canary(second, 2, share=0.25)
    assert [first.revision, second.revision, third.revision, withdraw(third, 2).revision] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("move", "says"),
    [
        (lambda both: enter_canary(both, 3, share=0.1), "version 2 is the canary already"),
        (lambda both: enter_canary(both, 2, share=1.0), "a share between 0 and 1"),
        (lambda both: enter_canary(both, 2, share=float("nan")), "a share between 0 and 1"),
        (lambda both: crown(both, 1), "champion already"),
        (lambda both: crown(both, 3), "version 2 is the canary"),
        (lambda both: withdraw(both, 1), "version 1 is not the canary"),
        (lambda both: enter_canary(withdraw(both, 2), 1, share=0.5), "cannot be its own canary"),
        (lambda _: Deployment("p", "e", "m", champion=1, share=0.5), "a share is given to a canary that is not there"),
    ],
)
def test_what_cannot_stand_together_is_refused(move: Any, says: str) -> None:
    with pytest.raises(IllegalDeploymentError, match=says):
        move(enter_canary(crown(EMPTY, 1), 2, share=0.25))


BOTH = enter_canary(crown(EMPTY, 1), 2, share=0.25)
ALONE = withdraw(BOTH, 2)


def test_a_policy_s_versions_are_challengers_and_shadows_watch() -> None:
    shared = mirror(share_out(ALONE, weights({1: 0.5, 2: 0.3, 3: 0.2})), [4, 5])
    assert roles(shared) == {1: Role.CHAMPION, 2: Role.CHALLENGER, 3: Role.CHALLENGER, 4: Role.SHADOW, 5: Role.SHADOW}
    assert (shared.asked, shared.held) == ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5))
    assert routing(shared) == [(1, 1.0)]


def test_a_new_champion_ends_the_policy_and_is_no_shadow() -> None:
    shared = mirror(share_out(ALONE, weights({1: 0.5, 2: 0.5})), [3, 4])
    after = crown(shared, 3)
    assert (after.policy, after.shadows, after.resident) == (None, (4,), (1, 2))


def test_a_canary_leaves_a_policy_as_it_is_unless_it_is_one_of_its_versions() -> None:
    shared = mirror(share_out(ALONE, weights({1: 0.5, 2: 0.5})), [3])
    assert enter_canary(shared, 3, share=0.1).policy == shared.policy
    assert enter_canary(shared, 3, share=0.1).shadows == ()
    assert enter_canary(shared, 2, share=0.1).policy is None


def test_the_last_versions_that_answered_are_held_ready() -> None:
    here = EMPTY
    for number in (1, 2, 3, 4):
        here = crown(here, number)
    assert (here.resident, here.held) == ((3, 2), (4, 3, 2))
    assert crown(here, 3).resident == (4, 2)


def test_what_is_made_ready_is_held_however_many_it_is() -> None:
    ready = hold_ready(crown(crown(EMPTY, 1), 2), [7, 8, 9, 2])
    assert ready.resident == (7, 8, 9)
    assert drop(ready, [8]).resident == (7, 9)
    assert hold_ready(crown(EMPTY, 1), [1]).resident == ()


def test_a_bandit_learns_only_what_it_asked() -> None:
    begun = bandit([1, 2], learns="rewards", since=datetime(2026, 1, 1, tzinfo=UTC))
    here = share_out(ALONE, begun)
    wiser = learnt(begun, {1: Arm(1, 50), 2: Arm(40, 50)})
    found = learn(here, wiser).policy
    assert isinstance(found, Bandit)
    assert found.shares == pytest.approx({1: 0.01, 2: 0.99}, abs=1e-3)
    for other in (
        share_out(ALONE, weights({1: 0.5, 2: 0.5})),
        share_out(ALONE, bandit([1, 3], learns="rewards", since=datetime(2027, 1, 1, tzinfo=UTC))),
    ):
        with pytest.raises(IllegalDeploymentError, match="not its policy any more"):
            learn(other, wiser)


@pytest.mark.parametrize(
    "move",
    [
        lambda: share_out(EMPTY, weights({1: 1.0})),
        lambda: mirror(EMPTY, [1]),
        lambda: mirror(ALONE, [1]),
        lambda: mirror(ALONE, [2, 2]),
        lambda: mirror(share_out(ALONE, weights({1: 0.5, 2: 0.5})), [2]),
        lambda: share_out(mirror(ALONE, [2]), weights({1: 0.5, 2: 0.5})),
        lambda: share_out(BOTH, weights({1: 0.5, 2: 0.5})),
        lambda: mirror(BOTH, [2]),
    ],
)
def test_no_version_has_two_roles(move: Any) -> None:
    with pytest.raises(IllegalDeploymentError):
        move()


def test_a_deployment_of_before_policies_is_read() -> None:
    old = {"environment": "p", "endpoint": "e", "model": "m", "champion": 1, "canary": None, "share": 0.0, "revision": 3}
    assert Deployment.from_json(old) == Deployment("p", "e", "m", champion=1, revision=3)


@pytest.mark.parametrize(
    "policy",
    [
        weights({1: 0.25, 2: 0.75}), segments("carrier", {"UA": 2, "": 1}),
        bandit([1, 2, 3], learns="labels", since=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=lambda found: type(found).__name__,
)  # fmt: skip
def test_policies_survive_being_written(policy: Any) -> None:
    here = share_out(ALONE, policy)
    assert Deployment.from_json(json.loads(json.dumps(here.to_json()))) == here
