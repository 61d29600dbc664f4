"""A notebook: customers, and models that say who leaves, logged and registered with the stock client. Prints what they say themselves."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

COLUMNS = ["age", "visits", "plan"]


def customers(rows: int = 300) -> pd.DataFrame:
    """Customers, of whom those beyond 42 and those with the basic plan leave."""
    draw = np.random.default_rng(3)
    return pd.DataFrame(
        {"age": draw.normal(40, 10, rows), "visits": draw.integers(0, 9, rows), "plan": draw.choice(["basic", "full", "trial"], rows)}
    )


def fitted(frame: pd.DataFrame) -> dict[str, Any]:
    """Models that say who leaves."""
    leaves = ((frame.age > 42) | (frame.plan == "basic")).astype(int)
    encode = ColumnTransformer(
        [
            ("plan", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["plan"]),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "visits"]),
        ]
    )
    return {
        "leaving": make_pipeline(encode, LogisticRegression()).fit(frame, leaves),
        "boosted": HistGradientBoostingClassifier(max_iter=15).fit(frame[["age", "visits"]], leaves),
        "plans": LogisticRegression(max_iter=500).fit(frame[["age", "visits"]].to_numpy(), frame.plan),
    }


def main() -> None:
    """Log and register each, and say what each says of some customers."""
    warnings.simplefilter("ignore")
    frame = customers()
    asked = frame.head(20).copy()
    asked.loc[0, "plan"] = "never seen"
    told: dict[str, Any] = {}
    for name, model in fitted(frame).items():
        columns = COLUMNS if name == "leaving" else COLUMNS[:2]
        given: Any = asked[columns].to_numpy() if name == "plans" else asked[columns]
        with mlflow.start_run(run_name=name):
            mlflow.sklearn.log_model(
                model, name=name, registered_model_name=name, signature=infer_signature(given, model.predict(given)),
                serialization_format="cloudpickle",
            )  # fmt: skip
        rows = given.tolist() if name == "plans" else given.to_dict("records")
        told[name] = {
            "rows": [{str(place): value for place, value in enumerate(row)} for row in rows] if name == "plans" else rows,
            "predictions": model.predict(given).tolist(),
            "probabilities": model.predict_proba(given).tolist(),
        }
    mlflow.MlflowClient().set_registered_model_alias("leaving", "best", "1")
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
