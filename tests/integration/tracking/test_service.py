"""A run's life through the service: its events, its end, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds, Digest, EventId, RunId
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.recorder import Recorder
from flyball.tracking import Logged, MetricValueError, ParameterChangedError, RunEndedError, RunNotFoundError, RunStatus, TrackingService
from flyball.tracking._sqlstore import SqlRunStore
from tests.databases import Databases

Opened = tuple[TrackingService, SqlEventLog]


@pytest.fixture
def opened(databases: Databases, tmp_path: Path) -> Iterator[Opened]:
    database = databases.open(tmp_path)
    clock, ids = VirtualClock(datetime(2013, 3, 1, tzinfo=UTC)), DerivedIds(0)
    log = SqlEventLog(database)
    recorder = Recorder(log, clock=clock, ids=ids)
    yield TrackingService(SqlRunStore(database), transactions=database, recorder=recorder, clock=clock, ids=ids), log
    database.close()


def test_a_run_starts_logs_and_finishes(opened: Opened) -> None:
    service, log = opened
    run = service.create("late", parameters={"a": 1}, tags={"seed": "0"}, cause=EventId("evt-1"))
    service.log(run.id, Logged(metrics={"loss": 2.0}, step=1, artifacts={"x": Digest("a" * 64)}))
    found = service.finish(run.id, metrics={"auc": 0.7}, artifacts={"model": Digest("d" * 64)}, summary={"rows": 3})
    assert (found.status, found.metrics, dict(found.summary)) == (RunStatus.FINISHED, {"auc": 0.7, "loss": 2.0}, {"rows": 3})
    assert list(found.artifacts) == ["model", "x"]
    assert [(event.type, event.cause) for event in log.list()] == [("run.started", "evt-1"), ("run.finished", "evt-1")]


def test_the_same_cause_is_the_same_run(opened: Opened) -> None:
    service, log = opened
    assert service.create("late", cause=EventId("evt-1")) == service.create("late", cause=EventId("evt-1"))
    assert len(log.list()) == 1


def test_ending_twice_alike_is_ending_once(opened: Opened) -> None:
    service, log = opened
    run = service.create("late")
    assert service.fail(run.id, "one class") == service.fail(run.id, "again")
    with pytest.raises(RunEndedError, match="failed and changes no more"):
        service.finish(run.id)
    assert [event.type for event in log.list()] == ["run.started", "run.failed"]


def test_an_ended_run_a_changed_parameter_and_a_figure_that_is_none_are_refused(opened: Opened) -> None:
    service, _ = opened
    run = service.create("late", parameters={"a": 1})
    with pytest.raises(ParameterChangedError):
        service.log(run.id, Logged(parameters={"a": 2}))
    with pytest.raises(MetricValueError):
        service.log(run.id, Logged(metrics={"auc": float("nan")}))
    with pytest.raises(RunNotFoundError):
        service.finish(RunId("none"))
    assert service.fail(run.id, "stopped", killed=True).status is RunStatus.KILLED
    with pytest.raises(RunEndedError):
        service.log(run.id, Logged(tags={"a": "b"}))
