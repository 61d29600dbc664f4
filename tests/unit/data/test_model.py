"""Declarations are values: they compare by meaning, and refuse what can never be right."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any, cast

import polars as pl
import pytest

from flyball.core.canonical import digest
from flyball.core.errors import DurationError, FlyballError
from flyball.data import Columns, Dataset, Join, files, label
from flyball.data.errors import DatasetError

FLIGHTS = Dataset("flights", files("data/flights"), key="flight_id", event_time="departs_at", known_before="24h")
WEATHER = Dataset("weather", files("data/weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")


def test_datasets_compare_by_meaning() -> None:
    again = Dataset("flights", files("data/flights"), key=["flight_id"], event_time="departs_at", known_before="1d")
    assert again == FLIGHTS
    assert hash(again) == hash(FLIGHTS)
    assert digest(again) == digest(FLIGHTS)
    assert again != WEATHER
    assert FLIGHTS.key == ("flight_id",)
    assert FLIGHTS.known_before == timedelta(days=1)
    for copied in (copy.copy(FLIGHTS), copy.deepcopy(FLIGHTS), pickle.loads(pickle.dumps(FLIGHTS))):
        assert copied == FLIGHTS


@pytest.mark.parametrize(
    ("dataset", "rule"),
    [
        (FLIGHTS, "1d before departs_at"),
        (WEATHER, "5m after observed_at"),
        (Dataset("a", files("a"), key="k", event_time="t", known_time="seen"), "column seen"),
        (Dataset("a", files("a"), key="k", event_time="t"), "at t"),
    ],
)
def test_the_rule_of_knowing_can_be_read(dataset: Dataset, rule: str) -> None:
    assert dataset.known_rule() == rule


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "Flights"}, "a name is"),
        ({"name": ""}, "a name is"),
        ({"name": "a" * 64}, "a name is"),
        ({"name": "../a"}, "a name is"),
        ({"key": []}, "key is empty"),
        ({"key": ["a", "a"]}, "twice"),
        ({"key": "__a"}, "belong to Flyball"),
        ({"event_time": ""}, "not a column name"),
        ({"known_time": "__known_time"}, "belong to Flyball"),
        ({"known_after": "1h", "known_before": "1h"}, "known_after and known_before"),
        ({"known_at": "1h"}, "no option 'known_at'"),
        ({"source": "data/flights"}, "fb.files"),
    ],
)
def test_a_declaration_that_can_never_be_right_is_refused(change: dict[str, Any], why: str) -> None:
    given: dict[str, Any] = {"name": "flights", "source": files("a"), "key": "id", "event_time": "t", **change}
    with pytest.raises(DatasetError, match=why):
        Dataset(given.pop("name"), given.pop("source"), **given)


def test_a_wrong_duration_is_refused() -> None:
    with pytest.raises(DurationError):
        Dataset("a", files("a"), key="k", event_time="t", known_after="soon")


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_source_needs_a_path(path: str) -> None:
    with pytest.raises(DatasetError):
        files(path)


def test_brackets_choose_columns() -> None:
    assert FLIGHTS["carrier"] == Columns(FLIGHTS, ("carrier",))
    assert FLIGHTS["carrier", "dest"].names == ("carrier", "dest")
    for wrong in (("a", "a"), (), ("__x",)):
        with pytest.raises(DatasetError):
            FLIGHTS[wrong]
    with pytest.raises(FlyballError):
        FLIGHTS[cast("Any", 0)]


def test_a_join_goes_by_the_key_of_the_right() -> None:
    landings = Dataset("landings", files("l"), key="flight_id", event_time="landed_at")
    assert landings.join(FLIGHTS, on="flight_id") == Join(landings, FLIGHTS, ("flight_id",))
    with pytest.raises(DatasetError, match=r"its key \(origin, observed_at\)"):
        FLIGHTS.join(WEATHER, on="origin")
    with pytest.raises(DatasetError, match="itself"):
        FLIGHTS.join(FLIGHTS, on="flight_id")


def test_labels_compare_by_meaning() -> None:
    late = label(FLIGHTS, pl.col("delay") > 15, timeout="3d")
    assert late == label(FLIGHTS, pl.col("delay") > 15)
    assert hash(late) == hash(label(FLIGHTS, pl.col("delay") > 15))
    assert late != label(FLIGHTS, pl.col("delay") > 16)
    assert late != label(FLIGHTS, pl.col("delay") > 15, timeout="4d")
    assert late != "late"
    assert digest(late.describe()) == digest(label(FLIGHTS, pl.col("delay") > 15).describe())


@pytest.mark.parametrize("arguments", [("flights", pl.col("x")), (FLIGHTS, "x > 15"), (FLIGHTS, lambda: None)])
def test_a_label_is_an_expression_on_a_dataset(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(DatasetError):
        label(*arguments)
