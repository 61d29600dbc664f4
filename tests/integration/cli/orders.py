"""A project of two small files: orders, known three hours before, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
START = FIRST + timedelta(days=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

PROJECT = """
import polars as pl
import flyball as fb

orders = fb.Dataset("orders", fb.files("orders.csv"), key="id", event_time="at", known_before="3h")
outcomes = fb.Dataset("outcomes", fb.files("outcomes.csv"), key="id", event_time="at", known_after="30m")
late = fb.Model(
    "late", rows=orders, lead="1h", label=fb.label(outcomes, pl.col("late") > 0, timeout="1d"), features=[orders["x"]],
    train=fb.search(metric="roc_auc", trials=1, seed=0), history="1d",
)
project = fb.Project("orders", models=[late])
"""


def write_project(root: Path) -> Path:
    """The project file, beside its data: two orders each hour for eight days from FIRST."""
    orders = ["id,at,x"]
    outcomes = ["id,at,late"]
    for number in range(24 * 8):
        at = FIRST + number // 2 * HOUR + 20 * MINUTE  # two at each time
        orders.append(f"o{number},{at:%Y-%m-%dT%H:%M:%SZ},{number % 7}")
        outcomes.append(f"o{number},{at + 5 * MINUTE:%Y-%m-%dT%H:%M:%SZ},{number % 2}")
    (root / "orders.csv").write_text("\n".join(orders) + "\n")
    (root / "outcomes.csv").write_text("\n".join(outcomes) + "\n")
    (root / "project.py").write_text(PROJECT)
    return root / "project.py"
