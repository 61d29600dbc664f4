"""Batch scoring against a real home: each row once, in the table and in the log, whoever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from flyball.app.predictionlog import open_log
from flyball.app.scoring.errors import NothingServedError, ScoringInputError, ScoringStoppedError, ScoringTableError
from flyball.app.scoring.job import Job
from flyball.app.scoring.opening import Scored, Wanted, begin, executor_of, run
from flyball.app.stores import Stores
from flyball.cli.main import app
from flyball.core.clock import VirtualClock
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.core.ids import DerivedIds
from flyball.pipelines import ExecutorPool, ProcessExecutor
from flyball.serving.errors import VersionNotServedError
from flyball.storage._delta import DeltaTables
from flyball.testing.serving_home import MODEL, ServingHome, trip

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = 23_456


@pytest.fixture
def home(tmp_path: Path) -> ServingHome:
    made = ServingHome.trips(tmp_path)
    made.add_linear(1)
    made.keep(made.plan(1))
    Stores.open(made.path, clock=VirtualClock(NOON), ids=DerivedIds(0)).close()
    return made


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "trips.parquet"
    frame = pl.DataFrame([trip(number, note=f"n{number}") for number in range(ROWS)])
    frame.with_columns(pl.col("leaves_at").str.to_datetime(time_zone="UTC", time_unit="us")).write_parquet(path)
    return path


def started(home: ServingHome, source: Path, *, workers: int = 1) -> Job:
    return begin(home.path, Wanted(endpoint=MODEL, source=str(source), table="scores", workers=workers), clock=VirtualClock(NOON))


def logged(home: ServingHome) -> pl.DataFrame:
    stores = Stores.open(home.path, clock=VirtualClock(NOON), ids=DerivedIds(0))
    try:
        log = open_log(home.path, DeltaTables(home.path / "tables"), stores=stores)
        log.drain()
        assert log.stats(MODEL, NOON - timedelta(days=1)) == ()  # they are nobody's traffic
        return log.select(MODEL, pl.col("route") == "batch", columns=("id", "key", "score", "time"))
    finally:
        stores.close()


def check(home: ServingHome, *, rows: int = ROWS) -> pl.DataFrame:
    """Each row is in the table and in the log once, with the same id and score."""
    table = DeltaTables(home.path / "tables").read("scores").collect()
    assert table.height == table["trip_id"].n_unique() == table["prediction_id"].n_unique() == rows
    found = logged(home)
    assert found.height == found["id"].n_unique() == rows
    both = table.join(found, left_on="prediction_id", right_on="id", suffix="_log")
    assert both.height == rows
    assert both["trip_id"].equals(both["key"], check_names=False)
    assert (both["score"] - both["score_log"]).abs().max() == 0.0
    assert set(found["time"]) == {NOON}
    return table


def test_all_rows_are_scored_once_and_the_same_command_finds_them_done(home: ServingHome, rows: Path) -> None:
    job = started(home, rows)
    assert run(home.path, job, executor=ExecutorPool([ProcessExecutor()])) == Scored(job, ROWS, 0)
    table = check(home)
    assert table["note"].n_unique() == ROWS  # what the version does not take goes along
    assert run(home.path, started(home, rows), executor=ExecutorPool([ProcessExecutor()])) == Scored(job, ROWS, 0)
    check(home)


def test_processes_that_are_killed_leave_no_row_out_and_none_twice(home: ServingHome, rows: Path) -> None:
    job = started(home, rows, workers=2)
    for worker in (0, 1, 1):
        command = [sys.executable, "-m", "flyball.app.scoring", str(home.path), job.name, str(worker)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # a batch is done, and another has begun, or all are
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    again = started(home, rows, workers=1)
    assert again == job  # as it was begun
    assert run(home.path, again, executor=executor_of("processes", workers=2)).rows == ROWS
    check(home)


def test_rows_that_the_version_cannot_take_have_the_reason_and_the_others_their_score(home: ServingHome, tmp_path: Path) -> None:
    path = tmp_path / "few.ndjson"
    frame = pl.DataFrame([trip(number) for number in range(50)])
    frame.with_columns(trip_id=pl.when(pl.int_range(pl.len()).is_in([7, 31])).then(None).otherwise("trip_id")).write_ndjson(path)
    found = run(home.path, started(home, path), executor=ExecutorPool([ProcessExecutor()]))
    assert (found.rows, found.errors) == (50, 2)
    table = DeltaTables(home.path / "tables").read("scores").collect()
    assert table["error"].is_not_null().arg_true().to_list() == [7, 31]
    assert "trip_id" in table["error"][7]
    assert table["score"].null_count() == 2
    assert logged(home).height == 48


def test_a_column_that_is_missing_stops_it_before_anything_is_scored(home: ServingHome, tmp_path: Path) -> None:
    path = tmp_path / "less.csv"
    pl.DataFrame({"trip_id": ["a"], "line": ["L1"]}).write_csv(path)
    with pytest.raises(ScoringStoppedError, match="'distance'"):
        run(home.path, started(home, path), executor=ExecutorPool([ProcessExecutor()]))
    assert DeltaTables(home.path / "tables").latest("scores") is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"endpoint": "lat"}, UnknownNameError),
        ({"version": 9}, VersionNotServedError),
        ({"source": "no-such-place"}, ScoringInputError),
        ({"table": "predictions.late.x"}, ScoringTableError),
        ({"table": "../x"}, FlyballError),
    ],
    ids=["endpoint", "version", "source", "ours", "path"],
)
def test_what_cannot_be_is_said_at_once(home: ServingHome, rows: Path, changes: dict[str, object], error: type[FlyballError]) -> None:
    given: dict[str, object] = {"endpoint": MODEL, "source": str(rows), "table": "scores", **changes}
    with pytest.raises(error):
        begin(home.path, Wanted(**given), clock=VirtualClock(NOON))  # type: ignore[arg-type]  # one of them is changed
    assert not (home.path / "scoring").exists()


def test_a_file_that_is_none_is_said(home: ServingHome, tmp_path: Path) -> None:
    for name, content in (("x.parquet", b"rubbish"), ("x.txt", b"a"), ("empty.csv", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ScoringInputError):
            started(home, tmp_path / name)


def test_a_home_that_was_never_served_is_told(tmp_path: Path, rows: Path) -> None:
    made = ServingHome.trips(tmp_path / "other")
    Stores.open(made.path, clock=VirtualClock(NOON), ids=DerivedIds(0)).close()
    with pytest.raises(NothingServedError):
        started(made, rows)


def test_the_command_says_what_was_done(home: ServingHome, tmp_path: Path) -> None:
    path = tmp_path / "few.ndjson"
    pl.DataFrame([trip(number) for number in range(5)]).write_ndjson(path)
    command = ["score", MODEL, "--in", str(path), "--out", "scores", "--home", str(home.path)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert result.output == "5 rows, scored by version 1, are in scores.\n"


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # Ray's own
@pytest.mark.timeout(280)
def test_ray_scores_the_same(home: ServingHome, rows: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    job = started(home, rows, workers=2)
    assert run(home.path, job, executor=executor_of("ray", workers=2)) == Scored(job, ROWS, 0)
    check(home)
