"""Every method of the client for experiments, runs, metrics, params, tags, inputs and outputs."""

from __future__ import annotations

import math
from typing import Any

import mlflow
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
    ViewType,
)

from tests.clients.noted import Noted, fresh, refused, tell

NOTHING, INVALID, TAKEN = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"


def experiments(client: Noted) -> None:
    """An experiment from its making to its restoration."""
    name = fresh("experiment")
    one = client.create_experiment(name, tags={"team": "a"})
    assert "already exists" in refused(TAKEN, client.create_experiment, name)
    found = client.get_experiment(one)
    assert (found.name, found.tags, found.lifecycle_stage) == (name, {"team": "a"}, "active")
    assert found.artifact_location.startswith("mlflow-artifacts:/")
    assert found.creation_time <= found.last_update_time
    assert client.get_experiment_by_name(name).experiment_id == one
    assert client.get_experiment_by_name("no such name") is None
    refused(NOTHING, client.get_experiment, "99999999")
    client.set_experiment_tag(one, "k", "v")
    client.set_experiment_tag(one, "gone", "v")
    client.delete_experiment_tag(one, "gone")
    assert client.get_experiment(one).tags == {"team": "a", "k": "v"}
    client.rename_experiment(one, name + "2")
    assert [each.name for each in client.search_experiments(filter_string=f"name LIKE '{name}%'")] == [name + "2"]
    assert [each.experiment_id for each in client.search_experiments(filter_string=f"name = '{name}2' AND tags.k = 'v'")] == [one]
    client.delete_experiment(one)
    assert client.get_experiment(one).lifecycle_stage == "deleted"
    refused(INVALID, client.create_run, one)
    gone = client.search_experiments(view_type=ViewType.DELETED_ONLY, filter_string=f"name = '{name}2'")
    assert [each.experiment_id for each in gone] == [one]
    client.restore_experiment(one)
    assert client.get_experiment(one).lifecycle_stage == "active"
    assert client.get_experiment("0").name == "Default"


def paged_experiments(client: Noted) -> None:
    """Pages of experiments, one after the other."""
    stem = fresh("paged")
    made = [client.create_experiment(f"{stem}-{number}") for number in range(5)]
    asked = {"filter_string": f"name LIKE '{stem}-%'", "order_by": ["name DESC"], "max_results": 2}
    page = client.search_experiments(**asked)
    found = [each.experiment_id for each in page]
    while page.token:
        page = client.search_experiments(**asked, page_token=page.token)
        found += [each.experiment_id for each in page]
    assert found == made[::-1]


def runs(client: Noted, experiment: str) -> None:
    """A run from its making to its restoration."""
    run = client.create_run(experiment, start_time=1000, tags={"a": "b"}, run_name="first")
    one = run.info.run_id
    assert (run.info.run_name, run.info.status, run.info.start_time, run.info.end_time) == ("first", "RUNNING", 1000, None)
    assert run.data.tags == {"a": "b", "mlflow.runName": "first"}
    assert run.info.artifact_uri == f"mlflow-artifacts:/{experiment}/{one}/artifacts"
    assert client.create_run(experiment).info.run_name
    client.update_run(one, status="SCHEDULED", name="second")
    found = client.get_run(one)
    assert (found.info.status, found.info.run_name, found.data.tags["mlflow.runName"]) == ("SCHEDULED", "second", "second")
    client.set_tag(one, "mlflow.runName", "third")
    assert client.get_run(one).info.run_name == "third"
    client.set_terminated(one, "KILLED", end_time=2000)
    assert (client.get_run(one).info.status, client.get_run(one).info.end_time) == ("KILLED", 2000)
    child = client.create_run(experiment, tags={"mlflow.parentRunId": one}).info.run_id
    assert client.get_parent_run(child).info.run_id == one
    assert client.get_parent_run(one) is None
    client.delete_run(one)
    assert client.get_run(one).info.lifecycle_stage == "deleted"
    for act in (lambda: client.log_metric(one, "m", 1), lambda: client.log_param(one, "p", 1), lambda: client.set_tag(one, "t", 1)):
        assert "must be in the 'active' state" in refused(INVALID, act)
    client.restore_run(one)
    client.set_tag(one, "t", 1)
    refused(NOTHING, client.get_run, "0" * 32)
    refused(NOTHING, client.log_metric, "0" * 32, "m", 1.0)


