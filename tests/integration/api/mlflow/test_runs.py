"""Runs by raw HTTP: what each endpoint answers, and what it refuses in which words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.asking import Door


def test_a_run_lives(door: Door) -> None:
    experiment = door.experiment()
    made = door.say(
        "POST runs/create", {"experiment_id": experiment, "start_time": "5", "user_id": "me", "tags": [{"key": "t", "value": "v"}]}
    )["run"]
    info, run = made["info"], made["info"]["run_id"]
    assert info["run_uuid"] == run
    assert (info["status"], info["start_time"], info["user_id"], info["lifecycle_stage"]) == ("RUNNING", 5, "me", "active")
    assert info["artifact_uri"] == f"mlflow-artifacts:/{experiment}/{run}/artifacts"
    assert {tag["key"]: tag["value"] for tag in made["data"]["tags"]} == {"t": "v", "mlflow.runName": info["run_name"]}
    changed = door.say("POST runs/update", {"run_id": run, "status": 3, "end_time": 9, "run_name": "renamed"})["run_info"]
    assert (changed["status"], changed["end_time"], changed["run_name"]) == ("FINISHED", 9, "renamed")
    assert door.say("POST runs/update", {"run_uuid": run})["run_info"]["status"] == "FINISHED"
    assert door.say("POST runs/delete", {"run_id": run}) == {}
    assert "must be in the 'active' state" in door.refuse("POST runs/update", {"run_id": run, "status": "FAILED"})
    assert door.say("POST runs/restore", {"run_id": run}) == {}
    assert door.say("GET runs/get", run_uuid=run)["run"]["info"]["lifecycle_stage"] == "active"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.5", 1.5), ('"1.5"', 1.5), ("7", 7.0), ('"7"', 7.0), ("1e300", 1e300), ("NaN", "NaN"), ('"NaN"', "NaN"), ("-0.0", 0.0),
        ("Infinity", "Infinity"), ('"Infinity"', "Infinity"), ("-Infinity", "-Infinity"), ('"-Infinity"', "-Infinity"),
    ],
)  # fmt: skip
def test_a_metric_is_any_number_in_any_of_its_forms(door: Door, text: str, wanted: Any) -> None:
    run = door.run()
    for path, body in (
        ("log-metric", f'{{"run_id": "{run}", "key": "m", "value": {text}, "timestamp": "3", "step": 2}}'),
        ("log-batch", f'{{"run_id": "{run}", "metrics": [{{"key": "b", "value": {text}, "timestamp": 3, "step": "2"}}]}}'),
    ):
        assert door.say(f"POST runs/{path}", body) == {}
    wanted_metric = {"value": wanted, "timestamp": 3, "step": 2}
    assert door.got(run)["data"]["metrics"] == [{"key": key, **wanted_metric} for key in ("b", "m")]
    assert door.say("GET metrics/get-history", run_id=run, metric_key="m")["metrics"] == [{"key": "m", **wanted_metric}]


REFUSED_METRICS = [
    ({"timestamp": 3}, "Missing value for required parameter 'value'"),
    ({"value": None, "timestamp": 3}, "Missing value for required parameter 'value'"),
    ({"value": "x", "timestamp": 3}, "Invalid value \"x\" for parameter 'value'"),
    ({"value": "1_000", "timestamp": 3}, "for parameter 'value'"),
    ({"value": True, "timestamp": 3}, "Invalid value true for parameter 'value'"),
    ({"value": [1], "timestamp": 3}, "for parameter 'value'"),
    ({"value": 10**400, "timestamp": 3}, "for parameter 'value'"),
    ({"value": 1}, "Missing value for required parameter 'timestamp'"),
    ({"value": 1, "timestamp": "x"}, "for parameter 'timestamp'"),
    ({"value": 1, "timestamp": 3.5}, "Invalid value 3.5 for parameter 'timestamp'"),
    ({"value": 1, "timestamp": 2**63}, "for parameter 'timestamp'"),
    ({"value": 1, "timestamp": -1}, "for parameter 'timestamp'"),
    ({"value": 1, "timestamp": 3, "step": "x"}, "for parameter 'step'"),
    ({"value": 1, "timestamp": 3, "key": ""}, "Missing value for required parameter 'key'"),
    ({"value": 1, "timestamp": 3, "key": 5}, "Invalid value 5 for parameter 'key'"),
    ({"value": 1, "timestamp": 3, "key": "../x"}, "must not resolve to other names"),
    ({"value": 1, "timestamp": 3, "key": "a*b"}, "Names may only contain"),
    ({"value": 1, "timestamp": 3, "key": "a\0b"}, "NUL"),
    ({"value": 1, "timestamp": 3, "key": "a" * 251}, "maximum length of 250"),
    ({"value": 1, "timestamp": 3, "run_id": 5}, "Invalid value 5 for parameter 'run_id'"),
    ({"value": 1, "timestamp": 3, "run_id": ""}, "Missing value for required parameter 'run_id'"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED_METRICS, ids=[str(number) for number in range(len(REFUSED_METRICS))])
def test_a_metric_that_is_none_is_refused_by_its_parameter(door: Door, given: dict[str, Any], said: str) -> None:
    run = door.run()
    assert said in door.refuse("POST runs/log-metric", {"run_id": run, "key": "m", **given})
    assert "metrics" not in door.got(run)["data"]


def test_unknown_fields_are_passed_over(door: Door) -> None:
    run = door.run()
    body = {"run_id": run, "key": "m", "value": 1.5, "timestamp": 3, "whatever": {"deep": [1]}, "step": None}
    assert door.say("POST runs/log-metric", body) == {}
    assert door.say("POST runs/log-metric", json.dumps({"run_uuid": run, "key": "twice", "value": 1, "timestamp": 3})) == {}
    assert door.say("POST runs/log-metric", json.dumps(json.dumps({**body, "key": "doubled"}))) == {}
    assert [metric["key"] for metric in door.got(run)["data"]["metrics"]] == ["doubled", "m", "twice"]


def test_params_and_tags_that_are_too_long_are_cut_as_mlflow_s_server_does(door: Door) -> None:
    param, tag = "p" * 6001, "t" * 8001
    asked = {"experiment_id": door.experiment(), "tags": [{"key": "first", "value": tag}]}
    run = door.say("POST runs/create", asked)["run"]["info"]["run_id"]
    for _ in range(2):  # the same again is no change
        assert door.say("POST runs/log-parameter", {"run_id": run, "key": "one", "value": param}) == {}
        batch = {"run_id": run, "params": [{"key": "two", "value": param}], "tags": [{"key": "second", "value": tag}]}
        assert door.say("POST runs/log-batch", batch) == {}
    assert door.say("POST runs/set-tag", {"run_id": run, "key": "third", "value": tag}) == {}
    data = door.got(run)["data"]
    assert [len(each["value"]) for each in data["params"]] == [6000, 6000]
    assert {each["key"]: len(each["value"]) for each in data["tags"] if len(each["value"]) > 100} == dict.fromkeys(
        ("first", "second", "third"), 8000
    )


def test_params_and_tags_are_kept(door: Door) -> None:
    run = door.run()
    assert door.say("POST runs/log-parameter", {"run_id": run, "key": "p", "value": "1"}) == {}
    assert door.say("POST runs/log-parameter", {"run_id": run, "key": "p", "value": "1"}) == {}
    assert door.say("POST runs/log-parameter", {"run_id": run, "key": "empty"}) == {}
    assert "Changing param values is not allowed" in door.refuse("POST runs/log-parameter", {"run_id": run, "key": "p", "value": "2"})
    assert "for parameter 'value'" in door.refuse("POST runs/log-parameter", {"run_id": run, "key": "q", "value": 2})
    assert door.say("POST runs/set-tag", {"run_id": run, "key": "t", "value": "ü\U0001f600"}) == {}
    data = door.got(run)["data"]
    assert data["params"] == [{"key": "empty", "value": ""}, {"key": "p", "value": "1"}]
    assert {"key": "t", "value": "ü\U0001f600"} in data["tags"]
    assert door.say("POST runs/delete-tag", {"run_id": run, "key": "t"}) == {}
    assert "No tag with name: t" in door.refuse(
        "POST runs/delete-tag", {"run_id": run, "key": "t"}, status=404, code="RESOURCE_DOES_NOT_EXIST"
    )


REFUSED_BATCHES: list[tuple[dict[str, Any], str]] = [
    ({"metrics": [{"key": "b", "value": 1}]}, "'metrics[0].timestamp'"),
    ({"metrics": [{"value": 1, "timestamp": 1}]}, "'metrics[0].key'"),
    ({"metrics": [{"key": "b", "timestamp": 1}]}, "'metrics[0].value'"),
    ({"metrics": [{"key": "b", "value": 1, "timestamp": 1}, {"key": "b", "value": "x", "timestamp": 1}]}, "'metrics[1].value'"),
    ({"metrics": [5]}, "'metrics[0]'"),
    ({"metrics": "x"}, "'metrics'"),
    ({"metrics": [{"key": "b", "value": 1, "timestamp": 1}] * 1001}, "at most 1000 metrics"),
    ({"params": [{"key": f"p{number}", "value": "1"} for number in range(101)]}, "at most 100 params"),
    ({"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]}, '["d"]'),
    ({"params": [{"value": "1"}]}, "'params[0].key'"),
    ({"params": [{"key": "a", "value": 1}]}, "'params[0].value'"),
    ({"tags": [{"key": f"t{number}", "value": "1"} for number in range(101)]}, "at most 100 tags"),
    ({"tags": [{"value": "1"}]}, "'tags[0].key'"),
    ({"run_id": ""}, "'run_id'"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED_BATCHES, ids=[str(number) for number in range(len(REFUSED_BATCHES))])
def test_a_batch_is_kept_whole_or_not_at_all(door: Door, given: dict[str, Any], said: str) -> None:
    run = door.run()
    good = {"metrics": [{"key": "good", "value": 1, "timestamp": 1}], "params": [{"key": "good", "value": "1"}]}
    assert said in door.refuse("POST runs/log-batch", {"run_id": run, **good, **given})
    assert set(door.got(run)["data"]) == {"tags"}


def test_a_batch_of_everything(door: Door) -> None:
    run = door.run()
    metrics = [{"key": f"m{number % 3}", "value": number / 7, "timestamp": number, "step": number} for number in range(900)]
    pairs = [{"key": f"k{number}", "value": str(number)} for number in range(50)]
    assert door.say("POST runs/log-batch", {"run_id": run, "metrics": metrics, "params": pairs, "tags": pairs}) == {}
    data = door.got(run)["data"]
    assert [metric["value"] for metric in data["metrics"]] == [897 / 7, 898 / 7, 899 / 7]
    assert (len(data["params"]), len(data["tags"])) == (50, 51)


def test_what_a_run_has_read_and_made(door: Door) -> None:
    experiment = door.experiment()
    run = door.run(experiment)
    model = door.say("POST logged-models", {"experiment_id": experiment})["model"]["info"]["model_id"]
    dataset = {"name": "rows", "digest": "abc", "source_type": "local", "source": "{}", "schema": "s", "profile": "p"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    body = {"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}], "models": [{"model_id": model}]}
    assert door.say("POST runs/log-inputs", body) == {}
    assert door.say("POST runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": "3"}]}) == {}
    found = door.got(run)
    assert found["inputs"] == {"dataset_inputs": [{"tags": tags, "dataset": dataset}], "model_inputs": [{"model_id": model}]}
    assert found["outputs"] == {"model_outputs": [{"model_id": model, "step": 3}]}
    for given, said in (
        ({"datasets": [{}]}, "'datasets[0].dataset'"),
        ({"datasets": [{"dataset": {"name": "d"}}]}, "'datasets[0].dataset.digest'"),
        ({"models": [{}]}, "'models[0].model_id'"),
    ):
        assert said in door.refuse("POST runs/log-inputs", {"run_id": run, **given})
    door.refuse("POST runs/outputs", {"run_id": run})


def test_the_old_way_to_log_a_model(door: Door) -> None:
    run = door.run()
    model = {"artifact_path": "a", "flavors": {}, "utc_time_created": "2026-01-01 00:00:00", "run_id": run}
    for _ in range(2):
        assert door.say("POST runs/log-model", {"run_id": run, "model_json": json.dumps(model)}) == {}
    (tag,) = [tag for tag in door.got(run)["data"]["tags"] if tag["key"] == "mlflow.log-model.history"]
    assert json.loads(tag["value"]) == [model, model]
    with ThreadPoolExecutor(8) as together:
        body = {"run_id": run, "model_json": json.dumps(model)}
        assert all(together.map(lambda _: door.say("POST runs/log-model", body) == {}, range(8)))
    (tag,) = [tag for tag in door.got(run)["data"]["tags"] if tag["key"] == "mlflow.log-model.history"]
    assert len(json.loads(tag["value"])) == 10
    for bad in ("{", "[]", "{}"):
        assert "model_json" in door.refuse("POST runs/log-model", {"run_id": run, "model_json": bad})


@pytest.mark.parametrize("path", ["runs/log-metric", "runs/set-tag", "runs/log-parameter", "runs/delete-tag", "runs/delete", "runs/update"])
def test_a_run_that_is_not_there(door: Door, path: str) -> None:
    body = {"run_id": "0" * 32, "key": "k", "value": "1" if path != "runs/log-metric" else 1, "timestamp": 1}
    assert "not found" in door.refuse(f"POST {path}", body, status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_a_run_needs_an_experiment_that_takes_it(door: Door) -> None:
    assert "'experiment_id'" in door.refuse("POST runs/create", {})
    door.refuse("POST runs/create", {"experiment_id": "999999"}, status=404, code="RESOURCE_DOES_NOT_EXIST")
    assert "'start_time'" in door.refuse("POST runs/create", {"experiment_id": "0", "start_time": "abc"})
    assert "'status'" in door.refuse("POST runs/update", {"run_id": door.run(), "status": "NOPE"})
    experiment = door.experiment()
    door.say("POST experiments/delete", {"experiment_id": experiment})
    door.refuse("POST runs/create", {"experiment_id": experiment})
