"""Small made-up rows whose label can be learnt, and the step functions run in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from flyball.core.canonical import canonical
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.pipelines import StepTask

START = datetime(2013, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=50)


@dataclass(frozen=True)
class Made:
    """A frame of one row per hour and its labels, each known six hours later."""

    frame: pl.DataFrame
    labels: pl.DataFrame


@pytest.fixture
def made() -> Made:
    n = 60 * 24
    draw = np.random.default_rng(0)
    number, text = draw.normal(size=n), draw.choice(["a", "b", "c"], size=n)
    label = (number + (text == "a") + draw.normal(size=n) > 0.5).astype(np.float64)
    times = pl.Series([START + timedelta(hours=hour) for hour in range(n)], dtype=TIME)
    frame = pl.DataFrame({PREDICTION_TIME: times, "number": number, "text": text, "__slice.text": text})
    known = (times + timedelta(hours=6)).alias(KNOWN_TIME)
    rows = pl.DataFrame({"row": np.arange(n, dtype=np.uint32), "label": label}).with_columns(known)
    return Made(frame, rows.with_columns(pl.lit(None, dtype=TIME).alias(KNOWN_UNTIL)))


Ran = tuple[dict[str, Any], dict[str, bytes]]
Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a step function: its summary and its files."""
    count = 0

    def call(function: Callable[[StepTask], dict[str, Any]], inputs: Mapping[str, pl.DataFrame | bytes], /, **given: Any) -> Ran:
        nonlocal count
        count += 1
        place = tmp_path / str(count)
        (place / "outputs").mkdir(parents=True)
        for name, content in inputs.items():
            if isinstance(content, bytes):
                (place / name).write_bytes(content)
            else:
                content.write_ipc(place / name, compression="uncompressed")
        context = given.pop("context", {})
        task = StepTask(given, context, inputs={name: place / name for name in inputs}, outputs=place / "outputs")
        summary = function(task)
        canonical(summary)
        return summary, {path.name: path.read_bytes() for path in (place / "outputs").iterdir()}

    return call


@pytest.fixture
def asked() -> dict[str, Any]:
    """The parameters of a training that is quick."""
    day = 86_400_000_000
    return {
        "as_of": AS_OF.isoformat(), "holdout": 7 * day, "train_on": None, "features": ["number", "text"], "metric": None, "seed": 0,
        "search": {"metric": "roc_auc", "trials": 3, "seed": 0}, "function": None,
    }  # fmt: skip
