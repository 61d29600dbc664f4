"""One training with 8 trials, against a plain script with LightGBM and scikit-learn that makes the same number of fits.

The data are synthetic and of the flights' shape: 150,000 labelled rows, 12 numbers and 4 categories. The peer encodes once, fits seven
boosters and one logistic regression on as many rows as our trials see, then the winner twice; it checks nothing and keeps nothing. Both
run in a child with the same one thread. The ratio says what point-in-time selection, intervals, digests and files cost on top.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flyball.core.clock import MonotonicTimer
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.pipelines import ProcessExecutor, StepTask, Work
from flyball.training.tuning import TRIAL_ROWS

ROWS, DAYS, TRIALS = 150_000, 180, 8
LEVELS = {"carrier": 16, "origin": 3, "dest": 105, "kind": 40}
LIMIT_RATIO, LIMIT_BYTES = 2.0, 1.2 * 2**30
START = datetime(2013, 1, 1, tzinfo=UTC)


def write(place: Path) -> list[str]:
    """Write frame and labels; returns the features' names."""
    draw = np.random.default_rng(0)
    numbers = {f"n{index}": np.round(draw.normal(size=ROWS), 2) for index in range(12)}
    texts = {
        name: np.array([f"{name[:1]}{level}" for level in range(count)])[draw.integers(0, count, ROWS)] for name, count in LEVELS.items()
    }
    times = pl.Series(START + timedelta(days=DAYS) * share for share in np.arange(ROWS) / ROWS).cast(TIME)
    score = numbers["n0"] * 0.6 + numbers["n1"] * numbers["n2"] * 0.3 - 1.2
    label = (score + draw.logistic(size=ROWS) > 0).astype(np.float64)
    frame = pl.DataFrame({PREDICTION_TIME: times, **numbers, **texts})
    frame.write_ipc(place / "frame", compression="uncompressed")
    versions = pl.DataFrame({"row": np.arange(ROWS, dtype=np.uint32), "label": label, KNOWN_TIME: times})
    versions.with_columns(pl.lit(None, dtype=TIME).alias(KNOWN_UNTIL)).write_ipc(place / "labels", compression="uncompressed")
    return [*numbers, *texts]


def plain(task: StepTask) -> dict[str, Any]:
    """What a notebook does: the same number of fits and nothing else."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # it ships no types

    frame = pl.read_ipc(task.inputs["frame"]).select(task.parameters["features"])
    frame = frame.with_columns(pl.col(pl.String).cast(pl.Categorical).to_physical())
    matrix, label = frame.to_numpy().astype(np.float64), pl.read_ipc(task.inputs["labels"])["label"].to_numpy()
    categories = list(range(12, 16))
    few = slice(0, TRIAL_ROWS * 3 // 4)

    def boost(rows: slice) -> None:
        data = lightgbm.Dataset(matrix[rows], label[rows], categorical_feature=categories)
        lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "learning_rate": 0.08}, data, num_boost_round=120)

    for _ in range(TRIALS - 1):
        boost(few)
    hot = np.hstack(
        [matrix[few, :12], *(np.eye(LEVELS[name])[matrix[few, 12 + at].astype(int) % LEVELS[name]] for at, name in enumerate(LEVELS))]
    )
    LogisticRegression(max_iter=200).fit(hot, label[few])
    boost(slice(0, ROWS * 9 // 10))
    boost(slice(0, ROWS))
    return {}


def warm(task: StepTask) -> dict[str, Any]:
    """Import what both need, so that neither pays for it."""
    import sklearn.linear_model  # type: ignore[import-untyped]  # it ships no types

    import flyball.training.steps

    return {"loaded": [flyball.training.steps.__name__, sklearn.linear_model.__name__, *task.parameters]}


def main() -> int:
    """Print seconds, ratio and memory; 1 when a limit is broken."""
    executor, timer = ProcessExecutor({"PYTHONPATH": str(Path(__file__).parent.parent)}), MonotonicTimer()
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        features = write(place)
        ours = {
            "as_of": (START + timedelta(days=DAYS)).isoformat(), "holdout": 14 * 86_400_000_000, "features": features, "seed": 0,
            "search": {"metric": "roc_auc", "trials": TRIALS, "seed": 0},
        }  # fmt: skip

        def seconds(function: str, parameters: dict[str, Any]) -> float:
            begin = timer.seconds()
            inputs = {name: str(place / name) for name in ("frame", "labels")}
            given = {"parameters": parameters, "context": {}, "inputs": inputs}
            executor.execute(Work(step="bench", function=function, outputs=text, log=str(place / "log"), **given))
            return timer.seconds() - begin

        seconds("bench.training:warm", {})
        trained, peer = (
            min(seconds(name, given) for _ in range(2))
            for name, given in (("flyball.training.steps:train", ours), ("bench.training:plain", {"features": features}))
        )
        executor.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"training {ROWS} rows, {TRIALS} trials: {trained:.2f} s; plain script {peer:.2f} s")
    print(f"ratio {trained / peer:.2f} (limit {LIMIT_RATIO})")
    print(f"peak memory of the child: {peak / 2**20:.0f} MiB (limit {LIMIT_BYTES / 2**20:.0f})")
    return int(trained / peer > LIMIT_RATIO or peak > LIMIT_BYTES)


if __name__ == "__main__":
    sys.exit(main())
