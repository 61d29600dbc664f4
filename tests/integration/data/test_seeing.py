"""Rows of a version are read lazily, as of a version, an event time or a known time; a correction never rewrites what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.data import Dataset, as_of, files
from flyball.data.errors import VersionHeldError, VersionNotFoundError
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, VersionState
from flyball.data.seeing import KeyUnknownError, seen_at
from flyball.testing.data_home import DataHome

STATED = Dataset("sales", files("data"), key=["shop", "id"], event_time="sold_at", known_time="known_at")
START = datetime(2013, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def lines(*rows: tuple[str, float, float, int]) -> str:
    return "shop,id,sold_at,known_at,amount\n" + "".join(
        f"a,{key},{at(sold).isoformat()},{at(known).isoformat()},{amount}\n" for key, sold, known, amount in rows
    )


@pytest.fixture
def corrected(home: DataHome) -> DataHome:
    home.write("1.csv", lines(("x", 0, 1, 1), ("y", 2, 3, 2)))
    home.ingest(STATED)
    home.write("2.csv", lines(("x", 5, 6, 10), ("z", 3, 4, 3)))  # a correction that moves the event, and a row that is late
    assert home.ingest(STATED).corrections == 1
    return home


def amounts(rows: pl.LazyFrame) -> list[int]:
    return rows.collect().sort(ARRIVAL)["amount"].to_list()


def test_a_version_stays_what_it_was(corrected: DataHome) -> None:
    assert amounts(corrected.service.scan("sales", version=1)) == [1, 2]
    assert amounts(corrected.service.scan("sales")) == [1, 2, 10, 3]
    columns = corrected.service.scan("sales").collect_schema().names()
    assert columns == ["shop", "id", "sold_at", "known_at", "amount", EVENT_TIME, KNOWN_TIME, ARRIVAL]


def test_as_of_is_per_key_the_last_row_known_by_then(corrected: DataHome) -> None:
    history = corrected.service.history(STATED)
    for hours in (0, 1, 3, 4.5, 6, 9):
        found = corrected.service.scan("sales", as_of=at(hours)).collect().sort(ARRIVAL)
        assert found["amount"].to_list() == as_of(history, at(hours))["amount"].to_list(), hours
    assert amounts(corrected.service.scan("sales", as_of=at(5))) == [1, 2, 3]
    assert amounts(corrected.service.scan("sales", as_of=at(6))) == [2, 10, 3]


def test_known_by_keeps_what_was_corrected_since(corrected: DataHome) -> None:
    assert amounts(corrected.service.scan("sales", known_by=at(6))) == [1, 2, 10, 3]
    assert amounts(corrected.service.scan("sales", known_by=at(3))) == [1, 2]


def test_event_times_are_of_what_was_known_then(corrected: DataHome) -> None:
    assert amounts(corrected.service.scan("sales", event_from=at(2), event_until=at(5))) == [2, 3]
    assert amounts(corrected.service.scan("sales", as_of=at(6), event_until=at(3))) == [2]
    assert amounts(corrected.service.scan("sales", as_of=at(3), event_until=at(3))) == [1, 2]


def test_a_version_that_nobody_took_is_not_read(home: DataHome) -> None:
    with pytest.raises(VersionNotFoundError, match="never ingested"):
        home.service.scan("sales")
    home.write("1.csv", lines(*((f"k{n}", n, n, n) for n in range(20))))
    home.ingest(STATED)
    home.write("2.csv", lines(*((f"m{n}", n, n, n) for n in range(4))) + "".join(f"a,n{n},never,never,x\n" for n in range(4)))
    assert home.ingest(STATED).state is VersionState.HELD
    assert home.service.scan("sales").collect().height == 20
    with pytest.raises(VersionHeldError):
        home.service.scan("sales", version=2)


def test_a_version_of_an_older_release_says_that_it_does_not_know(corrected: DataHome) -> None:
    old = replace(corrected.service.get("sales", 1), key=())
    rows = corrected.service.scan("sales", version=1)
    with pytest.raises(KeyUnknownError, match="flyball ingest"):
        seen_at(rows, old, when={"as_of": at(1)})
    assert amounts(seen_at(rows, old, when={"known_by": at(1)})) == [1]
