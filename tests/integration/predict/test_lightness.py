"""Serving a home with a LightGBM model loads neither a database nor tables nor anything that trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

from flyball.runtimes import Encoder
from flyball.runtimes.boosted import BoostedPredictor
from flyball.testing.serving_home import ServingHome

SCRIPT = """
import asyncio, sys
from pathlib import Path
from flyball.app.modelserver import ModelServer, ServerSettings
from flyball.serving.asked import Asked

async def main(home):
    models = ModelServer.open(home, ServerSettings())
    await models.start(10)
    endpoint = models.engine.serving.get("late")
    row = b'{"rows": [{"trip_id": "t", "line": "L1", "station": "S1", "distance": 1, "leaves_at": "2026-03-01T00:00:00Z"}]}'
    asked = Asked(endpoint, endpoint.read(row), arrived=0.0, done=lambda: None)
    models.engine.flush([asked])
    assert asked.answer().told().predictions[0].version == 1
    await models.close()

asyncio.run(main(Path(sys.argv[1])))
heavy = {"sqlalchemy", "alembic", "deltalake", "sklearn", "scipy", "pandas", "pyarrow", "lightgbm", "yaml", "onnxruntime"}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_server_that_answered_has_loaded_nothing_heavy(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path)
    dtypes = home.features().dtypes
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({name: ["L1", "L2"] * 50 if dtype == pl.String else draw.normal(size=100) for name, dtype in dtypes.items()})
    encoder = Encoder.fit(frame)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(encoder.transform(frame), draw.integers(0, 2, 100)), 5
    )
    home.add(1, BoostedPredictor(home.manifest("lightgbm"), encoder, text=booster.model_to_string()))
    home.keep(home.plan(1))
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(home.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
