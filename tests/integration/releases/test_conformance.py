"""The release store's backend keeps its port's laws, and the suite that says so catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flyball.releases._sqlstore import SqlReleases
from flyball.releases.deployments import Deployment
from flyball.releases.store import ReleaseStore
from flyball.testing.releases import ReleaseStoreSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlReleases(OnEveryEngine, ReleaseStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[ReleaseStore]:
        with self.opened(place) as database:
            yield SqlReleases(database)


class _LastWins(SqlReleases):
    """Takes every deployment for the next one."""

    def set_deployment(self, deployment: Deployment) -> bool:
        stands = self.find_deployment(deployment.environment, deployment.endpoint)
        return super().set_deployment(replace(deployment, revision=stands.revision + 1 if stands else 1))


def test_the_suite_catches_a_store_where_the_last_mover_wins() -> None:
    class Broken(TestSqlReleases):
        @contextmanager
        def open(self, place: Path) -> Iterator[ReleaseStore]:
            with self.opened(place) as database:
                yield _LastWins(database)

    assert {"test_a_revision_follows_its_predecessor_only", "test_of_many_movers_one_moves"} <= set(failing_tests(Broken))
