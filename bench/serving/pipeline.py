"""The model that every server of these benchmarks serves: a pipeline of scikit-learn over the flights, trained once by a peer's Python.

A column transformer (one-hot of three texts, nine numbers as they are) and gradient boosting of a hundred trees. It takes a frame of
pandas, as people serve such pipelines.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-peers" / "mlserver" / "bin" / "python"
TEXTS = ("carrier", "origin", "dest")
NUMBERS = ("distance", "scheduled_minutes", "hour", "minute", "weekday", "temp", "wind_speed", "visib", "precip")
ROWS = 20_000

_TRAIN = """
import sys
import joblib, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
rows, target = sys.argv[1:]
texts, numbers = TEXTS, NUMBERS
frame = pd.read_csv(rows)
columns = ColumnTransformer([
    ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    ("numbers", "passthrough", numbers),
])
boosting = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
model = Pipeline([("columns", columns), ("boosting", boosting)]).fit(frame[texts + numbers], frame["late"])
joblib.dump(model, target)
""".replace("TEXTS", repr(list(TEXTS))).replace("NUMBERS", repr(list(NUMBERS)))


def make(place: Path) -> tuple[Path, list[Mapping[str, Any]]]:
    """The trained pipeline as a file of joblib's below `place`, and rows to ask it with.

    Raises:
        SystemExit: the flights are not prepared, or the peers are not installed.
    """
    if not PYTHON.exists():
        raise SystemExit("there is no .venv-peers/mlserver: make peers")
    frame = _rows()
    rows, model = place / "rows.csv", place / "pipeline.joblib"
    frame.write_csv(rows)
    subprocess.run([str(PYTHON), "-c", _TRAIN, str(rows), str(model)], check=True)
    asked = json.loads(frame.drop("late").head(4096).write_json())
    return model, asked


def _rows() -> Any:
    import polars as pl

    data = ROOT / "examples" / "flights" / "data"
    if not (data / "flights").exists():
        raise SystemExit("the flights are not prepared: make flights")
    flights = pl.scan_parquet(data / "flights" / "2013-0*.parquet")
    landings = pl.scan_parquet(data / "landings" / "2013-0*.parquet").select("flight_id", "arr_delay")
    weather = pl.scan_csv(data / "weather" / "2013.csv", try_parse_dates=True).select(
        "origin", pl.col("observed_at").dt.truncate("1h").alias("at"), "temp", "wind_speed", "visib", "precip"
    )
    local = pl.col("departs_at").dt.convert_time_zone("America/New_York")
    joined = (
        flights.join(landings, on="flight_id")
        .with_columns(
            at=pl.col("departs_at").dt.truncate("1h"),
            hour=local.dt.hour(),
            minute=local.dt.minute(),
            weekday=local.dt.weekday(),
            late=pl.col("arr_delay") > 15,
        )
        .join(weather.unique(["origin", "at"], keep="last", maintain_order=True), on=["origin", "at"])
        .select(*TEXTS, *(pl.col(name).cast(pl.Float64) for name in NUMBERS), "late")
        .drop_nulls()
        .collect()
    )
    return joined.sample(ROWS, seed=0)
