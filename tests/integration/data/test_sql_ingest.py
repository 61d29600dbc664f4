"""Tables of databases become versions: new rows once, late ones within the overlap, broken ones aside, and nothing twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from flyball.data import Dataset
from flyball.data.declared.generated import rows
from flyball.data.declared.sql import sql
from flyball.data.declared.tables import delta
from flyball.data.errors import SourceEmptyError
from flyball.data.model import VersionState
from flyball.data.sourceerrors import DatabasePlaceError
from flyball.testing.data_home import DataHome

ORDERS = Dataset("orders", sql("shop.db", table="orders", watermark="changed"), key="id", event_time="ordered", known_time="changed")
START = "2013-01-01 00:00:00"


def _times(hours: float) -> str:
    return f"2013-01-{1 + int(hours // 24):02} {int(hours % 24):02}:{int(hours * 60 % 60):02}:00"


def _place(home: DataHome) -> Path:
    (home.place / "project").mkdir(exist_ok=True)
    return home.place / "project" / "shop.db"


def _order(home: DataHome, *orders: Sequence[object]) -> None:
    with closing(sqlite3.connect(_place(home))) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, ordered text, changed text, amount)")
        connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", orders)


def _first(home: DataHome) -> None:
    _order(home, *((f"o{number}", _times(number / 4), _times(number / 4), number * 1.5) for number in range(200)))


def test_only_what_is_new_or_changed_becomes_a_version(home: DataHome) -> None:
    _first(home)
    first = home.ingest(ORDERS)
    assert (first.rows, first.quarantined, str(first.state)) == (200, 0, "accepted")
    assert home.ingest(ORDERS) == first
    _order(home, ("o200", _times(50), _times(50), 3.5), ("o7", _times(1.75), _times(50), 99.0))
    second = home.ingest(ORDERS)
    assert (second.added, second.quarantined) == (2, 0)
    assert sum(file.size_bytes for file in second.files) < sum(file.size_bytes for file in first.files)
    assert home.ingest(ORDERS) == second
    history = home.service.history(ORDERS).filter(pl.col("id") == "o7")
    assert history["amount"].to_list() == [10.5, 99.0]


def test_rows_that_come_late_below_the_watermark_are_taken_once(home: DataHome) -> None:
    _first(home)
    home.ingest(ORDERS)
    _order(home, ("late", _times(40), _times(49.25), 1.5), ("equal", _times(40), _times(49.75), 2.5), ("none", _times(40), None, 2.5))
    second = home.ingest(ORDERS)
    assert (second.added, second.quarantined) == (2, 1)  # one does not say since when it is known
    assert home.ingest(ORDERS) == second


def test_a_held_pull_is_read_again_when_the_source_is_mended(home: DataHome) -> None:
    _first(home)
    home.ingest(ORDERS)
    _order(home, *((f"p{number}", "soon", _times(60), 1.5) for number in range(50)))
    held = home.ingest(ORDERS)
    assert held.state is VersionState.HELD
    assert home.ingest(ORDERS) == held
    _order(home, *((f"p{number}", _times(60), _times(60), 1.5) for number in range(50)))
    mended = home.ingest(ORDERS)
    assert (str(mended.state), mended.rows) == ("accepted", 250)


def test_a_source_that_fails_leaves_everything_as_it_was(home: DataHome) -> None:
    _first(home)
    first = home.ingest(ORDERS)
    events = home.kinds()
    _place(home).rename(_place(home).with_suffix(".away"))
    with pytest.raises(DatabasePlaceError):
        home.ingest(ORDERS)
    assert (home.service.list("orders"), home.kinds()) == ([first], events)
    _place(home).with_suffix(".away").rename(_place(home))
    assert home.ingest(ORDERS) == first


def test_a_table_without_rows_makes_no_version(home: DataHome) -> None:
    _order(home)
    with pytest.raises(SourceEmptyError):
        home.ingest(ORDERS)
    assert home.service.list("orders") == []


def test_functions_and_delta_tables_become_versions(home: DataHome) -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "at": ["2013-01-01T00:00Z", "2013-01-02T00:00Z"]})
    lake = Dataset("lake", delta("lake"), key="id", event_time="at")
    made = Dataset("made", rows(frame.to_dicts), key="id", event_time="at")
    write_deltalake(home.place / "project" / "lake", frame)
    for dataset in (lake, made):
        assert home.ingest(dataset).rows == 2
        assert home.ingest(dataset).number == 1
    write_deltalake(home.place / "project" / "lake", frame.with_columns(id=pl.col("id") + "2"), mode="append")
    assert (home.ingest(lake).added, home.ingest(lake).number) == (2, 2)
