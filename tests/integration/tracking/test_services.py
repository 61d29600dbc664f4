"""The services of tracking keep their laws on every engine, and the suites catch broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flyball.testing.experiments import ExperimentSuite
from flyball.testing.loggedmodels import LoggedModelSuite
from flyball.testing.metrichistories import MetricHistorySuite
from flyball.testing.suite import failing_tests
from flyball.testing.trackedruns import TrackedRunSuite
from flyball.testing.trackingservices import TrackingSuite, tracking_in
from flyball.tracking.logged import LoggedPoint
from flyball.tracking.runs import Runs
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking
from tests.databases import OnEveryEngine


class _Opened(OnEveryEngine, TrackingSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[Tracking]:
        with self.opened(place) as database:
            yield tracking_in(database)


class TestExperiments(_Opened, ExperimentSuite):
    pass


class TestTrackedRuns(_Opened, TrackedRunSuite):
    pass


class TestMetricHistories(_Opened, MetricHistorySuite):
    pass


class TestLoggedModels(_Opened, LoggedModelSuite):
    pass


class _TimelessRuns(Runs):
    """Takes every point for one of the first instant."""

    def log_metric(self, run: str, metric: LoggedPoint) -> None:
        super().log_metric(run, Metric(key=metric.key, value=metric.value, time_ms=0, step=metric.step))


def test_the_suites_catch_runs_that_forget_the_time() -> None:
    class Broken(TestTrackedRuns):
        @contextmanager
        def open(self, place: Path) -> Iterator[Tracking]:
            with self.opened(place) as database:
                tracking = tracking_in(database)
                yield replace(tracking, runs=_TimelessRuns(tracking.runs._ledger))

    assert failing_tests(Broken) == ["test_the_latest_metric_is_that_of_the_highest_step_time_and_value"]
