"""Scripts and notebooks as people write them, and the rows that they read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

START = datetime(2020, 1, 1, tzinfo=UTC)


def customers(rows: int = 2000) -> pl.DataFrame:
    """Rows with a time, a yes-or-no label, an amount, and columns to learn from."""
    return pl.DataFrame(
        {
            "customer": [f"c{n}" for n in range(rows)],
            "signed_up": [f"{START + timedelta(hours=6 * n):%Y-%m-%d %H:%M:%S}" for n in range(rows)],
            "plan": ["abc"[n % 3] for n in range(rows)],
            "visits": [n * 37 % 41 for n in range(rows)],
            "spend": [None if n % 17 == 0 else n * 29 % 101 / 4 for n in range(rows)],
            "age": [18 + n * 7 % 60 for n in range(rows)],
            "churned": [int(n * 37 % 41 < 10 or n % 11 == 0) for n in range(rows)],
        }
    )


def notebook(path: Path, cells: Sequence[str], *, counts: Sequence[int | None] | None = None, language: str = "python") -> Path:
    """A notebook of these cells, run in this order."""
    found: list[dict[str, object]] = [
        {"cell_type": "code", "source": text.splitlines(keepends=True), "execution_count": count, "outputs": [], "metadata": {}}
        for text, count in zip(cells, counts or range(1, len(cells) + 1), strict=True)
    ]
    words = {"cell_type": "markdown", "source": ["# Churn"], "metadata": {}}
    kernel = {"kernelspec": {"language": language, "name": language}}
    path.write_text(json.dumps({"cells": [words, *found], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


PANDAS = [
    "import pandas as pd\nimport numpy as np\n%matplotlib inline\n!pip install lightgbm",
    "df = pd.read_csv('customers.csv', parse_dates=['signed_up'])\ndf.head()",
    (
        "from sklearn.model_selection import train_test_split\nfrom sklearn.ensemble import RandomForestClassifier\n"
        "TARGET = 'churned'\nX = df.drop(columns=[TARGET, 'customer', 'signed_up'])\ny = df[TARGET]\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2)"
    ),
    "model = RandomForestClassifier(n_estimators=50, max_depth=6)\nmodel.fit(X_train, y_train)\nprint(model.score(X_test, y_test))",
]

POLARS = """
from pathlib import Path
import polars as pl
from lightgbm import LGBMClassifier
from sklearn.model_selection import train_test_split

FOLDER = Path(".")
FEATURES = ["visits", "spend", "plan"]
SEED = 7
params = dict(n_estimators=40, learning_rate=0.1, num_leaves=15, verbose=-1)

df = pl.read_csv(FOLDER / "customers.csv").with_columns(pl.col("signed_up").str.to_datetime())
X = df.select(FEATURES).to_dummies("plan")
y = df["churned"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=SEED)
model = LGBMClassifier(**params, random_state=SEED)
model.fit(X_train, y_train)
"""

AMOUNT = """
import pandas as pd, xgboost as xgb
import requests
requests.get("https://example.com/ping")

def load():
    return pd.read_csv("customers.csv")

df = load()
data = pd.read_csv("customers.csv")
data["signed_up"] = pd.to_datetime(data["signed_up"])
data["per_visit"] = data["spend"] / (data["visits"] + 1)
X, y = data[["visits", "age", "plan", "per_visit"]], data["spend"]
reg = xgb.XGBRegressor(n_estimators=30, max_depth=3, early_stopping_rounds=10, random_state=1)
reg.fit(X, y)
"""

QUESTION = """
import datetime
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

started = datetime.datetime.now()
frame = pd.read_parquet("customers.parquet")
y = (frame["visits"] > 20).astype(int)
X = frame[["age", "spend"]]
pipe = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=200))
pipe.fit(X.fillna(0), y)
"""

TIMELESS = """
import numpy as np
import pandas as pd
from sklearn.svm import SVC

np.random.shuffle([1, 2])
df = pd.read_csv("timeless.csv")
y = df.pop("churned")
clf = SVC(kernel="rbf", C=2.0, probability=True)
clf.fit(df, y)
"""

UNKNOWN = """
import pandas as pd
import torch

df = pd.read_csv("customers.csv").sort_values("signed_up")
y = df["churned"].map({0: False, 1: True})
X = df.drop("churned", axis=1).drop(["customer"], axis=1)

class Net(torch.nn.Module):
    pass

net = Net()
torch.save(net, "/tmp/net.pt")
"""
