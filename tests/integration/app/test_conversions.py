"""Versions that clients register are converted by durable jobs: each once, whatever happens in between."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # it ships no types
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # it ships no types
from sklearn.preprocessing import OneHotEncoder  # type: ignore[import-untyped]  # it ships no types
from typer.testing import CliRunner

from flyball.app.byhand import find_version
from flyball.app.conversions import KIND, LANE, Conversions
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.stores import Stores
from flyball.cli.main import app
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.ids import Digest, RandomIds, RunId
from flyball.pipelines import Executor, InlineExecutor
from flyball.registry import RegistryService
from flyball.registry.model import Registration
from flyball.registry.registered import VersionRequest
from flyball.runtimes import archived, load
from flyball.runtimes._pickle import PickledPredictor
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.linear import LinearPredictor, Term
from flyball.runtimes.model import ModelManifest, Task
from flyball.serving.byhand import ModelReference, RefusedVersionError, version_plan
from flyball.serving.converting import get_conversion
from flyball.storage._localblobs import LocalBlobs
from flyball.tracking import TrackingService
from flyball.tracking.artifacts import Root, RootKind
from tests.loggedmodels import columns_signature, leaves, logged_booster, logged_pickle, mlmodel, pipeline, visits


@dataclass(frozen=True)
class Client:
    """Who uploads."""

    may_run_code: bool
    principal: str = "ada"


@dataclass
class Team:
    """A home with a run, whose files become versions."""

    stores: Stores
    blobs: LocalBlobs
    keeping: Keeping
    run: str

    def register(self, name: str, files: Mapping[str, bytes], *, may_run_code: bool = True) -> None:
        """The next version of the model, of these files."""
        client = Client(may_run_code)
        for path, data in files.items():
            self.keeping.artifacts.put(Root(RootKind.RUN, "0", self.run), f"{name}/{path}", chunks=[data], principal=client)
        if not any(found.name == name for found in self.keeping.registry.search().items):
            self.keeping.registry.create(name)
        self.keeping.registry.create_version(name, VersionRequest(source=f"runs:/{self.run}/{name}", run=self.run), principal=client)

    def conversions(self, executor: Executor | None = None) -> Conversions:
        return Conversions(self.stores, self.blobs, executor=executor)

    def verdict(self, name: str, number: int = 1) -> str | None:
        found = get_conversion(self.stores.journal.log, name, number=number)
        return None if found is None else found.verdict


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    stores = Stores.at_home(tmp_path / "home", clock=WallClock(), ids=RandomIds())
    blobs = LocalBlobs(tmp_path / "home" / "blobs")
    keeping = open_keeping(stores, blobs)
    yield Team(stores, blobs, keeping, keeping.tracking.runs.create("0").head.id)
    stores.close()


def fitted() -> Mapping[str, bytes]:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types

    frame = visits()
    return logged_pickle(pipeline(LogisticRegression()).fit(frame, leaves(frame)), columns_signature(frame))


def boosted() -> Mapping[str, bytes]:
    import lightgbm

    frame = visits().select("age", "visits")
    made: Any = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(frame.to_numpy(), leaves(visits())), 3)
    return logged_booster(made.model_to_string(), columns_signature(frame))


def test_what_carries_code_is_converted_and_what_does_not_stays(team: Team) -> None:
    team.register("pickled", fitted())
    team.register("boosted", boosted())
    team.register("foreign", fitted(), may_run_code=False)
    assert team.conversions().run_all() == 3
    assert [team.verdict(name) for name in ("pickled", "boosted", "foreign")] == ["converted", "native", "refused"]
    refused = get_conversion(team.stores.journal.log, "foreign", number=1)
    assert refused is not None
    assert "was not allowed to run code" in refused.reason


def test_each_version_is_converted_once(team: Team) -> None:
    team.register("boosted", boosted())
    assert team.conversions().run_all() == 1
    assert team.conversions().run_all() == 0
    team.register("boosted", boosted())
    assert team.conversions().run_all() == 1
    assert team.verdict("boosted", 2) == "native"


def test_a_job_that_was_under_way_when_the_server_died_is_done_by_the_next(team: Team) -> None:
    team.register("boosted", boosted())
    team.conversions().look()
    assert team.stores.jobs.claim([LANE], KIND) is not None  # by a process that is dead
    next_one = team.conversions()
    assert next_one.run_all() == 0
    team.stores.jobs.recover_of(KIND)
    assert next_one.run_all() == 1
    assert team.verdict("boosted") == "native"


def test_a_version_that_was_deleted_meanwhile_is_passed_over_without_a_word(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    team.register("boosted", boosted())
    conversions = team.conversions()
    conversions.look()
    team.keeping.registry.delete_version("boosted", 1)
    assert conversions.run_all() == 1
    assert team.verdict("boosted") is None
    assert [job.state for job in team.stores.jobs.list()] == ["succeeded"]
    assert caplog.messages == [], "it is no fault of anybody"


class Halved:
    """A model of a project that no library knows."""

    def predict(self, frame: pl.DataFrame) -> Any:
        return frame["trips.age"].to_numpy() / 2


def trained(team: Team, fitted: Any, *, task: Task, dtypes: Mapping[str, str]) -> PickledPredictor:
    """A version as a training of the project registers it, by its blob alone."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    manifest = ModelManifest(format="pickle", features=tuple(dtypes), dtypes=tuple(dtypes.values()), task=task, carries_code=True)
    model = PickledPredictor(manifest, fitted)
    register_trained(team, team.blobs.put(archived(manifest, model.dump())), run=RunId(team.run))
    return model


