"""The example's preparation, on flights made up for the purpose."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from types import ModuleType

import polars as pl
import pytest

ZONES = pl.DataFrame(
    {"dest": ["ORD", "HNL", "SJU", "BOS"], "zone": ["America/Chicago", "Pacific/Honolulu", "America/Puerto_Rico", "America/New_York"]}
)


def arrival(preparation: ModuleType, departs_at: datetime, *, day: tuple[int, int], dest: str, sched_arr_time: int) -> datetime:
    month, of_month = day
    flight = pl.DataFrame(
        {
            "departs_at": [departs_at],
            "year": [2013],
            "month": [month],
            "day": [of_month],
            "dest": [dest],
            "sched_arr_time": [sched_arr_time],
        },
        schema_overrides={"departs_at": pl.Datetime("us", "UTC")},
    )
    found = preparation.with_arrival(flight, ZONES)["arrives_at"].item()
    assert isinstance(found, datetime)
    return found


def test_arrival_is_local_to_the_destination(preparation: ModuleType) -> None:
    noon = datetime(2013, 1, 10, 17, tzinfo=UTC)
    assert arrival(preparation, noon, day=(1, 10), dest="ORD", sched_arr_time=1330) == datetime(2013, 1, 10, 19, 30, tzinfo=UTC)


def test_arrival_that_would_precede_departure_is_on_the_next_day(preparation: ModuleType) -> None:
    late_evening = datetime(2013, 1, 11, 2, 30, tzinfo=UTC)
    assert arrival(preparation, late_evening, day=(1, 10), dest="ORD", sched_arr_time=5) == datetime(2013, 1, 11, 6, 5, tzinfo=UTC)


def test_arrival_over_six_zones_stays_on_the_day_of_departure(preparation: ModuleType) -> None:
    morning = datetime(2013, 7, 1, 14, tzinfo=UTC)
    assert arrival(preparation, morning, day=(7, 1), dest="HNL", sched_arr_time=1430) == datetime(2013, 7, 2, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("month", "hour_utc"), [(1, 13), (7, 12)])
def test_the_atlantic_zone_has_no_summer_time(preparation: ModuleType, month: int, hour_utc: int) -> None:
    eight_in_new_york = datetime(2013, month, 10, hour_utc, tzinfo=UTC)
    found = arrival(preparation, eight_in_new_york, day=(month, 10), dest="SJU", sched_arr_time=1300)
    assert found == datetime(2013, month, 10, 17, tzinfo=UTC)


def test_the_night_when_clocks_go_back_takes_the_earlier_of_two_hours(preparation: ModuleType) -> None:
    before_midnight = datetime(2013, 11, 3, 3, 59, tzinfo=UTC)
    found = arrival(preparation, before_midnight, day=(11, 2), dest="BOS", sched_arr_time=115)
    assert found == datetime(2013, 11, 3, 5, 15, tzinfo=UTC)


def test_a_flight_without_arrival_delay_never_lands(preparation: ModuleType) -> None:
    at = datetime(2013, 1, 1, 12, tzinfo=UTC)
    flights = pl.DataFrame({"flight_id": ["a", "b"], "arrives_at": [at, at], "arr_delay": [None, -7]})
    landed = preparation.landing_rows(flights)
    assert landed.to_dicts() == [{"flight_id": "b", "arr_delay": -7, "landed_at": datetime(2013, 1, 1, 11, 53, tzinfo=UTC)}]


@pytest.mark.parametrize(("text", "months"), [("3", (3, 3)), ("1-2", (1, 2)), ("1-12", (1, 12))])
def test_months_are_one_or_a_range(preparation: ModuleType, text: str, months: tuple[int, int]) -> None:
    assert preparation.parse_months(text) == months


@pytest.mark.parametrize("text", ["0", "13", "5-2", "May", "-", ""])
def test_other_months_are_refused(preparation: ModuleType, text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="month"):
        preparation.parse_months(text)
