"""The datasets, views and schemas of the flights example, without their data."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest

from flyball import features as fb
from flyball.data import Dataset, FileSource
from flyball.data.model import TIME


@pytest.fixture
def flights() -> Dataset:
    return Dataset("flights", FileSource("flights"), key="flight_id", event_time="departs_at", known_before="24h")


@pytest.fixture
def landings() -> Dataset:
    return Dataset("landings", FileSource("landings"), key="flight_id", event_time="landed_at", known_after="10m")


@pytest.fixture
def weather() -> Dataset:
    return Dataset("weather", FileSource("weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")


@pytest.fixture
def sky(weather: Dataset) -> fb.View:
    @fb.view(weather, entity="origin", ttl="3h")
    def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.select("temp", "wind")

    return sky


@pytest.fixture
def punctuality(flights: Dataset, landings: Dataset) -> fb.WindowView:
    punctuality = fb.window_view(
        landings.join(flights, on="flight_id"), entity="carrier", over="7d", every="1h",
        late=fb.mean(pl.col("arr_delay") > 15), landed=fb.count(),
    )  # fmt: skip
    return punctuality  # noqa: RET504 - it is named after the variable


@pytest.fixture
def schemas() -> Mapping[str, pl.Schema]:
    return {
        "flights": pl.Schema(
            {
                "flight_id": pl.Int64(),
                "departs_at": TIME,
                "carrier": pl.String(),
                "origin": pl.String(),
                "dest": pl.String(),
                "seats": pl.Int32(),
            }
        ),
        "landings": pl.Schema({"flight_id": pl.Int64(), "landed_at": TIME, "arr_delay": pl.Float64()}),
        "weather": pl.Schema({"origin": pl.String(), "observed_at": TIME, "temp": pl.Float64(), "wind": pl.Float64()}),
    }
