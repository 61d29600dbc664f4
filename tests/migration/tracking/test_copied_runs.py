"""A home of the schema before tracking spoke MLflow opens, and every run is there, for the loop and for clients."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.core.ids import RunId
from flyball.storage import schema_version
from flyball.storage.database import Database
from flyball.testing.trackingservices import point, tracking_in
from flyball.tracking import MetricPoint, Run, RunStatus
from flyball.tracking._sqlstore import SqlRunStore

_START = datetime(2013, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
_START_US = 1_362_139_200_000_001
_COLUMNS = "id, experiment, name, status, parameters, artifacts, tags, started, ended, summary, reason, cause"


def _old_home(path: Path) -> None:
    database = Database.open(path)
    with database.write() as connection:
        schema_version.downgrade(connection, "0008_pushes")
        for number, (experiment, status, ended) in enumerate(
            [("late", "finished", _START_US + 2_500), ("late", "failed", _START_US + 9), ("Default", "running", None)]
        ):
            row = {
                "id": f"run-{number}", "experiment": experiment, "name": f"é-{number}", "status": status,
                "parameters": json.dumps({"trials": number, "reason": "drift"}), "artifacts": json.dumps({"model": "d" * 64}),
                "tags": json.dumps({"seed": "0"}), "started": _START_US + number, "ended": ended, "summary": json.dumps({"rows": 3}),
                "reason": None, "cause": "evt-why",
            }  # fmt: skip
            connection.execute(sa.table("runs", *map(sa.column, row)).insert().values(**row))
        for name, value, step in (("auc", 0.6, 1), ("auc", 0.7, 2), ("auc", 0.5, 0), ("loss", 1e-300, 0)):
            values = {"run": "run-0", "name": name, "value": value, "step": step, "time": _START_US + 1_000 * step}
            connection.execute(sa.table("run_metrics", *map(sa.column, values)).insert().values(**values))
    database.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    _old_home(tmp_path / "home.db")
    return tmp_path / "home.db"


def test_the_loop_finds_its_runs_as_they_were(home: Path) -> None:
    database = Database.open(home)
    store = SqlRunStore(database)
    first = store.get(RunId("run-0"))
    assert first == Run(
        id=RunId("run-0"), experiment="late", name="é-0", status=RunStatus.FINISHED, parameters={"trials": 0, "reason": "drift"},
        metrics={"auc": 0.7, "loss": 1e-300}, artifacts=first.artifacts, tags={"seed": "0"}, started=_START, ended=first.ended,
        summary={"rows": 3}, cause=first.cause,
    )  # fmt: skip
    assert dict(first.artifacts) == {"model": "d" * 64}
    assert (first.cause, first.ended and first.ended.microsecond) == ("evt-why", 2_501)
    assert [(run.id, run.status) for run in store.list("late")] == [("run-0", RunStatus.FINISHED), ("run-1", RunStatus.FAILED)]
    assert store.list_metrics(RunId("run-0"))[0] == MetricPoint("auc", 0.5, 0, _START.replace(microsecond=0))
    assert [point.value for point in store.list_metrics(RunId("run-0"))] == [0.5, 0.6, 0.7, 1e-300]
    database.close()


def test_clients_see_them_under_an_experiment_of_the_models_name(home: Path) -> None:
    database = Database.open(home)
    tracking = tracking_in(database)
    experiment = tracking.experiments.get_named("late")
    run = tracking.runs.get("run-0")
    assert (run.head.experiment, run.head.artifact_uri) == (experiment.id, f"mlflow-artifacts:/{experiment.id}/run-0/artifacts")
    assert run.params == {"reason": "drift", "trials": "0"}
    assert run.tags == {"flyball.cause": "evt-why", "mlflow.runName": "é-0", "seed": "0"}
    assert run.metrics[0] == point("auc", 0.7, step=2, time_ms=_START_US // 1000 + 2)
    assert tracking.runs.get("run-2").head.experiment == "0"
    tracking.runs.log_metric("run-0", point("auc", 0.9, step=3, time_ms=9))
    assert [metric.value for metric in tracking.metrics.history("run-0", "auc").items] == [0.9, 0.5, 0.6, 0.7]
    database.close()


def test_the_old_tables_stay_as_they_were(home: Path) -> None:
    database = Database.open(home)
    with database.read() as connection:
        assert connection.execute(sa.text(f"SELECT {_COLUMNS} FROM runs ORDER BY id")).all()[0].id == "run-0"  # noqa: S608  our own words
        assert connection.execute(sa.text("SELECT count(*) FROM run_metrics")).scalar_one() == 4
    database.close()
