"""What a canary's share is drawn by: the rows' key, or the columns that the model says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import flyball as fb
from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.kernels import route
from flyball.loop.errors import DeclarationError
from flyball.loop.past import ModelFrame
from flyball.loop.traffic import Routes
from flyball.serving.rowform import joined

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = [f"c{number % 40}" for number in range(2000)]


def frame(model: fb.Model, place: Path) -> ModelFrame:
    times = pl.Series([START] * len(CUSTOMERS), dtype=TIME)
    pl.DataFrame(
        {
            "parcel": [f"p{number}" for number in range(len(CUSTOMERS))],
            PREDICTION_TIME: times,
            EVENT_TIME: times,
            "__sticky.customer": CUSTOMERS,
            "parcels.weight": [1.0] * len(CUSTOMERS),
        }
    ).write_ipc(place / "frame")
    pl.DataFrame(schema={"row": pl.UInt32, "label": pl.Float64, KNOWN_TIME: TIME, KNOWN_UNTIL: TIME}).write_ipc(place / "labels")
    return ModelFrame(model, place / "frame", labels=place / "labels")


def test_rows_stick_to_their_key_or_to_what_is_declared(declare: Callable[..., fb.Model]) -> None:
    assert declare().sticks_to == ("parcel",)
    assert declare(sticky="customer").sticks_to == ("customer",)
    assert declare(sticky=["region", "customer"]) == declare(sticky=("region", "customer"))
    for wrong in ([], ["customer", "customer"]):
        with pytest.raises(DeclarationError, match="sticky"):
            declare(sticky=wrong)


def test_one_customer_is_answered_by_one_version_live_as_in_a_backtest(declare: Callable[..., fb.Model], tmp_path: Path) -> None:
    found = frame(declare(sticky="customer"), tmp_path)
    routes = Routes("late")
    routes.set(START, [(2, 0.3), (1, 0.7)])
    versions = routes.assign(found, np.arange(len(found)))
    assert {1, 2} == set(versions.tolist())
    answered = pl.DataFrame({"customer": CUSTOMERS, "version": versions}).group_by("customer").agg(pl.col("version").n_unique())
    assert answered["version"].to_list() == [1] * 40
    live = route(joined(pl.DataFrame({"customer": CUSTOMERS}), ["customer"]), "late", shares=[0.3, 0.7])
    assert versions.tolist() == np.array([2, 1])[live].tolist()
