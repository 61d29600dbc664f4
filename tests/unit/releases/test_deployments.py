"""Deployments: roles and shares that may stand together, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.releases import Deployment, Role, routing
from flyball.releases.deployments import crown, enter_canary, roles, withdraw
from flyball.releases.errors import IllegalDeploymentError

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
