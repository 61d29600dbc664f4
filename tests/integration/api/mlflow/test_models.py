"""Logged models, registered models and versions by raw HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asking import PREFIX, Door

MISSING: dict[str, Any] = {"status": 404, "code": "RESOURCE_DOES_NOT_EXIST"}


def logged(door: Door, experiment: str | None = None, **given: Any) -> str:
    """A new logged model."""
    made = door.say("POST logged-models", {"experiment_id": experiment or door.experiment(), **given})
    return str(made["model"]["info"]["model_id"])


def sourced(door: Door) -> tuple[str, str]:
    """A run with a file under ``model``, and where that is."""
    experiment = door.experiment()
    run = door.run(experiment)
    source = f"mlflow-artifacts:/{experiment}/{run}/artifacts/model"
    put = door.owner.put(f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/model/MLmodel", content=b"flavors: {}")
    assert put.status_code == 200, put.text
    return run, source


def test_a_logged_model_lives(door: Door) -> None:
    experiment = door.experiment()
    run = door.run(experiment)
    pairs = [{"key": "a", "value": "1"}]
    made = door.say(
        "POST logged-models",
        {"experiment_id": experiment, "name": "lm", "model_type": "t", "source_run_id": run, "params": pairs, "tags": pairs},
    )["model"]
    info, one = made["info"], made["info"]["model_id"]
    assert (info["name"], info["status"], info["model_type"], info["source_run_id"]) == ("lm", "LOGGED_MODEL_PENDING", "t", run)
    assert (info["tags"], made["data"]["params"]) == (pairs, pairs)
    assert info["artifact_uri"] == f"mlflow-artifacts:/{experiment}/models/{one}/artifacts"
    at = f"logged-models/{one}"
    for status, wanted in (("LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_UPLOAD_FAILED"), (2, "LOGGED_MODEL_READY")):
        assert door.say(f"PATCH {at}", {"model_id": one, "status": status})["model"]["info"]["status"] == wanted
    assert door.say(f"PATCH {at}/tags", {"tags": [{"key": "team/a", "value": "v"}]}) == {}
    assert door.say(f"DELETE {at}/tags/team/a") == {}
    door.refuse(f"DELETE {at}/tags/team/a", **MISSING)
    assert door.say(f"POST {at}/params", {"params": [{"key": "b", "value": "v"}]}) == {}
    door.refuse(f"POST {at}/params", {"params": [{"key": "b", "value": "w"}]})
    metric = {"key": "m", "value": 1.5, "timestamp": 3, "step": 2, "model_id": one, "dataset_name": "d", "dataset_digest": "x"}
    door.say("POST runs/log-metric", {"run_id": run, **metric})
    found = door.say(f"GET {at}")["model"]
    assert found["data"]["metrics"] == [{**metric, "run_id": run}]
    assert found["data"]["params"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "v"}]
    assert door.say(f"GET {at}/artifacts/directories") == {"root_uri": info["artifact_uri"], "files": []}
    assert door.say(f"DELETE {at}") == {}
    door.refuse(f"GET {at}", **MISSING)


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "'experiment_id'"), ({"experiment_id": "0", "name": "a/b"}, "a/b"), ({"experiment_id": "0", "tags": [{}]}, "'tags[0].key'")],
    ids=range(3),
)
def test_a_logged_model_that_cannot_be(door: Door, given: dict[str, Any], said: str) -> None:
    assert said in door.refuse("POST logged-models", given)


def test_what_a_logged_models_status_can_be(door: Door) -> None:
    one = logged(door)
    for status in (9, "XX", 0):
        assert "'status'" in door.refuse(f"PATCH logged-models/{one}", {"status": status})
    assert "'status'" in door.refuse(f"PATCH logged-models/{one}", {})
    door.refuse("PATCH logged-models/m-none", {"status": 2}, **MISSING)


def test_logged_models_are_found(door: Door) -> None:
    experiment = door.experiment()
    run = door.run(experiment)
    made = [logged(door, experiment, name=f"m{number}") for number in range(3)]
    for number, one in enumerate(made):
        door.say("POST runs/log-metric", {"run_id": run, "key": "s", "value": number, "timestamp": 1, "model_id": one, "dataset_name": "d"})
    asked: dict[str, Any] = {
        "experiment_ids": [experiment],
        "order_by": [{"field_name": "metrics.s", "ascending": False}],
        "max_results": 2,
    }
    page = door.say("POST logged-models/search", asked)
    rest = door.say("POST logged-models/search", {**asked, "page_token": page["next_page_token"]})
    assert [each["info"]["model_id"] for each in [*page["models"], *rest["models"]]] == made[::-1]
    filtered = {**asked, "filter": "metrics.s > 0", "datasets": [{"dataset_name": "d"}], "max_results": 0}
    assert len(door.say("POST logged-models/search", filtered)["models"]) == 2
    for given, said in (
        ({"experiment_ids": None}, "'experiment_ids'"), ({"filter": "nonsense"}, "nonsense"), ({"page_token": "zz"}, "token"),
        ({"order_by": ["foo"]}, "'order_by[0]'"), ({"order_by": [{"field_name": "nonsense"}]}, "nonsense"),
        ({"order_by": [{}]}, "'order_by[0].field_name'"), ({"datasets": [{}]}, "'datasets[0].dataset_name'"),
        ({"max_results": -1}, "'max_results'"),
    ):  # fmt: skip
        assert said in door.refuse("POST logged-models/search", {**asked, **given}), given


def test_a_registered_model_lives(door: Door) -> None:
    name, pairs = door.fresh("registered"), [{"key": "a", "value": "b"}]
    made = door.say("POST registered-models/create", {"name": name, "tags": pairs, "description": "d"})["registered_model"]
    assert (made["name"], made["tags"], made["description"]) == (name, pairs, "d")
    assert door.say("GET registered-models/get", name=name)["registered_model"] == made
    door.refuse("POST registered-models/create", {"name": name}, code="RESOURCE_ALREADY_EXISTS")
    assert door.say("PATCH registered-models/update", {"name": name, "description": "e"})["registered_model"]["description"] == "e"
    assert "description" not in door.say("PATCH registered-models/update", {"name": name})["registered_model"]
    assert door.say("POST registered-models/set-tag", {"name": name, "key": "k", "value": "v"}) == {}
    for _ in range(2):
        assert door.say("DELETE registered-models/delete-tag", {"name": name, "key": "a"}) == {}
    assert door.say("GET registered-models/get", name=name)["registered_model"]["tags"] == [{"key": "k", "value": "v"}]
    renamed = door.say("POST registered-models/rename", {"name": name, "new_name": name + "n"})["registered_model"]
    assert renamed["name"] == name + "n"
    found = door.say("GET registered-models/search", filter=f"name = '{name}n'", order_by=["name ASC"], max_results=5)
    assert [each["name"] for each in found["registered_models"]] == [name + "n"]
    assert door.say("DELETE registered-models/delete", {"name": name + "n"}) == {}
    door.refuse("DELETE registered-models/delete", {"name": name + "n"}, **MISSING)
    door.refuse("GET registered-models/get", name=name, **MISSING)
    for given, said in (({}, "'name'"), ({"name": "a/b"}, "a/b"), ({"name": 5}, "'name'"), ({"name": "x", "tags": [{}]}, "'tags[0].key'")):
        assert said in door.refuse("POST registered-models/create", given)
    for query, said in (({"max_results": 1001}, "'max_results'"), ({"max_results": 0}, "'max_results'"), ({"filter": "foo"}, "foo")):
        assert said in door.refuse("GET registered-models/search", **query)


def test_versions_live(door: Door) -> None:
    name, (run, source) = door.fresh("versioned"), sourced(door)
    door.say("POST registered-models/create", {"name": name})
    asked = {"name": name, "source": source, "run_id": run, "tags": [{"key": "v", "value": "w"}], "description": "d", "run_link": "x"}
    made = door.say("POST model-versions/create", asked)["model_version"]
    assert (made["name"], made["version"], made["current_stage"], made["status"]) == (name, "1", "None", "READY")
    assert (made["source"], made["run_id"], made["description"], made["run_link"]) == (source, run, "d", "x")
    assert {"key": "v", "value": "w"} in made["tags"]
    one: dict[str, Any] = {"name": name, "version": "1"}
    assert door.say("GET model-versions/get", **one)["model_version"]["version"] == "1"
    assert door.say("PATCH model-versions/update", {**one, "description": "e"})["model_version"]["description"] == "e"
    moved = door.say("POST model-versions/transition-stage", {**one, "stage": "production"})["model_version"]
    assert moved["current_stage"] == "Production"
    assert "nonsense" in door.refuse("POST model-versions/transition-stage", {**one, "stage": "nonsense"})
    body = {**one, "stage": "Staging", "archive_existing_versions": "true"}
    assert "'archive_existing_versions'" in door.refuse("POST model-versions/transition-stage", body)
    assert door.say("POST model-versions/set-tag", {**one, "key": "k", "value": "v"}) == {}
    assert door.say("DELETE model-versions/delete-tag", {**one, "key": "k"}) == {}
    assert door.say("GET model-versions/get-download-uri", **one)["artifact_uri"].startswith("mlflow-artifacts:/")
    assert "'name'" in door.refuse("GET model-versions/get-download-uri")
    found = door.say("GET model-versions/search", filter=f"name = '{name}'")["model_versions"]
    assert [each["version"] for each in found] == ["1"]
    assert [each["version"] for each in door.say("POST registered-models/get-latest-versions", {"name": name})["model_versions"]] == ["1"]
    assert door.say("GET registered-models/get-latest-versions", name=name, stages=["Staging"])["model_versions"] == []
    assert door.say("DELETE model-versions/delete", one) == {}
    door.refuse("GET model-versions/get", **one, **MISSING)
    for text, refusal in (("99", MISSING), ("x", {}), ("9" * 30, {}), ("-1", {}), ("", {})):
        door.refuse("GET model-versions/get", name=name, version=text, **refusal)
    assert "'version'" in door.refuse("PATCH model-versions/update", {"name": name, "version": 1})


def test_aliases_name_versions(door: Door) -> None:
    name, (run, source) = door.fresh("aliased"), sourced(door)
    door.say("POST registered-models/create", {"name": name})
    for _ in range(2):
        door.say("POST model-versions/create", {"name": name, "source": source, "run_id": run})
    alias: dict[str, Any] = {"name": name, "alias": "champ"}
    for version in ("1", "2"):
        assert door.say("POST registered-models/alias", {**alias, "version": version}) == {}
        assert door.say("GET registered-models/alias", **alias)["model_version"]["version"] == version
    found = door.say("GET registered-models/get", name=name)["registered_model"]
    assert found["aliases"] == [{"alias": "champ", "version": "2"}]
    assert door.say("GET model-versions/get", name=name, version="2")["model_version"]["aliases"] == ["champ"]
    for _ in range(2):
        assert door.say("DELETE registered-models/alias", alias) == {}
    assert "not found" in door.refuse("GET registered-models/alias", **alias)
    for given in ("latest", "v1", "a b"):
        door.refuse("POST registered-models/alias", {"name": name, "alias": given, "version": "1"})
    door.refuse("POST registered-models/alias", {**alias, "version": "99"}, **MISSING)


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd", "file:///etc/passwd", "file:/etc/passwd", "s3://bucket/x", "http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/0/x",
        "{source}/../..", "{source}/%2e%2e/x", "{source}/%252e%252e/x", "mlflow-artifacts://host{path}", "{source}\\..\\x", "..", "",
        "runs:/../model", "models:/nobody/1", "C:\\x", "\\\\host\\share", "{source}#x", "{source}?x",
    ],
    ids=range(18),
)  # fmt: skip
def test_a_version_is_made_of_nothing_but_our_files(door: Door, source: str) -> None:
    name, (run, ours) = door.fresh("sourced"), sourced(door)
    door.say("POST registered-models/create", {"name": name})
    bad = source.replace("{source}", ours).replace("{path}", ours.removeprefix("mlflow-artifacts:"))
    answer = door.ask("POST model-versions/create", {"name": name, "source": bad, "run_id": run})
    assert answer.status_code in {400, 404}, answer.text
    assert door.owner.get(f"{PREFIX}model-versions/search", params={"filter": f"name = '{name}'"}).json()["model_versions"] == []
