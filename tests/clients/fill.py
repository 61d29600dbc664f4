"""A team's small history, logged by the stock client to the tracking store that is named: what an import must bring over whole."""

from __future__ import annotations

import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression


def train() -> None:
    """One run with everything that a run can have."""
    rows = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 3})
    truth = (rows["a"] > 10).astype(int)
    dataset = mlflow.data.from_pandas(rows, name="rows")
    with mlflow.start_run(run_name="one", tags={"team": "growth"}):
        mlflow.log_input(dataset, context="training")
        mlflow.log_params({"lr": 0.1, "depth": 5, "long": "x" * 6000})
        for step in range(300):
            mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=step % 50 == 0)
        for name, value in (("nan", float("nan")), ("high", float("inf")), ("low", float("-inf"))):
            mlflow.log_metric(name, value)
        mlflow.log_text("grüße\n", "notes/a b.txt")
        mlflow.log_text("", "empty.txt")
        model = LogisticRegression().fit(rows, truth)
        info = mlflow.sklearn.log_model(model, name="model", input_example=rows[:2], registered_model_name="churn")
        mlflow.log_metric("accuracy", 0.9, model_id=info.model_id, dataset=dataset)
        mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")


def main() -> None:
    """Fill the store."""
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    mlflow.set_experiment("first")
    mlflow.set_experiment_tag("owner", "nobody's")
    train()
    client.set_registered_model_alias("churn", "champion", "2")
    client.set_registered_model_tag("churn", "team", "growth")
    client.set_model_version_tag("churn", "1", "checked", "yes")
    client.update_model_version("churn", "1", "the first")
    client.update_registered_model("churn", "who leaves")
    with mlflow.start_run(run_name="two") as gone:
        mlflow.log_metric("loss", 2)
    client.delete_run(gone.info.run_id)
    with mlflow.start_run(run_name="fails") as failed:
        mlflow.log_metric("loss", 3)
    client.set_terminated(failed.info.run_id, status="FAILED")
    client.delete_experiment(client.create_experiment("gone"))


if __name__ == "__main__":
    main()
