"""A follower takes up the kept plan, then newer ones, and keeps only what came into force."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.serving.following import ControlPlaneError, Follower, HttpPlans, PlanFile
from flyball.serving.plan import ServingPlan
from flyball.testing.model_server import PlanServer


class Scripted:
    """A control plane that says one thing after the other, then stops the follower."""

    def __init__(self, *said: ServingPlan | Exception | None) -> None:
        self._said, self.asked, self.refusals = list(said), list[int](), list[str]()
        self.follower: Follower | None = None

    def find(self, revision: int, *, refusal: str = "") -> ServingPlan | None:
        self.asked.append(revision)
        self.refusals.append(refusal)
        if not self._said:
            assert self.follower is not None
            self.follower.stop()
            return None
        found = self._said.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        """Nothing waits."""


def follow(place: Path, *said: ServingPlan | Exception | None, refuse: int = 0) -> tuple[list[int], list[int]]:
    taken: list[int] = []

    def take(plan: ServingPlan) -> int:
        if plan.revision == refuse:
            return taken[-1] if taken else 0
        taken.append(plan.revision)
        return plan.revision

    source = Scripted(*said)
    source.follower = follower = Follower(source, PlanFile(place / "serving" / "plan.json"), take=take)
    follower.open()
    follower.run()
    return taken, source.asked


def test_plans_come_into_force_in_order_and_the_last_is_kept(tmp_path: Path) -> None:
    assert follow(tmp_path, ServingPlan(revision=1), None, ServingPlan(revision=3)) == ([1, 3], [0, 1, 1, 3])
    assert follow(tmp_path, None) == ([3], [0, 3])


def test_an_absent_control_plane_is_asked_again(tmp_path: Path) -> None:
    gone = ControlPlaneError("http://127.0.0.1:1", "connection refused")
    assert follow(tmp_path, gone, ServingPlan(revision=2), RuntimeError("a mistake")) == ([2], [0, 0, 2, 2])


def test_a_refused_plan_is_not_kept(tmp_path: Path) -> None:
    assert follow(tmp_path, ServingPlan(revision=1), ServingPlan(revision=2), refuse=2) == ([1], [0, 1, 1])
    assert follow(tmp_path, None) == ([1], [0, 1])


def test_a_damaged_file_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"revision": ')
    assert PlanFile(tmp_path / "plan.json").find() is None
    assert PlanFile(tmp_path / "none.json").find() is None


def test_plans_come_over_http() -> None:
    with PlanServer(ServingPlan(revision=7)) as control:
        plans = HttpPlans(control.url, token=None, server="test", wait_seconds=0)
        assert plans.find(6) == ServingPlan(revision=7)
        assert plans.find(7) is None
        assert control.heard == [6, 7]


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(ControlPlaneError, match="gave no plan"):
        HttpPlans("http://127.0.0.1:9", token="x" * 43, server="test").find(0)


def test_whoever_gives_a_plan_that_is_refused_is_told_why_at_once(tmp_path: Path) -> None:
    bad, good = ServingPlan(revision=2), ServingPlan(revision=3)
    source = Scripted(bad, bad, good)
    source.follower = Follower(
        source, PlanFile(tmp_path / "plan.json"), take=lambda plan: plan.revision if plan.revision != 2 else 0, why=lambda: "no such blob"
    )
    source.follower.run()
    assert source.refusals == ["", "no such blob", "no such blob", ""]