def register_trained(team: Team, digest: Digest, *, run: RunId) -> None:
    """The model of that digest, as the loop registers it."""
    service = RegistryService(team.stores.registry, transactions=team.stores.journal.transactions, recorder=team.stores.journal.recorder)
    none = Digest("")
    facts = {"model": "late", "digest": digest, "run": run, "code_version": ""}
    service.register(Registration(training_digest=none, feature_fingerprint=none, environment=none, **facts))  # type: ignore[arg-type]  # of one type each


def test_what_a_project_trained_is_converted_where_it_is_code(team: Team) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = visits().drop("vip").rename({"age": "trips.age", "visits": "trips.visits", "plan": "trips.plan"})
    encoder = ColumnTransformer([("plan", OneHotEncoder(handle_unknown="ignore"), ["trips.plan"])], remainder="passthrough")
    fitted = make_pipeline(encoder, LogisticRegression(max_iter=500)).fit(rows, leaves(visits()))
    dtypes = {"trips.age": "Float64", "trips.visits": "Int64", "trips.plan": "String"}
    model = trained(team, fitted, task="binary", dtypes=dtypes)
    assert team.conversions().run_all() == 1
    found = get_conversion(team.stores.journal.log, "late", number=1)
    assert found is not None
    assert (found.verdict, found.form) == ("converted", "onnx"), found.reason
    assert found.digest is not None
    made = load(team.blobs.open_path(found.digest))
    assert (made.manifest.task, made.manifest.features) == ("binary", tuple(dtypes))
    assert np.abs(made.predict(rows) - model.predict(rows)).max() < 1e-5


def linear(team: Team, *, off: float = 0.0) -> None:
    """A version that carries no code, from a training that told what its model scored, or scored otherwise by `off`."""
    rows = pl.DataFrame({"trips.age": [float(age) for age in range(40)], "trips.line": ["A", "B"] * 20})
    manifest = ModelManifest(format="linear", features=("trips.age", "trips.line"), dtypes=("Float64", "String"), task="binary")
    model = LinearPredictor(manifest, Encoder.fit(rows), 0.1, (Term((0.02,)), Term((0.0, 0.3, -0.3))))
    scores = model.predict(rows) + off
    written = BytesIO()
    rows.with_columns(pl.Series("score", scores)).write_ipc(written)
    journal = team.stores.journal
    tracking = TrackingService(
        team.stores.runs, transactions=journal.transactions, recorder=journal.recorder, clock=team.stores.clock, ids=team.stores.ids
    )
    run = tracking.create("late", parameters={})
    tracking.finish(run.id, metrics={}, artifacts={"samples": team.blobs.put(written.getvalue())}, summary={})
    register_trained(team, team.blobs.put(archived(manifest, model.dump())), run=run.id)


def test_what_a_project_trained_without_code_is_measured_and_compared_with_what_it_was(team: Team) -> None:
    linear(team)
    assert team.conversions(InlineExecutor()).run_all() == 1
    assert team.conversions().run_all() == 0
    found = get_conversion(team.stores.journal.log, "late", number=1)
    assert found is not None
    assert (found.verdict, found.form, found.kept) == ("native", "linear", "")
    assert found.likeness is not None
    assert (found.likeness["rows"], found.likeness["max_abs_diff"], found.likeness["same"]) == (40, 0.0, True)
    assert found.cost is not None
    assert found.cost.call_seconds > 0 < found.cost.rows
    assert found.signature == {
        "inputs": [
            {"type": "double", "name": "trips.age", "required": True},
            {"type": "string", "name": "trips.line", "required": True},
        ],
        "outputs": [{"type": "boolean", "name": "prediction", "required": True}, {"type": "double", "name": "score", "required": True}],
    }
    shown = CliRunner().invoke(app, ["show", "version", "late/1", "--home", str(team.stores.path)])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["conversion"] == json.loads(canonical(found.to_json()))


def test_a_model_that_is_read_as_another_one_says_so(team: Team) -> None:
    linear(team, off=1e-3)
    team.conversions(InlineExecutor()).run_all()
    found = get_conversion(team.stores.journal.log, "late", number=1)
    assert found is not None
    assert found.likeness is not None
    assert not found.likeness["same"]
    assert "differs by 0.001" in found.attempts[0]["reason"]


def test_what_a_project_trained_and_no_form_holds_is_measured(team: Team) -> None:
    trained(team, Halved(), task="regression", dtypes={"trips.age": "Float64"})
    assert team.conversions().run_all() == 1
    found = get_conversion(team.stores.journal.log, "late", number=1)
    assert found is not None
    assert found.verdict == "kept"
    assert found.cost is not None


def test_a_file_that_ends_whoever_reads_it_is_refused_and_nobody_else_ends(team: Team) -> None:
    import xgboost

    whole = bytes(xgboost.XGBRegressor(n_estimators=2).fit([[1.0], [2.0]], [0.0, 1.0]).get_booster().save_raw("ubj"))
    flavors = {"xgboost": {"data": "model.ubj", "model_class": "xgboost.core.Booster"}}
    team.register("half", {"MLmodel": mlmodel(flavors), "model.ubj": whole[: len(whole) // 2]})
    assert team.conversions().run_all() == 1
    assert team.verdict("half") == "refused"
    found = find_version(team.keeping, team.stores.journal.log, reference=ModelReference("half", 1), content=team.blobs)
    with pytest.raises(RefusedVersionError, match="is not served"):
        version_plan(found, team.blobs, into=team.blobs)


def test_a_defect_of_the_conversion_is_told_with_the_version(team: Team) -> None:
    class Broken(InlineExecutor):
        """Fails as no model does."""

        def execute(self, *_: object, **__: object) -> dict[str, Any]:
            raise ValueError("a defect")

    team.register("pickled", fitted())
    assert team.conversions(Broken()).run_all() == 1
    assert team.verdict("pickled") == "kept"
