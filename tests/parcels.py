"""A small project with a known story: a yes/no outcome whose cause turns round half-way, so that a model that is not retrained decays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS, PER_DAY, TURN = 100, 90, 55

PROJECT = '''"""Does the parcel come late?"""
import polars as pl
import flyball as fb

parcels = fb.Dataset("parcels", fb.files("data/parcels"), key="parcel", event_time="leaves_at", known_before="6h")
arrivals = fb.Dataset("arrivals", fb.files("data/arrivals"), key="parcel", event_time="arrived_at")
depots = fb.Dataset("depots", fb.files("data/depots"), key=["depot", "at"], event_time="at", known_after="5m")


@fb.view(depots, entity="depot", ttl="12h")
def load(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("queue")


lateness = fb.window_view(
    arrivals.join(parcels, on="parcel"), entity="depot", over="3d", every="6h", late=fb.mean(pl.col("delay") > 10), came=fb.count()
)

late = fb.Model(
    "late-parcel",
    rows=parcels,
    lead="1h",
    label=fb.label(arrivals, pl.col("delay") > 10, timeout="2d"),
    features=[parcels["depot", "weight"], load, lateness],
    train=fb.search(metric="roc_auc", trials=2),
    history="28d",
    holdout="7d",
    gates=[fb.at_least("roc_auc", 0.5), fb.beats_champion(), fb.max_slice_gap("depot", 0.4)],
    rollout=fb.canary([0.2, 1.0], hold="1d"),
    monitors=[fb.drift(false_alarms="1 per 90d"), fb.performance(), fb.quality(), fb.resources()],
    retrain=[fb.on_drift(), fb.on_performance_drop(0.05), fb.every("60d")],
    cool_down="7d",
    train_on="21d",
)
project = fb.Project("parcels", models=[late])
'''


def write_data(folder: Path, days: int = DAYS) -> None:
    """The three datasets as files below `folder`/data; the same every time."""
    rng = np.random.default_rng(7)
    n = days * PER_DAY
    minutes = np.sort(rng.integers(0, days * 24 * 60, n))
    leaves = [START + timedelta(minutes=int(m)) for m in minutes]
    depot = rng.choice(["north", "south", "west"], n)
    weight = rng.normal(10, 3, n)
    queue_hours = np.arange(0, days * 24, 3)
    queue = {name: rng.gamma(3, 4, len(queue_hours)) for name in ("north", "south", "west")}
    at = np.array([queue[d][min(int(m) // 180, len(queue_hours) - 1)] for d, m in zip(depot, minutes, strict=True)])
    turned = np.where(minutes > TURN * 24 * 60, -1.0, 1.0)
    delay = 10 + turned * (weight - 10) * 2 + (at - 12) * 0.5 + rng.normal(0, 4, n)
    ids = [f"p{i:06d}" for i in range(n)]
    parcels = pl.DataFrame({"parcel": ids, "leaves_at": leaves, "depot": depot, "weight": weight})
    came = rng.random(n) > 0.03
    arrivals = pl.DataFrame({"parcel": ids, "arrived_at": [t + timedelta(hours=5) for t in leaves], "delay": delay}).filter(pl.Series(came))
    depots = pl.DataFrame(
        [
            {"depot": name, "at": START + timedelta(hours=int(h)), "queue": float(q)}
            for name in queue
            for h, q in zip(queue_hours, queue[name], strict=True)
        ]
    )
    for name, frame in (("parcels", parcels), ("arrivals", arrivals), ("depots", depots)):
        place = folder / "data" / name
        place.mkdir(parents=True)
        frame.write_csv(place / "all.csv") if name == "arrivals" else frame.write_parquet(place / "all.parquet")


def write_parcels(folder: Path) -> Path:
    """The project with its data in a fresh folder; its file."""
    folder.mkdir(parents=True)
    write_data(folder)
    path = folder / "parcels.py"
    path.write_text(PROJECT, encoding="utf-8")
    return path
