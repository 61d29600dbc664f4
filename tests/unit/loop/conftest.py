"""A declared model, and a frame of it that is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import flyball as fb
from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.loop.past import ModelFrame

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def declare() -> Callable[..., fb.Model]:
    """The model, with the fields that are given in the place of its own."""

    def make(**fields: Any) -> fb.Model:
        rows = fb.Dataset("parcels", fb.files("parcels"), key="parcel", event_time="leaves_at", known_before="6h")
        came = fb.Dataset("arrivals", fb.files("arrivals"), key="parcel", event_time="arrived_at")
        usual = {
            "rows": rows, "label": fb.label(came, pl.col("delay") > 10, timeout="2d"), "features": [rows["weight"]],
            "train": fb.search(metric="roc_auc", trials=2), "history": "28d", "lead": "1h",
        }  # fmt: skip
        return fb.Model(**{"name": "late", **usual, **fields})

    return make


Labels = list[tuple[int, float, float, float | None]]
Frame = Callable[[list[float], Labels], ModelFrame]


@pytest.fixture
def frame(tmp_path: Path, declare: Callable[..., fb.Model]) -> Frame:
    """A frame of rows predicted at these hours after START; labels are (row, label, known hour, known until or None)."""

    def at(hours: list[float] | list[float | None]) -> pl.Series:
        return pl.Series([None if hour is None else START + timedelta(hours=hour) for hour in hours], dtype=TIME)

    def make(hours: list[float], labels: Labels) -> ModelFrame:
        rows, values, known, until = ([label[place] for label in labels] for place in range(4))
        pl.DataFrame({
            "parcel": [f"p{n}" for n in range(len(hours))],
            PREDICTION_TIME: at(hours),
            EVENT_TIME: at([hour + 1 for hour in hours]),
            "parcels.weight": [float(n) for n in range(len(hours))],
        }).write_ipc(tmp_path / "frame")  # fmt: skip
        pl.DataFrame(
            {
                "row": pl.Series(rows, dtype=pl.UInt32),
                "label": pl.Series(values, dtype=pl.Float64),
                KNOWN_TIME: at(known),
                KNOWN_UNTIL: at(until),
            }
        ).write_ipc(tmp_path / "labels")
        return ModelFrame(declare(), tmp_path / "frame", labels=tmp_path / "labels")

    return make
