"""Every method of the client for logged models, registered models, versions, aliases and stages."""

from __future__ import annotations

import warnings
from typing import Any

from mlflow.entities import LoggedModelStatus, Metric

from tests.clients.noted import Noted, fresh, refused, tell

NOTHING, INVALID, TAKEN = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"


def logged_models(client: Noted, experiment: str) -> None:
    """A logged model from its making to its end."""
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(
        experiment, name="forest", source_run_id=run, tags={"a": "b"}, params={"depth": "3"}, model_type="classifier"
    )
    one = model.model_id
    assert (model.name, model.status, model.source_run_id, model.model_type) == ("forest", LoggedModelStatus.PENDING, run, "classifier")
    assert (model.tags, model.params, one.startswith("m-")) == ({"a": "b"}, {"depth": "3"}, True)
    assert model.artifact_location == f"mlflow-artifacts:/{experiment}/models/{one}/artifacts"
    client.log_model_params(one, {"width": "5"})
    client.set_logged_model_tags(one, {"c": "d", "gone": "x"})
    client.delete_logged_model_tag(one, "gone")
    refused(NOTHING, client.delete_logged_model_tag, one, "gone")
    assert client.finalize_logged_model(one, "READY").status == LoggedModelStatus.READY
    client.log_metric(run, "accuracy", 0.9, model_id=one, dataset_name="rows", dataset_digest="abc")
    client.log_batch(run, metrics=[Metric("loss", 0.1, 5, 1, model_id=one)])
    found = client.get_logged_model(one)
    assert (found.params, found.tags) == ({"depth": "3", "width": "5"}, {"a": "b", "c": "d"})
    told = {each.key: (each.value, each.dataset_name, each.run_id) for each in found.metrics}
    assert told == {"accuracy": (0.9, "rows", run), "loss": (0.1, None, run)}
    refused(NOTHING, client.get_logged_model, "m-" + "0" * 32)
    refused(INVALID, client.create_logged_model, experiment, name="a/b")
    failed = client.create_logged_model(experiment, name="broken").model_id
    assert client.finalize_logged_model(failed, "FAILED").status == LoggedModelStatus.FAILED
    client.delete_logged_model(failed)
    refused(NOTHING, client.get_logged_model, failed)


def searched_models(client: Noted, experiment: str) -> None:
    """Logged models by what stands of them, in any order, page by page."""
    run = client.create_run(experiment).info.run_id
    for number in range(5):
        made = client.create_logged_model(experiment, name=f"m{number}", params={"n": str(number)}, tags={"odd": str(number % 2)})
        client.log_metric(run, "score", number / 10, model_id=made.model_id)

    def names(**named: Any) -> list[str]:
        return [each.name for each in client.search_logged_models([experiment], **named)]

    by_score = [{"field_name": "metrics.score", "ascending": False}]
    assert sorted(names()) == [f"m{number}" for number in range(5)]
    assert names(filter_string="metrics.score > 0.2", order_by=by_score) == ["m4", "m3"]
    assert sorted(names(filter_string="tags.odd = '1' AND params.n = '3'")) == ["m3"]
    assert names(filter_string="name = 'm2'") == ["m2"]
    page = client.search_logged_models([experiment], order_by=by_score, max_results=3)
    rest = client.search_logged_models([experiment], order_by=by_score, max_results=3, page_token=page.token)
    assert [each.name for each in [*page, *rest]] == ["m4", "m3", "m2", "m1", "m0"]
    refused(INVALID, client.search_logged_models, [experiment], filter_string="nonsense")
    refused(INVALID, client.search_logged_models, [experiment], order_by=[{"field_name": "nonsense"}])


def logged(client: Noted, experiment: str) -> tuple[str, str]:
    """A run and a logged model of it, with one file each."""
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "content", "model/weights.txt")
    model = client.create_logged_model(experiment, name="lm", source_run_id=run).model_id
    return run, str(model)


