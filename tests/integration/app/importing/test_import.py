"""One history, which the stock client logged: MLflow's file and MLflow's server tell the same of it, and a home takes it over whole."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flyball.app.importing.copying import Counts, Import, Notes
from flyball.app.importing.mlflowfile import MlflowFile
from flyball.app.importing.mlflowserver import MlflowServer
from flyball.app.importing.source import NotATrackingStoreError, Source, SourceError
from flyball.app.importing.target import HomeTarget, Importer
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds
from flyball.registry.report import Verdict
from flyball.storage._localblobs import LocalBlobs
from flyball.tracking.artifacts import Root, RootKind
from flyball.tracking.experiment import Lifecycle, ViewType
from flyball.tracking.loggedmodel import LoggedModelStatus
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import Metric, RunHead, TrackedRun
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


@dataclass
class Taken:
    """A home into which things are imported."""

    home: Path
    keeping: Keeping
    target: HomeTarget

    def take(self, source: Source) -> tuple[Import, Counts]:
        """Import; the work, and what stands here afterwards."""
        notes = Notes(self.home, "the source")
        work = Import(source, self.target, notes, lambda _: None)
        try:
            work.run()
        finally:
            notes.close()
        return work, work.count_here()

    def run(self, name: str) -> TrackedRun:
        """The run of that name in the experiment 'first'."""
        experiment = self.keeping.tracking.experiments.get_named("first")
        ids = [one.id for one in self._ids(experiment.id) if one.name == name]
        return self.keeping.tracking.runs.get(ids[0])

    def _ids(self, experiment: str) -> list[RunHead]:
        found = self.keeping.tracking.runs.search([experiment], view=ViewType.ALL)
        return [run.head for run in found.items]


@contextmanager
def opened(home: Path) -> Iterator[Taken]:
    stores = Stores.at_home(home, clock=WallClock(), ids=RandomIds())
    blobs = LocalBlobs(home / "blobs")
    keeping = open_keeping(stores, blobs)
    yield Taken(home, keeping, HomeTarget.of(keeping, blobs, importer=Importer("ada")))
    stores.close()


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    with opened(tmp_path / "home") as found:
        yield found


def plain(run: TrackedRun) -> TrackedRun:
    """The run without what is another's here: the experiment's number and the place of its files."""
    metrics = tuple(replace(metric, value=-1.0) if math.isnan(metric.value) else metric for metric in run.metrics)
    outputs = tuple(sorted(run.model_outputs, key=lambda output: output.model))
    metrics = tuple(sorted(metrics, key=lambda metric: metric.key))
    return replace(run, head=replace(run.head, experiment="", artifact_uri=""), metrics=metrics, model_outputs=outputs)


def test_a_home_takes_over_all_of_it(taken: Taken, server: MlflowServer) -> None:
    work, here = taken.take(server)
    assert work.problems == []
    assert work.found.rows() == here.rows()
    assert (here.experiments, here.runs, here.logged_models, here.registered_models, here.versions) == (3, 3, 2, 1, 2)
    there, run = the_run(server), taken.run("one")
    assert plain(run) == plain(there)
    assert run.head.id == there.head.id
    points = taken.keeping.tracking.metrics.history(run.head.id, "loss").items
    assert [(point.step, point.value) for point in points] == [(step, 1 / (step + 1)) for step in range(300)]
    assert [taken.run(name).head.lifecycle for name in ("two", "fails")] == [Lifecycle.DELETED, Lifecycle.ACTIVE]
    assert taken.keeping.tracking.experiments.get_named("gone").lifecycle is Lifecycle.DELETED


def test_files_and_models_are_taken_over(taken: Taken, server: MlflowServer) -> None:
    taken.take(server)
    run, artifacts = taken.run("one"), taken.keeping.artifacts
    root = Root(RootKind.RUN, run.head.experiment, run.head.id)
    assert b"".join(artifacts.open(artifacts.get(root, "notes/a b.txt"))).decode() == "grüße\n"
    model = taken.keeping.registry.get("churn")
    assert (model.description, model.aliases, model.tags) == ("who leaves", {"champion": 2}, {"team": "growth"})
    version = taken.keeping.registry.get_version("churn", 1)
    assert (version.description, version.run, version.own_tags) == ("the first", run.head.id, {"checked": "yes"})
    assert version.model is not None
    assert taken.keeping.tracking.models.get(version.model).source_run == run.head.id
    assert not version.origin.may_run_code  # nobody said that they trust it
    assert taken.keeping.registry.verify("churn", 1).verdict is Verdict.VERIFIED


def test_the_same_import_twice_changes_nothing(taken: Taken, file: MlflowFile) -> None:
    first, here = taken.take(file)
    again, still = taken.take(file)
    assert first.found.rows() == again.found.rows()
    assert here.rows() == still.rows()


class Breaks:
    """A source that ends in the middle, as a server that is shut down does."""

    def __init__(self, source: Source, *, after: int) -> None:
        self._source, self._left = source, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def history(self, run: str, key: str) -> Iterator[Metric]:
        for point in self._source.history(run, key):
            self._count()
            yield point

    def read(self, uri: str, path: str) -> Iterator[bytes]:
        self._count()
        yield from self._source.read(uri, path)

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 150, 303, 305, 310, 320])
def test_an_import_that_is_ended_anywhere_goes_on(tmp_path: Path, server: MlflowServer, after: int) -> None:
    breaking: Source = Breaks(server, after=after)  # type: ignore[assignment]  # the rest is the other's
    with opened(tmp_path / "home") as taken, pytest.raises(KeyboardInterrupt):
        taken.take(breaking)
    with opened(tmp_path / "home") as taken:
        work, here = taken.take(server)
        assert work.found.rows() == here.rows()
        assert plain(taken.run("one")) == plain(the_run(server))
        assert taken.keeping.registry.verify("churn", 2).verdict is Verdict.VERIFIED


def test_what_is_here_already_stays(taken: Taken, file: MlflowFile) -> None:
    taken.keeping.tracking.experiments.create("first", tags={"owner": "me"})
    taken.keeping.registry.create("churn", description="mine")
    work, here = taken.take(file)
    assert taken.keeping.tracking.experiments.get_named("first").tags == {"owner": "me"}
    assert taken.keeping.registry.get("churn").description == "mine"
    assert here.runs == work.found.runs


def test_the_command_says_what_was_there_and_what_is_here(tmp_path: Path, url: str) -> None:
    command = [sys.executable, "-m", "flyball", "import", "mlflow", url, "--home", str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "all of it is here" in done.stdout
    assert [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("runs")] == [["3", "3"]]


def test_the_command_says_what_is_no_source(tmp_path: Path) -> None:
    for named, words in (("https://u:p@127.0.0.1:1", "password in it"), ("mysql://x/y", "none of http"), ("nowhere.db", "no MLflow store")):
        command = [sys.executable, "-m", "flyball", "import", "mlflow", named, "--home", str(tmp_path / "home")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 2
        assert words in done.stderr
        assert not (tmp_path / "home").exists()
