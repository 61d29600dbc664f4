"""MLflow's database file and MLflow's server tell the same of one history, which the stock client logged."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.app.importing.mlflowfile import MlflowFile
from flyball.app.importing.mlflowserver import MlflowServer
from flyball.app.importing.source import NotATrackingStoreError, Source, SourceError
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.loggedmodel import LoggedModelStatus
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import TrackedRun
from tests.stock import mlflow_server, run_script


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    with mlflow_server(place) as found:
        run_script("fill", found)
        yield found


@pytest.fixture(scope="module")
def file(url: str, place: Path) -> Iterator[MlflowFile]:
    del url  # it was filled by way of the server
    source = MlflowFile(place / "mlflow.db")
    yield source
    source.close()


@pytest.fixture(scope="module")
def server(url: str) -> Iterator[MlflowServer]:
    source = MlflowServer(url)
    yield source
    source.close()


def the_run(source: Source) -> TrackedRun:
    return next(run for run in source.runs("1") if run.head.name == "one")


def test_experiments_are_told_with_tags_and_deleted_ones_too(file: MlflowFile, server: MlflowServer) -> None:
    found = list(file.experiments())
    assert [(one.id, one.name, one.lifecycle) for one in found] == [
        ("0", "Default", Lifecycle.ACTIVE), ("1", "first", Lifecycle.ACTIVE), ("2", "gone", Lifecycle.DELETED),
    ]  # fmt: skip
    assert found[1].tags["owner"] == "nobody's"
    assert list(server.experiments()) == found


def test_runs_are_told_whole(file: MlflowFile, server: MlflowServer) -> None:
    assert [(run.head.name, run.head.status, run.head.lifecycle) for run in file.runs("1")] == [
        ("one", RunStatus.FINISHED, Lifecycle.ACTIVE),
        ("two", RunStatus.FINISHED, Lifecycle.DELETED),
        ("fails", RunStatus.FAILED, Lifecycle.ACTIVE),
    ]
    here, there = the_run(file), the_run(server)
    assert (here.head, here.params, here.dataset_inputs) == (there.head, there.params, there.dataset_inputs)
    assert here.params["long"] == "x" * 6000
    assert (here.tags["team"], here.dataset_inputs[0].tags) == ("growth", {"mlflow.data.context": "training"})
    assert dict(here.tags) == dict(there.tags)
    assert sorted(here.model_outputs, key=str) == sorted(there.model_outputs, key=str)
    assert len(here.model_outputs) == 2


def test_metrics_are_told_with_every_point(file: MlflowFile, server: MlflowServer) -> None:
    run = the_run(file)
    values = {metric.key: metric.value for metric in run.metrics}
    assert (values["high"], values["low"], values["loss"]) == (math.inf, -math.inf, 1 / 300)
    assert math.isnan(values["nan"])
    for source in (file, server):
        points = list(source.history(run.head.id, "loss"))
        assert sorted((point.step, point.value) for point in points) == [(step, 1 / (step + 1)) for step in range(300)]
    assert math.isnan(next(server.history(run.head.id, "nan")).value)
    assert next(server.history(run.head.id, "low")).value == -math.inf


def test_logged_models_are_told(file: MlflowFile, server: MlflowServer) -> None:
    here, there = list(file.logged_models("1")), list(server.logged_models("1"))
    assert {model.id for model in here} == {model.id for model in there}
    assert {model.status for model in (*here, *there)} == {LoggedModelStatus.READY}
    first = here[0]
    other = next(model for model in there if model.id == first.id)
    assert (first.name, first.source_run, dict(first.params)) == (other.name, other.source_run, dict(other.params))
    accuracy = [(metric.value, metric.dataset_name) for model in here for metric in model.metrics if metric.key == "accuracy"]
    assert (0.9, "rows") in accuracy


def test_registered_models_are_told(file: MlflowFile, server: MlflowServer) -> None:
    (here,), (there,) = file.registered(), server.registered()
    assert (here.name, here.description, here.tags, here.aliases) == ("churn", "who leaves", {"team": "growth"}, {"champion": 2})
    assert (there.name, there.description, there.tags, there.aliases) == (here.name, here.description, here.tags, here.aliases)
    assert [version.number for version in here.versions] == [version.number for version in there.versions] == [1, 2]
    assert (here.versions[0].description, here.versions[0].tags) == ("the first", {"checked": "yes"})
    assert here.versions[0].run == there.versions[0].run == the_run(file).head.id
    assert here.versions[0].model == there.versions[0].model


def test_files_are_listed_and_read(file: MlflowFile, server: MlflowServer) -> None:
    run = the_run(file)
    for source in (file, server):
        assert sorted(source.files(run.head.artifact_uri)) == ["empty.txt", "notes/a b.txt"]
        assert b"".join(source.read(run.head.artifact_uri, "notes/a b.txt")).decode() == "grüße\n"
        assert b"".join(source.read(run.head.artifact_uri, "empty.txt")) == b""
    for version in next(server.registered()).versions:
        assert "MLmodel" in set(server.files(version.files))
    assert list(file.files("nothing-there")) == []


def test_what_is_no_store_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "text").write_text("no database, but a text that is long enough to be read as one" * 20)
    with pytest.raises(NotATrackingStoreError, match="no MLflow store"):
        MlflowFile(tmp_path / "text")
    with pytest.raises(NotATrackingStoreError, match="no MLflow store"):
        MlflowFile(tmp_path / "not-there.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE experiments (a)").connection.close()
    with pytest.raises(NotATrackingStoreError, match="has no tables"):
        MlflowFile(tmp_path / "other.db")
    elsewhere = MlflowServer(f"{url}/static-files")
    with pytest.raises((NotATrackingStoreError, SourceError)):
        list(elsewhere.experiments())
    elsewhere.close()
    nobody = MlflowServer("http://127.0.0.1:1")
    with pytest.raises(SourceError, match="run the command again"):
        list(nobody.experiments())
    nobody.close()
