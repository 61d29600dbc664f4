"""A replay gives a request up where nothing was released, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.cli.released import LOOK_SECONDS, Released
from flyball.client import ClientError
from flyball.core.clock import ManualTimer


class Control:
    """A control plane that says of an endpoint what it is told to, or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.says: Mapping[str, Any] | ClientError = {"champion": None}

    def get_endpoint(self, endpoint: str) -> Mapping[str, Any]:
        assert endpoint == "late"
        self.asked += 1
        if isinstance(self.says, ClientError):
            raise self.says
        return self.says


def test_what_has_a_champion_may_answer_for_ever_and_is_asked_once() -> None:
    control = Control()
    control.says = {"champion": 1}
    found = Released(control.get_endpoint, ManualTimer())
    assert [found.may_answer("late") for _ in range(3)] == [True] * 3
    assert control.asked == 1


def test_before_a_release_it_is_asked_now_and_then_and_after_it_known() -> None:
    control, timer = Control(), ManualTimer()
    found = Released(control.get_endpoint, timer)
    assert [found.may_answer("late") for _ in range(50)] == [False] * 50
    assert control.asked == 1
    control.says = {"champion": 1}
    assert not found.may_answer("late")
    timer.sleep(LOOK_SECONDS)
    assert found.may_answer("late")


def test_while_the_control_plane_is_away_one_waits() -> None:
    control = Control()
    found = Released(control.get_endpoint, ManualTimer())
    control.says = ClientError("gone")
    assert found.may_answer("late")
    control.says = ClientError("there is none", status=404)
    assert not found.may_answer("late")
