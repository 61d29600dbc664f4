"""A run's start and first end are events; what is logged in between is none."""

from __future__ import annotations

from pathlib import Path

from flyball.storage._sqlstore import SqlEventLog
from flyball.testing.trackingservices import point, tracking_in
from flyball.tracking import RunStatus
from tests.databases import Databases


def test_a_run_is_told_from_its_start_to_its_end(databases: Databases, tmp_path: Path) -> None:
    database = databases.open(tmp_path)
    tracking, log = tracking_in(database), SqlEventLog(database)
    run = tracking.runs.create("0", name="first").head.id
    tracking.runs.log_batch(run, metrics=[point("a", 1)], params={"b": "1"}, tags={"c": "1"})
    for status in (RunStatus.FINISHED, RunStatus.FINISHED, RunStatus.FAILED):
        tracking.runs.update(run, status=status)
    other = tracking.runs.create("0", name="other").head.id
    tracking.runs.update(other, status=RunStatus.KILLED)
    told = [(event.type, event.subject) for event in log.list()]
    assert told == [
        ("run.started", f"run/{run}"),
        ("run.finished", f"run/{run}"),
        ("run.started", f"run/{other}"),
        ("run.killed", f"run/{other}"),
    ]
    assert log.list()[0].data == {"experiment": "Default", "name": "first"}
    database.close()


def test_the_same_seed_gives_the_same_runs(databases: Databases, tmp_path: Path) -> None:
    found = []
    for world in ("a", "b"):
        database = databases.open(tmp_path / world)
        tracking = tracking_in(database)
        found.append([tracking.runs.create("0"), tracking.runs.create("0"), tracking.models.create("0")])
        database.close()
    assert found[0] == found[1]


def test_a_run_that_ends_is_packed(databases: Databases, tmp_path: Path) -> None:
    database = databases.open(tmp_path)
    tracking = tracking_in(database)
    run = tracking.runs.create("0").head.id
    for step in range(50):
        tracking.runs.log_metric(run, point("a", step, step=step))
    before = tracking.metrics.history(run, "a")
    tracking.runs.update(run, status=RunStatus.FINISHED)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM metric_points").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT sum(points) FROM metric_chunks").scalar_one() == 50
    assert tracking.metrics.history(run, "a") == before
    tracking.runs.log_metric(run, point("a", 99, step=99))
    assert [metric.step for metric in tracking.metrics.history(run, "a").items] == [*range(50), 99]
    database.close()