def values(client: Noted, experiment: str) -> None:
    """Metrics, params and tags, one by one."""
    run = client.create_run(experiment).info.run_id
    for value, time_ms, step in ((1.0, 100, 0), (3.0, 300, 2), (2.0, 200, 2), (9.0, 50, 1)):
        client.log_metric(run, "loss", value, timestamp=time_ms, step=step)
    assert client.get_run(run).data.metrics == {"loss": 3.0}
    assert sorted((each.step, each.timestamp, each.value) for each in client.get_metric_history(run, "loss")) == [
        (0, 100, 1.0), (1, 50, 9.0), (2, 200, 2.0), (2, 300, 3.0),
    ]  # fmt: skip
    client.log_metric(run, "nothing", math.nan)
    assert math.isnan(client.get_run(run).data.metrics["nothing"])
    client.log_metric(run, "much", math.inf)
    client.log_metric(run, "little", -math.inf)
    found = client.get_run(run).data.metrics
    assert found["much"] >= 1.7e308
    assert found["little"] <= -1.7e308
    assert client.get_metric_history(run, "no such metric") == []
    client.log_param(run, "lr", 0.1)
    client.log_param(run, "lr", 0.1)
    assert "Changing param values is not allowed" in refused(INVALID, client.log_param, run, "lr", 0.2)
    client.set_tag(run, "t", "1")
    client.set_tag(run, "t", "2")
    client.set_tag(run, "gone", "x")
    client.delete_tag(run, "gone")
    refused(NOTHING, client.delete_tag, run, "gone")
    data = client.get_run(run).data
    assert (data.params, data.tags["t"], "gone" in data.tags) == ({"lr": "0.1"}, "2", False)
    for name in ("a/b c.d-e_f:g", "Ünïcödé"):
        client.log_metric(run, name, 1.0)
    for name in ("../up", "/absolute", "a//b", "a*b", "x" * 251):
        refused(INVALID, client.log_metric, run, name, 1.0)


def batches(client: Noted, experiment: str) -> None:
    """All of a batch, or nothing."""
    run = client.create_run(experiment).info.run_id
    metrics = [Metric("m", float(step), 1000 + step, step) for step in range(1000)]
    client.log_batch(run, metrics=metrics)
    client.log_batch(run, params=[Param(f"p{n}", str(n)) for n in range(100)], tags=[RunTag(f"t{n}", str(n)) for n in range(100)])
    assert len(client.get_metric_history(run, "m")) == 1000
    found = client.get_run(run).data
    assert (len(found.params), found.tags["t99"], found.metrics["m"]) == (100, "99", 999.0)
    refused(INVALID, client.log_batch, run, metrics=[Metric("late", 1.0, 1, 0)], params=[Param("p0", "other")])
    assert "late" not in client.get_run(run).data.metrics
    client.log_batch(run)


def inputs(client: Noted, experiment: str) -> None:
    """What a run has read, and what it has made."""
    run = client.create_run(experiment).info.run_id
    model = mlflow.MlflowClient().create_logged_model(experiment, name="made", source_run_id=run).model_id
    dataset = Dataset("rows", "abc", "local", '{"uri": "x"}', schema='{"a": 1}', profile='{"rows": 5}')
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])], [LoggedModelInput(model)])
    client.log_outputs(run, [LoggedModelOutput(model, 7)])
    found = client.get_run(run)
    (read,) = found.inputs.dataset_inputs
    assert (read.dataset.to_dictionary(), read.tags[0].value) == (dataset.to_dictionary(), "training")
    assert [each.model_id for each in found.inputs.model_inputs] == [model]
    assert [(each.model_id, each.step) for each in found.outputs.model_outputs] == [(model, 7)]


def searches(client: Noted, experiment: str) -> None:
    """Runs by what was logged to them, in any order, page by page."""
    for number in range(6):
        run = client.create_run(experiment, run_name=f"run-{number}", start_time=number + 1).info.run_id
        if number != 3:
            client.log_metric(run, "score", number / 10)
        client.log_param(run, "depth", number % 2)
        client.set_tag(run, "kind", "even" if number % 2 == 0 else "Odd")

    def names(text: str = "", order: list[str] | None = None, **named: Any) -> list[str]:
        return [each.info.run_name for each in client.search_runs([experiment], text, order_by=order or ["start_time ASC"], **named)]

    assert names() == [f"run-{number}" for number in range(6)]
    assert names("metrics.score > 0.3") == ["run-4", "run-5"]
    assert names("metrics.score >= 0.1 AND params.depth = '0'") == ["run-2", "run-4"]
    assert names("tags.kind ILIKE 'od%'") == ["run-1", "run-3", "run-5"]
    first = client.search_runs([experiment], "attributes.run_name = 'run-1'")[0].info.run_id
    assert names(f"attributes.run_id IN ('{first}')") == ["run-1"]
    assert names(order=["metrics.score DESC"]) == ["run-5", "run-4", "run-2", "run-1", "run-0", "run-3"]
    assert names(order=["metrics.score ASC"]) == ["run-0", "run-1", "run-2", "run-4", "run-5", "run-3"]
    page = client.search_runs([experiment], order_by=["start_time DESC"], max_results=4)
    rest = client.search_runs([experiment], order_by=["start_time DESC"], max_results=4, page_token=page.token)
    assert [each.info.run_name for each in [*page, *rest]] == [f"run-{number}" for number in reversed(range(6))]
    assert rest.token is None
    for text in ("metrics.score", "score ==", "metrics.score = 'x'", "nonsense.a = 'b'"):
        refused(INVALID, client.search_runs, [experiment], text)
    refused(INVALID, client.search_runs, [experiment], order_by=["nonsense"])
    one = client.search_runs([experiment], "attributes.run_name = 'run-0'")[0].info.run_id
    client.delete_run(one)
    assert names(run_view_type=ViewType.DELETED_ONLY) == ["run-0"]
    assert len(names(run_view_type=ViewType.ALL)) == 6


def main() -> None:
    """All of it."""
    client = Noted()
    experiments(client)
    paged_experiments(client)
    for part in (runs, values, batches, inputs, searches):
        part(client, client.create_experiment(fresh(part.__name__)))
    tell(client)


if __name__ == "__main__":
    main()
