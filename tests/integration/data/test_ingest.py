"""Files become versions: nothing twice, nothing lost, the past never changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from flyball.core.errors import FlyballError
from flyball.data import Dataset, files
from flyball.data.contractyaml import read_document
from flyball.data.errors import (
    ContractFileError,
    UnknownColumnError,
    VersionHeldError,
    VersionNotFoundError,
    VersionStateError,
    VersionSupersededError,
)
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, VersionState
from flyball.lineage import Edge, ancestors
from flyball.testing.data_home import DataHome, opened_data_home

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
CORRECTED = Dataset("sales", files("data"), key="id", event_time="sold_at", known_time="known_at")
START = datetime(2013, 1, 1, tzinfo=UTC)


def sales(first: int, last: int, *, amount: str = "{n}.5", shop: str = "a") -> str:
    rows = [f"s{n},{(START + timedelta(hours=n)).isoformat()},{amount.format(n=n)},{shop}" for n in range(first, last)]
    return "\n".join(["id,sold_at,amount,shop", *rows, ""])


def read(version_rows: int, quarantined: int, *, duplicates: int) -> int:
    return version_rows + quarantined + duplicates


def test_the_first_ingest_makes_an_accepted_version_whose_events_name_their_causes(home: DataHome) -> None:
    home.write("a.csv", sales(0, 300))
    version = home.ingest(SALES)
    assert (version.number, version.state, version.rows, version.added, version.quarantined) == (1, VersionState.ACCEPTED, 300, 300, 0)
    assert version.earliest_event_time == START
    assert version.latest_event_time == START + timedelta(hours=299)
    events = home.log.list()
    assert [event.type for event in events] == ["dataset.version.received", "contract.inferred", "dataset.version.accepted"]
    assert {event.subject for event in events} == {"dataset/sales"}
    assert [event.cause for event in events] == [None, events[0].id, events[0].id]
    assert version.event == events[-1].id
    assert home.service.get("sales", 1) == version == home.service.get_accepted("sales")


def test_a_history_is_bitemporal_and_in_order_of_arrival(home: DataHome) -> None:
    home.write("a.csv", sales(0, 5))
    home.ingest(SALES)
    history = home.service.history(SALES)
    assert history.columns == ["id", "sold_at", "amount", "shop", EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, ARRIVAL]
    assert history[ARRIVAL].to_list() == list(range(5))
    assert history[EVENT_TIME].dtype == pl.Datetime("us", "UTC")
    assert ((history[KNOWN_TIME] - history[EVENT_TIME]) == timedelta(hours=1)).all()
    assert history[KNOWN_UNTIL].null_count() == 5
    assert history["amount"].to_list() == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_an_unchanged_ingest_is_a_no_op(home: DataHome) -> None:
    home.write("a.csv", sales(0, 50))
    first = home.ingest(SALES)
    before = home.log.list()
    assert home.ingest(SALES) == first
    assert home.log.list() == before
    assert home.service.list("sales") == [first]


def test_a_file_is_known_by_its_content(home: DataHome) -> None:
    path = home.write("a.csv", sales(0, 50))
    first = home.ingest(SALES)
    path.rename(path.with_name("renamed.csv"))
    assert home.ingest(SALES) == first


def test_only_the_rows_of_new_files_are_added(home: DataHome) -> None:
    home.write("a.csv", sales(0, 50))
    home.ingest(SALES)
    home.write("b.csv", sales(50, 80))
    version = home.ingest(SALES)
    assert (version.number, version.rows, version.added, version.duplicates) == (2, 80, 30, 0)
    assert [file.name for file in version.files] == ["b.csv"]
    assert home.service.history(SALES)[ARRIVAL].to_list() == list(range(80))
    assert home.service.history(SALES, 1).height == 50


def test_a_file_that_grew_adds_its_new_rows_only(home: DataHome) -> None:
    home.write("a.csv", sales(0, 50))
    home.ingest(SALES)
    home.write("a.csv", sales(0, 60))
    version = home.ingest(SALES)
    assert (version.rows, version.added, version.duplicates) == (60, 10, 50)


def test_a_file_that_is_gone_takes_nothing_back(home: DataHome) -> None:
    home.write("a.csv", sales(0, 50))
    home.write("b.csv", sales(50, 60))
    first = home.ingest(SALES)
    (home.source / "a.csv").unlink()
    assert home.ingest(SALES) == first
    assert home.service.history(SALES).height == 60


def test_a_later_known_row_of_a_key_is_a_correction(home: DataHome) -> None:
    head = "id,sold_at,known_at,amount\n"
    home.write("a.csv", head + "x,2013-01-01T00:00Z,2013-01-01T01:00Z,1\ny,2013-01-01T00:00Z,2013-01-01T01:00Z,2\n")
    home.ingest(CORRECTED)
    home.write("b.csv", head + "x,2013-01-02T00:00Z,2013-01-03T00:00Z,9\n")
    version = home.ingest(CORRECTED)
    assert (version.rows, version.added, version.quarantined) == (3, 1, 0)
    history = home.service.history(CORRECTED)
    assert history.filter(pl.col("id") == "x")[KNOWN_UNTIL].to_list() == [datetime(2013, 1, 3, tzinfo=UTC), None]
    assert home.service.history(CORRECTED, 1)[KNOWN_UNTIL].to_list() == [None, None]


@pytest.mark.parametrize("known", ["2013-01-01T01:00Z", "2013-01-01T00:30Z"])
def test_a_row_that_would_change_the_past_is_set_aside(home: DataHome, known: str) -> None:
    head = "id,sold_at,known_at,amount\n"
    home.write("a.csv", head + "x,2013-01-01T00:00Z,2013-01-01T01:00Z,1\n")
    home.ingest(CORRECTED)
    home.write("b.csv", head + f"x,2013-01-01T00:00Z,{known},9\n" + "".join(f"z{n},2013-01-01T00:00Z,{known},{n}\n" for n in range(20)))
    version = home.ingest(CORRECTED)
    assert (version.added, version.quarantined) == (20, 1)
    aside = home.service.quarantined("sales", 2)
    assert aside["reason"][0].startswith("changes the past")
    assert (aside["file"][0], aside["row"][0]) == ("b.csv", 1)


def test_strings_in_a_number_column_are_set_aside_with_their_text(home: DataHome) -> None:
    lines = sales(0, 200).splitlines()
    lines[150] = lines[150].replace("149.5", "a lot")
    lines[160] = lines[160].replace("s159,", ",")
    home.write("a.csv", "\n".join(lines) + "\n")
    version = home.ingest(SALES)
    assert (version.state, version.added, version.quarantined) == (VersionState.ACCEPTED, 198, 2)
    aside = home.service.quarantined("sales")
    assert aside.sort("row").select("file", "row", "reason").rows() == [
        ("a.csv", 150, "amount is no number: a lot"),
        ("a.csv", 160, "id is missing"),
    ]
    assert json.loads(aside.sort("row")["raw"][0])["amount"] == "a lot"
    assert "rows.quarantined" in home.kinds()
    data = next(event.data for event in home.log.list() if event.type == "rows.quarantined")
    assert sorted(map(tuple, data["reasons"])) == [("amount is no number", 1), ("id is missing", 1)]


def test_rows_in_are_rows_accepted_set_aside_or_known(home: DataHome) -> None:
    home.write("a.csv", sales(0, 100) + sales(0, 10).partition("\n")[2] + "s1,x,1,a\n" + "s1,x,1,a\n")
    version = home.ingest(SALES)
    assert read(version.added, version.quarantined, duplicates=version.duplicates) == 112
    assert (version.added, version.quarantined) == (100, 1)


def test_a_row_set_aside_is_not_set_aside_twice(home: DataHome) -> None:
    home.write("a.csv", sales(0, 100) + "s1,never,1,a\n")
    home.ingest(SALES)
    home.write("a.csv", sales(0, 101) + "s1,never,1,a\n")
    version = home.ingest(SALES)
    assert (version.added, version.quarantined, version.duplicates) == (1, 0, 101)
    assert home.service.quarantined("sales").height == 1


def test_ranges_and_categories_warn_and_types_and_nulls_set_aside(home: DataHome) -> None:
    home.write("a.csv", sales(0, 200))
    home.write("b.csv", sales(200, 260, amount="1e6", shop="b") + "s300,2013-02-01T00:00Z,,a\n")
    version = home.ingest(SALES, history=timedelta(hours=200))
    assert (version.added, version.quarantined) == (260, 1)
    assert home.service.quarantined("sales")["reason"].to_list() == ["amount is missing"]
    warned = next(event for event in home.log.list() if event.type == "contract.warned")
    assert warned.data["warnings"] == [
        {"column": "amount", "why": "is above 199.5", "rows": 60},
        {"column": "shop", "why": "is no known category", "rows": 60},
    ]


def test_the_contract_looks_at_the_first_history_only(home: DataHome) -> None:
    home.write("a.csv", sales(100, 200, amount="x{n}"))
    home.write("b.csv", sales(0, 100))
    version = home.ingest(SALES, history=timedelta(hours=100))
    assert version.state is VersionState.HELD
    assert version.quarantined == 100
    contract = home.service.get_contract(SALES, 1)
    assert contract.columns["amount"].type == "number"
    assert contract.inferred_from is not None
    assert contract.inferred_from.rows == 100


def test_a_person_may_tighten_the_contract(home: DataHome) -> None:
    home.write("a.csv", sales(0, 150))
    home.ingest(SALES)
    path = home.service.contracts / "sales.yaml"
    contract = read_document(path.read_text(), path="").value
    contract["columns"]["amount"] |= {"maximum": 155, "values": "quarantine"}
    path.write_text(json.dumps(contract))
    home.write("b.csv", sales(150, 160) + sales(0, 30).partition("\n")[2])
    version = home.ingest(SALES)
    assert "contract.changed" in home.kinds()
    assert (version.added, version.quarantined, version.duplicates) == (5, 5, 180)
    assert set(home.service.quarantined("sales")["reason"]) == {f"amount is above 155: {n}.5" for n in range(155, 160)}
    assert read_document(path.read_text(), path="").value["columns"]["amount"]["maximum"] == 155
    assert home.ingest(SALES) == version


def test_a_tightened_contract_takes_no_stored_row_back(home: DataHome) -> None:
    home.write("a.csv", sales(0, 150))
    home.ingest(SALES)
    path = home.service.contracts / "sales.yaml"
    contract = read_document(path.read_text(), path="").value
    contract["columns"]["amount"] |= {"maximum": 10, "values": "quarantine"}
    path.write_text(json.dumps(contract))
    version = home.ingest(SALES)
    assert (version.rows, version.added, version.quarantined, version.duplicates) == (150, 0, 0, 150)


def test_another_type_in_the_contract_reads_everything_anew(home: DataHome) -> None:
    home.write("a.csv", sales(0, 150, amount="{n}"))
    first = home.ingest(SALES)
    path = home.service.contracts / "sales.yaml"
    path.write_text(path.read_text().replace("integer", "number"))
    version = home.ingest(SALES)
    assert version.table != first.table
    assert (version.rows, version.added) == (150, 150)
    assert home.service.history(SALES)["amount"].dtype == pl.Float64
    assert home.service.history(SALES, 1)["amount"].dtype == pl.Int64


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no YAML"),
        ('{"dataset": "sales", "columns": {"id": {"type": "txt", "nullable": false}}}', "txt"),
        ('{"dataset": "other", "columns": {}}', "other"),
        ('{"dataset": "sales", "columns": {"id": {"type": "text", "nullable": false}}}', "sold_at"),
        ('{"dataset": "sales", "columns": {"id": {"type": "text", "nulable": false}}}', "nulable|nullable"),
    ],
)
def test_a_broken_contract_file_stops_the_ingest(home: DataHome, text: str, why: str) -> None:
    home.write("a.csv", sales(0, 10))
    home.service.contracts.mkdir(parents=True)
    (home.service.contracts / "sales.yaml").write_text(text)
    with pytest.raises(ContractFileError, match=why):
        home.ingest(SALES)
    assert home.kinds() == []


def test_a_deleted_contract_file_is_restored(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    home.ingest(SALES)
    path = home.service.contracts / "sales.yaml"
    text = path.read_text()
    path.unlink()
    home.ingest(SALES)
    assert path.read_text() == text


def test_a_contract_may_be_given(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    home.ingest(SALES)
    given = (home.service.contracts / "sales.yaml").read_text()
    with opened_data_home(home.place / "other") as other:
        other.service.contracts.mkdir(parents=True)
        (other.service.contracts / "sales.yaml").write_text(given)
        other.write("a.csv", sales(0, 10))
        other.ingest(SALES)
        assert other.kinds() == ["dataset.version.received", "contract.given", "dataset.version.accepted"]


def broken_source(home: DataHome) -> None:
    home.write("a.csv", sales(0, 100))
    home.ingest(SALES)
    home.write("b.csv", sales(100, 110) + sales(110, 120, amount="?{n}").partition("\n")[2])


def test_a_version_that_breaks_too_much_is_held_and_invisible(home: DataHome) -> None:
    broken_source(home)
    held = home.ingest(SALES)
    assert (held.state, held.added, held.quarantined) == (VersionState.HELD, 10, 10)
    assert home.kinds()[-1] == "dataset.version.held"
    assert home.service.history(SALES).height == 100
    with pytest.raises(VersionHeldError, match="10 of 20 rows"):
        home.service.history(SALES, 2)
    assert home.ingest(SALES) == held


def test_a_held_version_may_be_accepted_once(home: DataHome) -> None:
    broken_source(home)
    held = home.ingest(SALES)
    accepted = home.service.accept("sales", 2, cause=None)
    assert accepted.state is VersionState.ACCEPTED
    assert home.service.history(SALES).height == 110
    assert home.log.list()[-1].cause == held.event
    with pytest.raises(VersionStateError):
        home.service.accept("sales", 2, cause=None)
    with pytest.raises(VersionStateError):
        home.service.reject("sales", 1, cause=None)


def test_a_rejected_version_stays_rejected(home: DataHome) -> None:
    broken_source(home)
    home.ingest(SALES)
    home.service.reject("sales", 2, cause=None)
    assert home.ingest(SALES).number == 1
    assert home.service.history(SALES).height == 100
    home.write("c.csv", sales(120, 130))
    version = home.ingest(SALES)
    assert (version.number, version.rows) == (3, 110)


def test_a_mended_file_supersedes_the_held_version(home: DataHome) -> None:
    broken_source(home)
    home.ingest(SALES)
    home.write("b.csv", sales(100, 120))
    version = home.ingest(SALES)
    assert (version.number, version.state, version.rows) == (3, VersionState.ACCEPTED, 120)
    assert home.service.get("sales", 2).state is VersionState.REJECTED
    rejected = next(event for event in home.log.list() if event.type == "dataset.version.rejected")
    assert rejected.data["why"] == "superseded by version 3"
    arrivals = home.service.history(SALES)[ARRIVAL].to_list()
    assert all(before < after for before, after in pairwise(arrivals))


def test_new_files_are_judged_together_with_those_of_a_held_version(home: DataHome) -> None:
    broken_source(home)
    home.ingest(SALES)
    home.write("c.csv", sales(120, 330))
    version = home.ingest(SALES)
    assert (version.state, version.rows, version.quarantined, version.duplicates) == (VersionState.ACCEPTED, 320, 0, 10)
    with pytest.raises((VersionSupersededError, VersionStateError)):
        home.service.accept("sales", 2, cause=None)


def test_a_renamed_column_is_named(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    home.ingest(SALES)
    home.write("b.csv", sales(10, 20).replace("amount", "amounts"))
    before = home.kinds()
    with pytest.raises(UnknownColumnError, match=r"b\.csv .* no column 'amount'. Did you mean 'amounts'"):
        home.ingest(SALES)
    assert home.kinds() == before


def test_an_unexpected_column_is_said(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    home.ingest(SALES)
    home.write("b.csv", sales(10, 20).replace("\n", ",1\n").replace("shop,1", "shop,extra"))
    assert home.ingest(SALES).added == 10
    warned = next(event for event in home.log.list() if event.type == "contract.warned")
    assert warned.data["unexpected_columns"] == ["extra"]


def test_a_changed_declaration_starts_a_table_of_its_own(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    home.ingest(SALES)
    later = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="2h")
    version = home.ingest(later)
    assert (version.number, version.rows) == (2, 10)
    history = home.service.history(later)
    assert ((history[KNOWN_TIME] - history[EVENT_TIME]) == timedelta(hours=2)).all()


def test_lineage_leads_from_a_version_to_its_files_and_parents(home: DataHome) -> None:
    home.write("a.csv", sales(0, 10))
    first = home.ingest(SALES)
    home.write("b.csv", sales(10, 20))
    second = home.ingest(SALES)
    found = ancestors(home.service.lineage, "dataset/sales@2")
    assert Edge("dataset/sales@2", "dataset/sales@1", "extends") in found
    assert Edge("dataset/sales@2", f"file/{second.files[0].digest}", "read") in found
    assert Edge("dataset/sales@1", f"file/{first.files[0].digest}", "read") in found


def test_parquet_and_csv_files_of_one_source_agree(home: DataHome) -> None:
    home.write("a.csv", sales(0, 100))
    times = [START + timedelta(hours=n) for n in range(100, 120)]
    frame = pl.DataFrame({"id": [f"s{n}" for n in range(100, 120)], "sold_at": times, "amount": range(100, 120), "shop": ["a"] * 20})
    frame.with_columns(pl.col("sold_at").dt.cast_time_unit("ns"), pl.col("shop").cast(pl.Categorical)).write_parquet(
        home.source / "b.parquet"
    )
    version = home.ingest(SALES)
    assert (version.added, version.quarantined) == (120, 0)
    history = home.service.history(SALES)
    assert history["amount"].tail(2).to_list() == [118.0, 119.0]
    assert history[EVENT_TIME].to_list() == [START + timedelta(hours=n) for n in range(120)]


def test_the_profile_of_a_version_is_kept(home: DataHome) -> None:
    home.write("a.csv", sales(0, 101))
    home.ingest(SALES)
    profile = home.service.get_profile("sales", 1)
    assert profile["rows"] == 101
    assert profile["columns"]["amount"]["minimum"] == 0.5
    assert profile["columns"]["amount"]["quantiles"]["0.5"] == 50.5
    assert profile["columns"]["shop"]["top"] == [["a", 101]]


def test_what_was_never_ingested_is_not_found(home: DataHome) -> None:
    with pytest.raises(VersionNotFoundError, match="never ingested"):
        home.service.history(SALES)
    assert home.service.find_accepted("sales") is None
    assert home.service.quarantined("sales").is_empty()


def test_a_single_file_may_be_the_source(home: DataHome) -> None:
    home.write("only.csv", sales(0, 10))
    home.write("other.csv", "nonsense\n")
    single = Dataset("sales", files("data/only.csv"), key="id", event_time="sold_at")
    assert home.ingest(single).rows == 10


def test_every_error_of_a_source_leaves_nothing_behind(home: DataHome, tmp_path: Path) -> None:
    home.write("a.csv", sales(0, 10))
    (home.source / "b.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(FlyballError):
        home.ingest(SALES)
    assert home.kinds() == []
    assert home.service.list() == []
    assert not (tmp_path / "home" / "contracts").exists()


def test_files_of_one_source_may_differ_in_their_types(home: DataHome) -> None:
    columns = {"id": ["a", "b"], "sold_at": [START, START]}
    for name, values in {"a": [1, 2], "b": [1.5, 2.5], "c": [None, None], "d": [True, False], "e": ["7", "8"]}.items():
        keys = [f"{name}{row}" for row in (1, 2)]
        pl.DataFrame({**columns, "id": keys, "amount": values}).write_parquet(home.source / f"{name}.parquet")
    version = home.ingest(SALES)
    assert (version.added, version.quarantined) == (10, 0)
    assert home.service.history(SALES)["amount"].to_list() == ["1", "2", "1.5", "2.5", None, None, "true", "false", "7", "8"]


def test_a_column_called_reason_keeps_its_values(home: DataHome) -> None:
    home.write("a.csv", "id,sold_at,reason\n" + "".join(f"s{n},{(START + timedelta(hours=n)).isoformat()},why {n}\n" for n in range(3)))
    home.ingest(SALES)
    assert home.service.history(SALES)["reason"].to_list() == ["why 0", "why 1", "why 2"]
