"""A model server of one plan, without a project: rows by the model's own signature, answers in its own words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import lightgbm
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]  # it ships no types
from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]  # it ships no types

from flyball.runtimes import CodeNotAllowedError
from flyball.serving.byhand import FoundVersion, serving_plan, version_plan
from flyball.serving.log import PredictionLog
from flyball.serving.plan import ServingPlan
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database
from flyball.testing.model_server import ServerProcess
from tests.loggedmodels import array_signature, columns_signature, leaves, logged_booster, logged_pickle, pipeline, stored, visits

ROWS = visits().drop("vip")
CHURN = pipeline(LogisticRegression()).fit(ROWS, leaves(ROWS))
PLANS = RandomForestClassifier(20, random_state=0).fit(ROWS.select("age", "visits").to_numpy().astype(float), ROWS["plan"].to_numpy())
AGES = LinearRegression().fit(ROWS.select("visits"), ROWS["age"].to_numpy())


class Moody:
    """It raises where somebody is nine."""

    feature_names_in_ = ("visits",)

    def predict(self, frame: Any) -> list[float]:
        if 9 in list(frame["visits"]):
            raise ValueError("nobody is nine")
        return [1.0] * len(frame)


cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as a class of a notebook is


def laid_out(home: Path, models: Mapping[str, Mapping[str, bytes]]) -> Path:
    """The plan that serves these models, in the home."""
    content, into = LocalBlobs(home / "blobs"), LocalBlobs(home / "plan" / "blobs")
    plan = serving_plan({name: version_plan(stored(name, files, blobs=content), content, into=into) for name, files in models.items()})
    path = home / "plan" / "plan.json"
    path.write_bytes(plan.encode())
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    matrix = ROWS.select("age", "visits").to_numpy().astype(float)
    data = lightgbm.Dataset(matrix, leaves(ROWS), feature_name=["age", "visits"])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3)
    models = {
        "churn": logged_pickle(CHURN, columns_signature(ROWS, optional=["visits"])),
        "plans": logged_pickle(PLANS, array_signature(2)),
        "ages": logged_pickle(AGES),
        "boosted": logged_booster(booster.model_to_string()),
        "moody": logged_pickle(Moody(), columns_signature(pl.DataFrame({"visits": [1]}))),
    }
    with ServerProcess(home, "--plan", str(laid_out(home, models))) as started:
        yield started


def rows(count: int, *columns: str) -> list[dict[str, Any]]:
    return ROWS.head(count).select(columns).to_dicts()


def test_a_classifier_says_its_own_class_and_the_probability_of_the_second(server: ServerProcess) -> None:
    answer = server.predict(*rows(20, "age", "visits", "plan"), endpoint="churn")
    assert answer.status == 200, answer.body
    found = answer.json["predictions"]
    assert [one["prediction"] for one in found] == CHURN.predict(ROWS.head(20)).tolist()
    assert [one["score"] for one in found] == CHURN.predict_proba(ROWS.head(20))[:, 1].tolist()
    assert answer.json["model"] == "churn"
    assert "key" not in found[0]
    assert len({one["id"] for one in found}) == 20


def test_several_classes_have_a_probability_each(server: ServerProcess) -> None:
    given = [{"0": row["age"], "1": row["visits"]} for row in rows(5, "age", "visits")]
    found = server.predict(*given, endpoint="plans").json["predictions"]
    matrix = ROWS.head(5).select("age", "visits").to_numpy().astype(float)
    own = PLANS.predict_proba(matrix)
    assert [one["prediction"] for one in found] == PLANS.predict(matrix).tolist()
    assert [one["probabilities"] for one in found] == [dict(zip(["basic", "full", "trial"], row, strict=True)) for row in own.tolist()]
    assert [one["score"] for one in found] == own.max(axis=1).tolist()


def test_a_model_of_values_says_the_value(server: ServerProcess) -> None:
    found = server.predict({"visits": 3}, {"visits": 4.5}, endpoint="ages").json["predictions"]
    assert [one["prediction"] for one in found] == AGES.predict(pl.DataFrame({"visits": [3.0, 4.5]})).tolist()
    assert [one["score"] for one in found] == [one["prediction"] for one in found]


@pytest.mark.parametrize(
    ("endpoint", "row", "words"),
    [
        ("churn", {"age": 1, "visits": 1, "pln": "full"}, "Did you mean 'plan'?"),
        ("churn", {"age": 1, "visits": 1}, "field 'plan': it is missing"),
        ("churn", {"age": "old", "visits": 1, "plan": "full"}, "it is the text 'old'; send a number"),
        ("churn", {"age": 1, "visits": 1.5, "plan": "full"}, "send a whole number"),
        ("ages", {"visit": 1}, "Did you mean 'visits'?"),
        ("ages", {"visits": [1]}, "it is a list; send a number"),
        ("boosted", {"age": 1}, "field 'visits': it is missing"),
    ],
    ids=["near", "missing", "type", "fraction", "unsigned near", "unsigned type", "text form"],
)
def test_what_the_model_does_not_take_is_said_by_name(server: ServerProcess, endpoint: str, row: dict[str, Any], words: str) -> None:
    answer = server.predict(row, endpoint=endpoint)
    assert (answer.status, answer.code) == (422, "field")
    assert words in answer.message


def test_an_optional_column_may_be_left_out_and_any_value_be_null(server: ServerProcess) -> None:
    assert server.predict({"age": None, "plan": "never seen"}, endpoint="churn").status == 200


def test_columns_of_several_types_are_refused_without_a_signature(server: ServerProcess) -> None:
    answer = server.predict({"visits": 1}, {"visits": "two"}, endpoint="ages")
    assert (answer.status, answer.json["error"]["row"]) == (422, 1)
    assert "it is a text, but a number in a row before" in answer.message


def test_rows_that_a_model_raises_at_are_refused_in_its_words(server: ServerProcess) -> None:
    answer = server.predict({"visits": 9}, endpoint="moody")
    assert (answer.status, answer.code) == (422, "rows-refused")
    assert "ValueError: nobody is nine" in answer.message
    assert server.predict({"visits": 8}, endpoint="moody").status == 200


def test_another_endpoint_is_not_found_by_its_near_name(server: ServerProcess) -> None:
    answer = server.predict({}, endpoint="churm")
    assert (answer.status, "'churn'" in answer.message) == (404, True)


def test_what_was_answered_stands_in_the_log(server: ServerProcess, tmp_path: Path) -> None:
    server.predict(*rows(2, "age", "visits", "plan"), endpoint="churn")
    record = next(found for found in server.journal() if found.endpoint == "churn" and found.error is None)
    assert (record.model, record.version, record.task, record.features) == ("churn", 1, "binary", {})
    assert set(record.request) == {"age", "visits", "plan"}
    assert set(record.answers) == {"prediction"}
    database = Database.open(tmp_path / "flyball.db")
    journal = LocalJournal.read(server.home / "journal" / "predictions")
    log = PredictionLog(lambda: {"predictions": journal}, DeltaTables(tmp_path / "tables"), positions=SqlPositions(database))
    log.drain()
    found = log.find(record.ids[0])
    database.close()
    assert found is not None
    assert found["answers"] == {"prediction": str(CHURN.predict(ROWS.head(1))[0])}
    assert found["request"]["age"] == ROWS["age"][0]


def test_metrics_and_health_are_those_of_any_model_server(server: ServerProcess) -> None:
    server.predict({"visits": 3}, endpoint="ages")
    assert server.request("GET", "/healthz").json == {"status": "ok"}
    assert 'flyball_predictions_total{endpoint="ages"' in server.request("GET", "/metrics").body.decode()
    assert server.request("GET", "/metrics", headers={"Authorization": ""}).status == 401


def test_its_process_says_what_the_host_granted(server: ServerProcess) -> None:
    assert "runs in a process of its own; taken from it:" in server.log
    metrics = server.request("GET", "/metrics").body.decode()
    assert 'flyball_isolation{endpoint="churn",version="1",measure="memory"} 1' in metrics
    assert 'flyball_isolation{endpoint="boosted"' not in metrics


def test_a_plan_of_what_may_not_run_is_refused_when_it_is_made_and_when_it_is_loaded(tmp_path: Path) -> None:
    content = LocalBlobs(tmp_path / "blobs")
    untrusted = stored("ages", logged_pickle(AGES), blobs=content, may_run_code=False)
    with pytest.raises(CodeNotAllowedError):
        version_plan(untrusted, content, into=content)
    path = laid_out(tmp_path, {"ages": logged_pickle(AGES)})
    forged = ServingPlan.decode(path.read_bytes().replace(b'"may_run_code":true', b'"may_run_code":false'))
    path.write_bytes(forged.encode())
    server = ServerProcess(tmp_path, "--plan", str(path))
    with pytest.raises(RuntimeError, match="was not allowed to run code here"):
        server.start()


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    path = laid_out(tmp_path, {"ages": logged_pickle({"no": "model"})})
    with pytest.raises(RuntimeError, match="is a dict, which has no `predict`"):
        ServerProcess(tmp_path, "--plan", str(path)).start()


def test_a_version_that_was_converted_is_served_by_its_form_without_code(tmp_path: Path) -> None:
    content = LocalBlobs(tmp_path / "blobs")
    text = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(ROWS.select("age").to_numpy(), ROWS["visits"].to_numpy()), 2)
    from flyball.runtimes.packing import pack

    form = content.put(pack(logged_booster(text.model_to_string()), may_run_code=False).archived())
    original = stored("ages", logged_pickle(AGES), blobs=content, may_run_code=False)
    plan = version_plan(FoundVersion(name="ages", number=1, files=original.files, converted=form), content, into=content)
    assert (plan.model_digest, plan.may_run_code) == (form, False)
