"""An apply that dies between any two of its writes is continued by the next process: nothing is lost, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.errors import UnavailableError
from flyball.data import Dataset, files
from flyball.data._sqlstore import SqlPushes
from flyball.data.live import LiveRows
from flyball.data.model import ARRIVAL
from flyball.storage._localjournal import LocalJournal
from flyball.testing.data_home import DataHome, opened_data_home
from tests.mortal import Death, Killed, MortalLineage, MortalTables

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
START = datetime(2013, 1, 1, tzinfo=UTC)


class MortalJournal:
    """A journal that is acknowledged last: to die here leaves entries that are applied."""

    def __init__(self, real: Any, death: Death) -> None:
        self._real, self._death = real, death

    def acknowledge(self, position: int) -> None:
        self._death.near()
        self._real.acknowledge(position)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def row(number: int, amount: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "sold_at": (START + timedelta(hours=number)).isoformat(), "amount": amount}


def prepare(place: Path) -> None:
    with opened_data_home(place) as home:
        lines = [f"s{n},{(START + timedelta(hours=n)).isoformat()},{n}.5" for n in range(100)]
        home.write("a.csv", "\n".join(["id,sold_at,amount", *lines, ""]))
        home.ingest(SALES)
        with home.live() as live:
            live.accept(SALES, [row(100, 1), row(101, "x"), row(3, 3.5)], key="k1", at=START)
            live.accept(SALES, [row(100, 2), row(102, 2)], key="k2", at=START)


@contextmanager
def mortal(home: DataHome, death: Death) -> Iterator[LiveRows]:
    service = replace(home.service, tables=MortalTables(home.service.tables, death), lineage=MortalLineage(home.service.lineage, death))
    journals = home.place / "home" / "journal" / "rows"
    live = LiveRows(service, SqlPushes(home.database), journals=lambda name: MortalJournal(LocalJournal.write(journals / name), death))
    try:
        yield live
    finally:
        live.close()


def content(home: DataHome) -> tuple[Any, ...]:
    history = home.service.history(SALES)
    assert history[ARRIVAL].is_unique().all()
    return (
        history.filter(pl.col(ARRIVAL) > 99).select("id", "amount").rows(),
        home.service.quarantined("sales").select("row", "reason").rows(),
    )


def in_table(home: DataHome) -> int:
    table = home.service.get_accepted("sales").table
    return home.service.tables.read(table).collect().height


EXPECTED = ([("s100", 1.0), ("s100", 2.0), ("s102", 2.0)], [(2, "amount is no number: x")])
WRITES = 6


def test_an_undisturbed_apply_writes_six_times(tmp_path: Path) -> None:
    prepare(tmp_path)
    with opened_data_home(tmp_path) as home:
        death = Death(0)
        with mortal(home, death) as live:
            live.apply(SALES)
        assert (content(home), death.writes) == (EXPECTED, WRITES)


@pytest.mark.parametrize("more", [[], [("s103", 3), ("s104", "y")]], ids=["alone", "and more came"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_a_killed_apply_is_continued_wherever_it_died(tmp_path: Path, at: int, more: list[tuple[str, Any]]) -> None:
    prepare(tmp_path)
    with opened_data_home(tmp_path) as home, mortal(home, Death(at)) as live, pytest.raises(Killed):
        live.apply(SALES)
    rows, aside = EXPECTED
    with opened_data_home(tmp_path) as home, home.live() as live:
        assert live.accept(SALES, [row(100, 2), row(102, 2)], key="k2", at=START).duplicate
        if more:
            live.accept(SALES, [{**row(103, amount), "id": key} for key, amount in more], key="k3", at=START)
            rows, aside = [*rows, ("s103", 3.0)], [*aside, (2, "amount is no number: y")]
        live.apply(SALES)
        assert live.apply(SALES) is None
        found, found_aside = content(home)
        assert (found, sorted(found_aside)) == (rows, sorted(aside))
        assert in_table(home) == 100 + len(rows)  # rows that were there already were found again
        assert [version.number for version in home.service.list("sales")] == list(range(1, len(home.service.list("sales")) + 1))


@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_files_that_come_before_a_killed_apply_is_continued_change_no_more_than_they_must(tmp_path: Path, at: int) -> None:
    prepare(tmp_path)
    with opened_data_home(tmp_path) as home, mortal(home, Death(at)) as live, pytest.raises(Killed):
        live.apply(SALES)
    with opened_data_home(tmp_path) as home:
        home.write("b.csv", f"id,sold_at,amount\ns102,{(START + timedelta(hours=102)).isoformat()},2\ns200,2013-02-01T00:00Z,1\n")
        home.ingest(SALES)
        with home.live() as live:
            live.apply(SALES)
        found, aside = content(home)
        assert sorted(found) == sorted([*EXPECTED[0], ("s200", 1.0)])
        assert aside == EXPECTED[1]


def test_rows_of_a_killed_ingest_stay_invisible_to_rows_that_are_applied_after_it(tmp_path: Path) -> None:
    prepare(tmp_path)
    with opened_data_home(tmp_path) as home, home.live() as live:
        live.apply(SALES)
        home.write("b.csv", "id,sold_at,amount\n" + "".join(f"t{n},2013-02-01T00:00Z,{n}\n" for n in range(7)))
        dying = replace(home.service, tables=MortalTables(home.service.tables, Death(2)))
        with pytest.raises(Killed):
            dying.ingest(SALES, root=home.place / "project", history=timedelta(days=59), cause=None)
        (home.source / "b.csv").unlink()
        for number in range(105, 108):
            live.accept(SALES, [row(number, 1)], key=None, at=START)
            live.apply(SALES)
        assert content(home)[0] == [*EXPECTED[0], ("s105", 1.0), ("s106", 1.0), ("s107", 1.0)]


@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_an_apply_that_fails_is_tried_again_by_the_same_process(tmp_path: Path, at: int) -> None:
    prepare(tmp_path)
    with opened_data_home(tmp_path) as home, mortal(home, Death(at, error=lambda: UnavailableError("the disk is full"))) as live:
        with pytest.raises(UnavailableError):
            live.apply(SALES)
        live.apply(SALES)
        assert content(home) == EXPECTED
        assert in_table(home) == 103
        rows = live.take(SALES)
        assert rows is not None
        assert rows[ARRIVAL].to_list() == [100, 101, 102]
