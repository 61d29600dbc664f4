"""An ingest that looks no further than a moment leaves later rows out, and one that looks further brings them, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.data import Dataset, DatasetVersion, files
from flyball.data.errors import NothingKnownError
from flyball.data.model import KNOWN_TIME, VersionState
from flyball.testing.data_home import DataHome

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
STATED = Dataset("sales", files("data"), key="id", event_time="sold_at", known_time="known_at")
START = datetime(2013, 1, 1, tzinfo=UTC)
HEAD = "id,sold_at,amount\n"


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def sales(first: int, last: int) -> str:
    return "".join(f"s{n},{at(n).isoformat()},{n}.5\n" for n in range(first, last))


def ingest(
    home: DataHome, *, known_by: datetime | None = None, arrival: datetime | None = None, dataset: Dataset = SALES
) -> DatasetVersion:
    return home.service.ingest(
        dataset, root=home.place / "project", history=timedelta(days=9), cause=None, known_by=known_by, arrival=arrival
    )


def test_rows_known_later_are_left_out_and_counted(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 150) + "t1,2013-01-01T02:00Z,lots\nt2,2013-03-01T00:00Z,lots\n")
    version = ingest(home, known_by=at(100))
    assert (version.added, version.quarantined, version.duplicates, version.latest_event_time) == (100, 1, 0, at(99))
    received = home.log.list()[0]
    assert (received.type, received.data["left_out"]) == ("dataset.version.received", 51)
    assert received.data["known_by"] == "2013-01-05T04:00:00.000000+00:00"
    assert (version.files[0].left_out, version.files[0].next_known) == (51, at(101))
    assert home.service.get("sales", 1) == version


def test_a_later_look_brings_the_missing_rows_once(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 150) + "t1,2013-01-01T02:00Z,lots\nt2,2013-03-01T00:00Z,lots\n")
    first = ingest(home, known_by=at(100))
    assert ingest(home, known_by=at(100)) == first
    assert ingest(home, known_by=at(100.9)) == first  # nothing became known in between
    second = ingest(home, known_by=at(120))
    assert (second.number, second.added, second.quarantined, second.duplicates, second.rows) == (2, 20, 0, 101, 120)
    third = ingest(home)
    assert (third.added, third.quarantined, third.files[0].left_out) == (30, 1, 0)
    assert ingest(home) == third == ingest(home, known_by=at(10))
    assert home.service.history(SALES)["id"].to_list() == [f"s{n}" for n in range(150)]
    assert home.service.quarantined("sales")["row"].to_list() == [151, 152]
    assert len({version.digest for version in (first, second, third)}) == 3


def test_without_a_limit_all_is_as_before(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 150))
    version = ingest(home, known_by=at(1000))
    assert (version.added, version.files[0].known_by) == (150, None)
    assert "left_out" not in home.log.list()[0].data
    assert ingest(home) == version


def test_what_is_known_later_has_no_say_in_the_contract(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 5) + "s5,2013-01-01T05:00Z,many\n")
    (home.source / "b.parquet").unlink(missing_ok=True)
    pl.DataFrame({"id": ["z"], "sold_at": ["2014-01-01T00:00Z"], "amount": ["much"]}).write_parquet(home.source / "b.parquet")
    ingest(home, known_by=at(5.5))
    contract = home.service.get_contract(SALES, 1)
    assert (contract.columns["amount"].type, contract.columns["amount"].maximum) == ("number", 4.5)
    assert contract.inferred_from is not None
    assert contract.inferred_from.rows == 5


def test_a_dataset_of_which_nothing_is_known_says_when_the_first_row_will_be(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 5))
    with pytest.raises(NothingKnownError, match="the first becomes known at 2013-01-01T01:00:00"):
        ingest(home, known_by=at(0.5))
    assert home.log.list() == []


def test_a_correction_known_later_is_left_out_by_its_own_time(home: DataHome) -> None:
    rows = "x,2013-01-01T00:00Z,2013-01-01T01:00Z,1\nx,2013-01-01T00:00Z,2013-01-03T00:00Z,2\n"
    home.write("a.csv", "id,sold_at,known_at,amount\n" + rows)
    assert ingest(home, known_by=at(24), dataset=STATED).added == 1
    assert ingest(home, known_by=at(48), dataset=STATED).added == 1
    assert home.service.history(STATED)["amount"].to_list() == [1, 2]


def test_a_file_that_comes_live_is_known_at_its_arrival(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 100))
    ingest(home)
    home.write("b.csv", HEAD + sales(95, 110))
    version = ingest(home, arrival=at(105))
    known = home.service.history(SALES)[KNOWN_TIME].to_list()
    assert (version.added, version.duplicates) == (10, 5)
    assert known[:100] == [at(n + 1) for n in range(100)]
    assert known[100:] == [at(max(105, n + 1)) for n in range(100, 110)]
    assert ingest(home, arrival=at(200)) == version


def test_a_correction_that_comes_live_is_taken_though_it_declares_no_later_time(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 100))
    ingest(home)
    home.write("b.csv", HEAD + "s7,2013-01-01T07:00Z,70\n")
    version = ingest(home, arrival=at(50))
    assert (version.state, version.added, version.quarantined) == (VersionState.ACCEPTED, 1, 0)
    assert home.service.history(SALES)[KNOWN_TIME].to_list()[-1] == at(50)


def test_rows_left_out_of_imported_history_keep_their_declared_time(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 100))
    ingest(home, known_by=at(50))
    ingest(home, known_by=at(80), arrival=at(80))
    assert home.service.history(SALES)[KNOWN_TIME].to_list() == [at(n + 1) for n in range(80)]


def test_a_file_read_again_under_another_contract_keeps_its_arrival(home: DataHome) -> None:
    home.write("a.csv", HEAD + sales(0, 100))
    ingest(home)
    home.write("b.csv", HEAD + sales(100, 101))
    ingest(home, arrival=at(150))
    path = home.service.contracts / "sales.yaml"
    path.write_text(path.read_text().replace("type: number", "type: text"))
    path.write_text(path.read_text().replace("minimum: 0.5", "").replace("maximum: 99.5", ""))
    version = ingest(home, arrival=at(200))
    assert version.added == 101
    known = home.service.history(SALES).sort(KNOWN_TIME)[KNOWN_TIME].to_list()
    assert known[-2:] == [at(100), at(150)]