def registered(client: Noted) -> None:
    """A registered model from its making to its end."""
    name = fresh("model")
    made = client.create_registered_model(name, tags={"a": "b"}, description="first")
    assert (made.name, made.tags, made.description) == (name, {"a": "b"}, "first")
    refused(TAKEN, client.create_registered_model, name)
    refused(INVALID, client.create_registered_model, "a/b")
    refused(NOTHING, client.get_registered_model, "no such model")
    assert client.update_registered_model(name, "second").description == "second"
    client.set_registered_model_tag(name, "c", "d")
    client.set_registered_model_tag(name, "gone", "x")
    client.delete_registered_model_tag(name, "gone")
    assert client.get_registered_model(name).tags == {"a": "b", "c": "d"}
    assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]
    client.rename_registered_model(name, name + "2")
    refused(NOTHING, client.get_registered_model, name)
    assert [each.name for each in client.search_registered_models(f"name LIKE '{name}%'", max_results=5, order_by=["name ASC"])] == [
        name + "2"
    ]
    refused(INVALID, client.search_registered_models, "nonsense")
    client.delete_registered_model(name + "2")
    refused(NOTHING, client.get_registered_model, name + "2")


def versions(client: Noted, experiment: str) -> None:
    """Versions of a registered model, by number and by alias."""
    name, (run, model) = fresh("versioned"), logged(client, experiment)
    client.create_registered_model(name)
    source = f"mlflow-artifacts:/{experiment}/{run}/artifacts/model"
    first = client.create_model_version(name, source, run_id=run, tags={"v": "w"}, description="of a run")
    assert (first.version, first.source, first.run_id, first.status) == ("1", source, run, "READY")
    assert (first.description, first.tags["v"], first.current_stage) == ("of a run", "w", "None")
    assert client.create_model_version(name, f"runs:/{run}/model", run_id=run).version == "2"
    assert client.get_model_version_download_uri(name, "1").startswith("mlflow-artifacts:/")
    assert client.update_model_version(name, "1", "better").description == "better"
    client.set_model_version_tag(name, "1", "k", "v")
    client.set_model_version_tag(name, "1", "gone", "v")
    client.delete_model_version_tag(name, "1", "gone")
    found = client.get_model_version(name, "1").tags
    assert (found["k"], found["v"], "gone" in found) == ("v", "w", False)
    client.set_registered_model_alias(name, "champ", "1")
    assert client.get_model_version_by_alias(name, "champ").version == "1"
    client.set_registered_model_alias(name, "champ", "2")
    assert client.get_registered_model(name).aliases == {"champ": "2"}
    assert client.get_model_version(name, "2").aliases == ["champ"]
    client.delete_registered_model_alias(name, "champ")
    refused(INVALID, client.get_model_version_by_alias, name, "champ")
    refused(INVALID, client.set_registered_model_alias, name, "latest", "1")
    refused(NOTHING, client.set_registered_model_alias, name, "champ", "99")
    found = client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
    assert [each.version for each in found] == ["1", "2"]
    assert [each.version for each in client.search_model_versions(f"run_id = '{run}'", max_results=1)] in (["1"], ["2"])
    copied = client.copy_model_version(f"models:/{name}/1", name + "-copy")
    assert (copied.name, copied.version) == (name + "-copy", "1")
    client.delete_model_version(name, "2")
    refused(NOTHING, client.get_model_version, name, "2")
    sources = ("/etc/passwd", "file:///etc/passwd", f"{source}/../../..", f"mlflow-artifacts:/{experiment}/{run}/%2e%2e/x")
    for bad in sources:
        refused(INVALID, client.create_model_version, name, bad, run_id=run)
    del model


def stages(client: Noted, experiment: str) -> None:
    """The stages that MLflow had before aliases."""
    name, (run, _) = fresh("staged"), logged(client, experiment)
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, f"runs:/{run}/model", run_id=run)
    assert client.get_model_version_stages(name, "1") == ["None", "Staging", "Production", "Archived"]
    assert client.transition_model_version_stage(name, "1", "production").current_stage == "Production"
    moved = client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    assert (moved.current_stage, client.get_model_version(name, "1").current_stage) == ("Production", "Archived")
    assert {each.version: each.current_stage for each in client.get_latest_versions(name)} == {"1": "Archived", "2": "Production"}
    assert [each.version for each in client.get_latest_versions(name, ["Production"])] == ["2"]
    refused(INVALID, client.transition_model_version_stage, name, "1", "nonsense")


def main() -> None:
    """All of it."""
    warnings.simplefilter("ignore", FutureWarning)  # stages are deprecated, and used
    client = Noted()
    registered(client)
    for part in (logged_models, searched_models, versions, stages):
        part(client, client.create_experiment(fresh(part.__name__)))
    tell(client)


if __name__ == "__main__":
    main()
