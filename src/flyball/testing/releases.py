"""The laws of `ReleaseStore`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from flyball.releases.deployments import Deployment, crown, enter_canary
from flyball.releases.rollout import advance, begin, canary
from flyball.releases.store import ReleaseStore
from flyball.testing.suite import Suite

_NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
_HERE = ("production", "late")
_EMPTY = Deployment(*_HERE, "late")
_FIRST = crown(_EMPTY, 1)


class ReleaseStoreSuite(Suite):
    """A deployment is followed by its next revision only; a version has one latest rollout."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[ReleaseStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_nothing_is_deployed_at_first(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.find_deployment(*_HERE) is None
            assert store.find_rollout(*_HERE, version=1) is None
            assert store.list_deployments() == []
            assert store.list_rollouts(*_HERE) == []

    def test_what_was_deployed_is_found_as_it_was(self, tmp_path: Path) -> None:
        second = enter_canary(_FIRST, 2, share=0.05)
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            for deployment in (_FIRST, second):
                assert store.set_deployment(deployment)
                assert other.find_deployment(*_HERE) == deployment
            assert other.list_deployments() == [second]

    def test_a_revision_follows_its_predecessor_only(self, tmp_path: Path) -> None:
        second = enter_canary(_FIRST, 2, share=0.05)
        with self.open(tmp_path) as store:
            assert not store.set_deployment(second)
            assert store.set_deployment(_FIRST)
            assert not store.set_deployment(crown(_EMPTY, 3))
            assert store.set_deployment(second)
            assert not store.set_deployment(_FIRST)
            assert store.find_deployment(*_HERE) == second

    def test_of_many_movers_one_moves(self, tmp_path: Path) -> None:
        def move(version: int) -> bool:
            with self.open(tmp_path) as own:
                return own.set_deployment(enter_canary(_FIRST, version, share=0.05))

        with self.open(tmp_path) as store, ThreadPoolExecutor(4) as pool:
            store.set_deployment(_FIRST)
            assert sorted(pool.map(move, range(2, 6))) == [False, False, False, True]

    def test_endpoints_are_apart_and_ordered(self, tmp_path: Path) -> None:
        places = [("a", "y"), ("b", "x"), ("b", "z")]
        with self.open(tmp_path) as store:
            for place in reversed(places):
                assert store.set_deployment(crown(Deployment(*place, "late"), 1))
            assert [(found.environment, found.endpoint) for found in store.list_deployments()] == places

    def test_the_latest_rollout_of_a_version_counts(self, tmp_path: Path) -> None:
        spec = canary([0.05, 0.25, 1.0], hold="1d")
        begun = begin("late", 2, champion=1, spec=spec, now=_NOON)
        later = advance(begun, _NOON.replace(day=2))
        other = begin("late", 1, champion=None, spec=spec, now=_NOON)
        with self.open(tmp_path) as store:
            for rollout in (begun, later, other):
                store.set_rollout(*_HERE, rollout=rollout)
            assert store.find_rollout(*_HERE, version=2) == later
            assert store.list_rollouts(*_HERE) == [other, later]
            assert store.list_rollouts("staging", "late") == []
