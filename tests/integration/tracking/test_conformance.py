"""The backend of runs keeps its port's laws, and the suite catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flyball.core.ids import RunId
from flyball.testing.suite import failing_tests
from flyball.testing.tracking import RunStoreSuite
from flyball.tracking import MetricPoint, RunStore
from flyball.tracking._sqlstore import SqlRunStore
from tests.databases import OnEveryEngine


class TestSqlRunStore(OnEveryEngine, RunStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[RunStore]:
        with self.opened(place) as database:
            yield SqlRunStore(database)


class _StepBlindStore(SqlRunStore):
    """Takes every point for the first step's."""

    def add_metrics(self, run: RunId, points: Sequence[MetricPoint]) -> None:
        super().add_metrics(run, [MetricPoint(point.name, point.value, 0, point.time) for point in points])


def test_the_suite_catches_a_store_that_forgets_the_step() -> None:
    class Broken(TestSqlRunStore):
        @contextmanager
        def open(self, place: Path) -> Iterator[RunStore]:
            with self.opened(place) as database:
                yield _StepBlindStore(database)

    assert failing_tests(Broken) == ["test_a_metric_is_its_point_of_the_highest_step"]
