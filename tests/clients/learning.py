"""What a notebook does: autolog with scikit-learn and LightGBM, register, load, search and evaluate. For the whole client only."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature

from tests.clients.noted import Noted, fresh, tell


def rows() -> tuple[Any, Any]:
    """Some flowers."""
    from sklearn.datasets import load_iris

    features, label = load_iris(return_X_y=True, as_frame=True)
    return features, label


def autologged(client: Noted) -> None:
    """scikit-learn by itself logs params, metrics, the dataset and the model."""
    from sklearn.linear_model import LogisticRegression

    experiment = mlflow.set_experiment(fresh("autolog"))
    mlflow.sklearn.autolog()
    features, label = rows()
    with mlflow.start_run() as run:
        LogisticRegression(max_iter=400).fit(features, label)
    mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["max_iter"] == "400"
    assert found.data.metrics["training_accuracy_score"] > 0.9
    assert found.inputs.dataset_inputs
    (output,) = found.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.source_run_id, str(model.status)) == (run.info.run_id, "READY")
    loaded = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    assert len(loaded.predict(features)) == len(features)
    assert [each.info.run_id for each in client.search_runs([experiment.experiment_id], "params.max_iter = '400'")] == [run.info.run_id]


def autologged_boosting(client: Noted) -> None:
    """LightGBM logs a metric for each round."""
    import lightgbm

    mlflow.set_experiment(fresh("boosting"))
    mlflow.lightgbm.autolog()
    features, label = rows()
    dataset = lightgbm.Dataset(features, label=label)
    with mlflow.start_run() as run:
        asked = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
        lightgbm.train(asked, dataset, num_boost_round=10, valid_sets=[dataset], valid_names=["train"])
    mlflow.lightgbm.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["objective"] == "multiclass"
    history = client.get_metric_history(run.info.run_id, "train-multi_logloss")
    assert [each.step for each in history] == list(range(10))
    assert [each.path for each in client.list_artifacts(run.info.run_id)]


def registered(client: Noted) -> None:
    """A model is logged, registered, named champion, and loaded by that."""
    from sklearn.ensemble import RandomForestClassifier

    name, (features, label) = fresh("registered"), rows()
    mlflow.set_experiment(fresh("registering"))
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(features, label)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model, name="forest", registered_model_name=name, signature=infer_signature(features, model.predict(features)),
            input_example=features.head(3), serialization_format="cloudpickle",
        )  # fmt: skip
    version = client.get_model_version(name, "1")
    assert (version.run_id, version.status) == (run.info.run_id, "READY")
    client.set_registered_model_alias(name, "champion", "1")
    wanted = list(model.predict(features))
    for uri in (f"models:/{name}@champion", f"models:/{name}/1", f"models:/{name}/latest", info.model_uri):
        assert list(mlflow.pyfunc.load_model(uri).predict(features)) == wanted, uri
    assert list(mlflow.sklearn.load_model(f"models:/{name}@champion").predict(features)) == wanted
    assert mlflow.register_model(info.model_uri, name).version == "2"
    assert mlflow.models.get_model_info(f"models:/{name}@champion").signature is not None
    with tempfile.TemporaryDirectory() as place:
        got = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=place)
        assert (Path(got) / "MLmodel").exists()


def searched(client: Noted) -> None:
    """Runs and logged models as frames, by what stands of them."""
    experiment = mlflow.set_experiment(fresh("searching"))
    for depth in (2, 4):
        with mlflow.start_run(tags={"depth": str(depth)}):
            model = mlflow.create_external_model(name=f"depth-{depth}")
            mlflow.log_params({"depth": depth})
            mlflow.log_metric("score", depth / 10, model_id=model.model_id)
            mlflow.log_metrics({"other": 1.0}, step=1)
    frame = mlflow.search_runs([experiment.experiment_id], "params.depth = '4'")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame["metrics.score"]) == [0.4]
    assert len(mlflow.search_runs(experiment_names=[experiment.name])) == 2
    models = mlflow.search_logged_models([experiment.experiment_id], "metrics.score > 0.3")
    assert list(models["name"]) == ["depth-4"]
    assert len(client.search_logged_models([experiment.experiment_id])) == 2


def evaluated(client: Noted) -> None:
    """A registered model is evaluated, and its run has the metrics."""
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment(fresh("evaluating"))
    features, label = rows()
    data = features.assign(label=label)
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            LogisticRegression(max_iter=400).fit(features, label), name="linear", input_example=features.head(2)
        )
        found = mlflow.models.evaluate(
            info.model_uri, data, targets="label", model_type="classifier", evaluators="default",
            evaluator_config={"log_model_explainability": False},
        )  # fmt: skip
    assert found.metrics["accuracy_score"] > 0.9
    assert client.get_run(run.info.run_id).data.metrics["accuracy_score"] == found.metrics["accuracy_score"]


def tables(client: Noted) -> None:
    """Tables, figures and images of a run."""
    import matplotlib as mpl
    import numpy as np

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    experiment = client.create_experiment(fresh("tables"))
    run = client.create_run(experiment).info.run_id
    client.log_table(run, {"a": [1, 2], "b": ["x", "y"]}, "tables/t.json")
    assert list(client.load_table(experiment, "tables/t.json", run_ids=[run])["a"]) == [1, 2]
    figure, _ = plt.subplots()
    client.log_figure(run, figure, "figure.png")
    client.log_image(run, np.zeros((8, 8, 3), dtype=np.uint8), "image.png")
    assert {"figure.png", "image.png", "tables"} <= {each.path for each in client.list_artifacts(run)}


def asynchronous() -> None:
    """What is logged asynchronously has arrived when one has waited."""
    mlflow.set_experiment(fresh("asynchronous"))
    with mlflow.start_run() as run:
        for step in range(200):
            mlflow.log_metric("m", float(step), step=step, synchronous=False)
        mlflow.log_params({"a": 1}, synchronous=False)
        mlflow.flush_async_logging()
    assert len(MlflowClient().get_metric_history(run.info.run_id, "m")) == 200


def main() -> None:
    """All of it."""
    warnings.simplefilter("ignore")
    client = Noted()
    for part in (autologged, autologged_boosting, registered, searched, evaluated, tables):
        part(client)
    asynchronous()
    tell(client)


if __name__ == "__main__":
    main()
