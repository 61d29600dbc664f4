"""`flyball ls runs` and `flyball show run`: what clients logged is there as what the loop trained is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flyball.cli.main import app
from flyball.core.duration import microseconds
from flyball.testing.registry_home import START, open_registry_home
from flyball.tracking.trackedrun import Metric

START_MS = microseconds(START) // 1000


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Path, str]:
    """A home, and a run that a client logged to it; another stands in the experiment `Default`."""
    with open_registry_home(tmp_path) as home:
        runs = home.tracking.runs
        runs.create("0", name="aside", start_ms=START_MS + 1)
        run = runs.create(home.tracking.experiments.create("churn").id, name="first", user="ann", start_ms=START_MS).head.id
        runs.log_batch(
            run, metrics=[Metric(key=key, value=0.5, time_ms=1) for key in ("auc", "f1", "loss", "recall")], params={"depth": "3"}
        )
    return tmp_path, run


def call(place: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--home", str(place)])


def test_runs_of_clients_are_listed_with_their_experiments_and_first_metrics(logged: tuple[Path, str]) -> None:
    place, run = logged
    head, *lines = (line.split("\t") for line in call(place, "ls", "runs").stdout.splitlines())
    assert head == ["run", "experiment", "name", "started", "because", "status", "rows", "winner", "metrics"]
    assert [(line[1], line[2]) for line in lines] == [("churn", "first"), ("Default", "aside")]  # within a minute as well
    (only,) = (line.split("\t") for line in call(place, "ls", "runs", "churn").stdout.splitlines()[1:])
    assert [only[0], only[3], only[5], only[8]] == [run, "2013-03-01 00:00", "running", "auc 0.5000, f1 0.5000, loss 0.5000"]
    assert call(place, "ls", "runs", "nobody").stdout.startswith("No runs of 'nobody' here.")


def test_the_beginning_of_an_id_is_enough(logged: tuple[Path, str]) -> None:
    place, run = logged
    for name in (run, run[:12]):
        shown = json.loads(call(place, "show", "run", name).stdout)
        assert (shown["id"], shown["parameters"], shown["experiment"]) == (run, {"depth": "3"}, "churn")
    assert call(place, "show", "run", "%").exit_code == 4


def test_a_script_gets_lists_and_causes_as_json(logged: tuple[Path, str]) -> None:
    place, run = logged
    found = json.loads(call(place, "ls", "runs", "churn", "--json").stdout)
    assert [(each["run"], each["name"]) for each in found] == [(run, "first")]
    assert json.loads(call(place, "ls", "models", "--json").stdout) == []  # nothing is an empty list, and no sentence
    events = json.loads(call(place, "ls", "events", "--json").stdout)
    chain = json.loads(call(place, "why", events[0]["id"], "--json").stdout)
    assert chain[0]["id"] == events[0]["id"]
    assert set(chain[0]) == {"id", "type", "time", "subject", "text"}
