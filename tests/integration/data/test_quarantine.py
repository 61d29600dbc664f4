"""Quarantined rows on real stores: listed, repaired, and re-admitted once, whoever asks and whoever is killed; rows in stay rows told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.errors import ConflictError, InvalidError, NotFoundError
from flyball.data import Dataset, files
from flyball.data.model import KNOWN_TIME, VersionState
from flyball.data.quarantine._sqlstore import SqlDecisions
from flyball.data.quarantine.model import Decision, Look, QuarantinedRow, RowState, Wanted, Word
from flyball.data.quarantine.service import Quarantine
from flyball.testing.data_home import DataHome, opened_data_home
from tests.mortal import Death, Killed, MortalTables

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")
ADA = Word("user:ada", "typing errors")


def fill(home: DataHome) -> None:
    rows = [f"s{n},2013-01-{1 + n % 28:02}T00:00Z,{n}.5,{'ab'[n % 2]}" for n in range(150)]
    home.write("a.csv", "\n".join(["id,sold_at,amount,shop", *rows, "s1,never,1,a", "s900,2013-01-01T00:00Z,lots,b", ""]))
    home.ingest(SALES)


def more(home: DataHome) -> None:
    rows = [f"t{n},2013-02-01T00:00Z,{n}.5,a" for n in range(40)]
    bad = ["t40,2013-02-01T00:00Z,=1+1,a", "t41,2013-02-01T00:00Z,,b", "s1,2013-01-02T00:00Z,77.5,b"]
    home.write("b.csv", "\n".join(["id,sold_at,amount,shop", *rows, *bad, ""]))
    home.ingest(SALES)


def quarantine(home: DataHome) -> Quarantine:
    clock = VirtualClock(datetime(2013, 6, 1, tzinfo=UTC))
    return Quarantine(data=home.service, decisions=SqlDecisions(home.database), clock=clock, root=home.place / "project")


def rows_of(found: Quarantine, **look: Any) -> Sequence[QuarantinedRow]:
    return found.list("sales", Look(**look)).rows


def balance(home: DataHome) -> tuple[int, int, int, int]:
    """Rows read by sources, rows in the dataset, rows that wait, duplicates: what was re-admitted stands where it stands now."""
    versions = home.service.list("sales")
    taken = sum(SqlDecisions(home.database).count("sales").get("sales", {}).values())
    sources = [version for version in versions if not any(file.name == "readmitted" for file in version.files)]
    read = sum(version.added + version.quarantined + version.duplicates for version in sources)
    stored = home.service.history(SALES).height
    waiting = quarantine(home).count_waiting(*home.service.versions.list_heads("sales"))
    repeated = sum(version.duplicates for version in versions)
    assert waiting == sum(version.quarantined for version in versions) - taken
    return read, stored, waiting, repeated


def check_balance(home: DataHome) -> None:
    read, stored, waiting, repeated = balance(home)
    assert read == stored + waiting + repeated


def test_rows_are_listed_newest_version_first_in_pages(home: DataHome) -> None:
    fill(home)
    more(home)
    found = quarantine(home)
    rows = rows_of(found)
    places = [(2, "b.csv", 41), (2, "b.csv", 42), (2, "b.csv", 43), (1, "a.csv", 151), (1, "a.csv", 152)]
    assert [(row.version, row.file, row.row) for row in rows] == places
    assert rows[0].reasons == ("amount is no number: =1+1",)
    assert rows[0].cells == {"id": "t40", "sold_at": "2013-02-01T00:00Z", "amount": "=1+1", "shop": "a"}
    pages, token = [], None
    while True:
        page = found.list("sales", Look(limit=2, token=token))
        pages.append([row.id for row in page.rows])
        token = page.next
        if token is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row for page in pages for row in page] == [row.id for row in rows]
    assert [row.id for row in rows_of(found, version=1)] == pages[1][1:] + pages[2]
    assert [row.id for row in found.get("sales", [rows[3].id, rows[0].id])] == [rows[3].id, rows[0].id]
    check_balance(home)


def test_a_repaired_row_is_taken_and_the_others_are_left(home: DataHome) -> None:
    fill(home)
    more(home)
    found = quarantine(home)
    formula, empty, past, never, lots = rows_of(found)
    repaired = found.repair(SALES, {formula.id: {"amount": 2}, lots.id: {"amount": "many"}}, word=ADA)
    assert [row.reasons for row in repaired] == [(), ("amount is no number: many",)]
    done = found.readmit(SALES, Wanted(), word=ADA)
    assert done.version is not None
    # The row that would have changed the past is a correction now: it is known from its re-admission on.
    assert (done.version.state, done.readmitted, done.duplicates) == (VersionState.ACCEPTED, 2, 0)
    assert {left.id: left.reasons for left in done.left} == {
        empty.id: ("amount is missing",), never.id: ("sold_at is no time: never",), lots.id: ("amount is no number: many",),
    }  # fmt: skip
    history = home.service.history(SALES)
    taken = history.filter(id="t40")
    assert (taken["amount"].item(), taken[KNOWN_TIME].item()) == (2.0, found.clock.now())
    assert history.filter(id="s1").sort(KNOWN_TIME)["amount"].to_list() == [1.5, 77.5]
    assert done.version.files[0].name == "readmitted"
    states = {row.id: row.state for row in rows_of(found)}
    assert states == {formula.id: "readmitted", empty.id: "waiting", past.id: "readmitted", never.id: "waiting", lots.id: "repaired"}
    decision = rows_of(found)[0].decision
    assert decision is not None
    assert (decision.readmitted, decision.why, decision.actor) == (3, "typing errors", "user:ada")
    assert decision.cells == {**formula.cells, "amount": 2}
    assert home.kinds()[-4:] == ["readmission.asked", "dataset.version.received", "dataset.version.accepted", "rows.readmitted"]
    check_balance(home)


def test_a_row_is_taken_once_however_often_it_is_asked_for(home: DataHome) -> None:
    fill(home)
    found = quarantine(home)
    never, lots = rows_of(found)
    found.repair(SALES, {lots.id: {"amount": 9}, never.id: {"sold_at": "2013-01-05", "id": "s901"}}, word=ADA)
    first = found.readmit(SALES, Wanted(ids=[lots.id]), word=ADA)
    again = found.readmit(SALES, Wanted(ids=[lots.id]), word=ADA)
    assert (first.readmitted, again.readmitted, again.version, again.left) == (1, 0, None, [])
    with pytest.raises(ConflictError, match="re-admitted into version 2"):
        found.repair(SALES, {lots.id: {"amount": 8}}, word=ADA)
    assert found.readmit(SALES, Wanted(), word=ADA).readmitted == 1
    assert found.count_waiting(*home.service.versions.list_heads("sales")) == 0
    assert home.service.history(SALES).height == 152
    check_balance(home)


def test_a_repaired_row_that_equals_a_stored_one_is_a_duplicate(home: DataHome) -> None:
    fill(home)
    found = quarantine(home)
    never, _ = rows_of(found)
    found.repair(SALES, {never.id: {"sold_at": "2013-01-02", "amount": 1.5, "shop": "b"}}, word=ADA)
    done = found.readmit(SALES, Wanted(ids=[never.id]), word=ADA)
    assert (done.readmitted, done.duplicates, done.left) == (0, 1, [])
    assert rows_of(found, state=RowState.READMITTED)[0].id == never.id
    check_balance(home)


def test_what_is_known_as_declared_never_changes_the_past(home: DataHome) -> None:
    fill(home)
    more(home)
    found = quarantine(home)
    formula, _, past, *_ = rows_of(found)
    found.repair(SALES, {formula.id: {"amount": 2}}, word=ADA)
    done = found.readmit(SALES, Wanted(ids=[formula.id, past.id], as_declared=True), word=ADA)
    assert (done.readmitted, [left.id for left in done.left]) == (1, [past.id])
    assert str(home.service.history(SALES).filter(id="t40")[KNOWN_TIME].item()) == "2013-02-01 01:00:00+00:00"
    assert found.get("sales", [past.id])[0].state is RowState.WAITING


def test_twice_at_once_is_once(home: DataHome) -> None:
    fill(home)
    found = quarantine(home)
    found.repair(SALES, {rows_of(found)[1].id: {"amount": 9}}, word=ADA)
    done, barrier = [], threading.Barrier(4)

    def ask() -> None:
        with opened_data_home(home.place) as mine:
            service = replace(quarantine(home), data=mine.service, decisions=SqlDecisions(mine.database))
            barrier.wait(60)
            done.append(service.readmit(SALES, Wanted(), word=ADA).readmitted)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [0, 0, 0, 1]
    assert home.service.history(SALES).filter(id="s900").height == 1
    check_balance(home)


@dataclass
class MortalDecisions:
    """A store of decisions of the same kind."""

    real: SqlDecisions
    death: Death

    def set(self, dataset: str, decisions: Sequence[Decision]) -> None:
        self.death.near()
        self.real.set(dataset, decisions)
        self.death.near()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@dataclass
class MortalBlobs:
    """A blob store of the same kind."""

    real: Any
    death: Death

    def put(self, data: bytes) -> Any:
        self.death.near()
        digest = self.real.put(data)
        self.death.near()
        return digest

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def mortal(home: DataHome, death: Death) -> Quarantine:
    tables: Any = MortalTables(home.service.tables, death)
    data = replace(home.service, tables=tables, blobs=MortalBlobs(home.service.blobs, death))
    return replace(quarantine(home), data=data, decisions=MortalDecisions(SqlDecisions(home.database), death))


def readmit_all(place: Path, death: Death) -> None:
    with opened_data_home(place) as home:
        if not home.service.list("sales"):
            fill(home)
            more(home)
            found = quarantine(home)
            found.repair(SALES, {rows_of(found)[0].id: {"amount": 2}, rows_of(found)[4].id: {"amount": 3}}, word=ADA)
        mortal(home, death).readmit(SALES, Wanted(), word=ADA)


def outcome(place: Path) -> Any:
    with opened_data_home(place) as home:
        check_balance(home)
        history = home.service.history(SALES).sort("id", "amount").select("id", "amount", "shop").rows()
        return history, [(row.id, row.state, row.current) for row in rows_of(quarantine(home))]


def test_a_killed_readmission_is_made_good_by_the_next(tmp_path: Path) -> None:
    death = Death(0)
    readmit_all(tmp_path / "undisturbed", death)
    expected = outcome(tmp_path / "undisturbed")
    assert death.writes >= 8
    for at in range(1, death.writes + 1):
        place = tmp_path / str(at)
        with pytest.raises(Killed):
            readmit_all(place, Death(at))
        readmit_all(place, Death(0))
        assert outcome(place) == expected, at


def test_a_held_version_is_decided_on_first(home: DataHome) -> None:
    fill(home)
    home.write("b.csv", "id,sold_at,amount,shop\n" + "".join(f"t{n},2013-02-01T00:00Z,x,a\n" for n in range(5)))
    assert home.ingest(SALES).state is VersionState.HELD
    found = quarantine(home)
    with pytest.raises(ConflictError, match="flyball release sales@2"):
        found.readmit(SALES, Wanted(), word=ADA)
    home.service.reject("sales", 2, cause=None)
    assert found.readmit(SALES, Wanted(version=2), word=ADA).left[0].reasons == ("amount is no number: x",)


def test_rows_of_a_rejected_version_wait_again(home: DataHome) -> None:
    fill(home)
    found = quarantine(home)
    lots = rows_of(found)[1]
    found.repair(SALES, {lots.id: {"amount": 9}}, word=ADA)
    version = found.readmit(SALES, Wanted(), word=ADA).version
    assert version is not None
    with home.database.write() as connection:
        connection.exec_driver_sql("UPDATE dataset_versions SET state = 'rejected' WHERE number = 2")
    assert found.get("sales", [lots.id])[0].state is RowState.REPAIRED
    assert found.count_waiting(*home.service.versions.list_heads("sales")) == 2
    again = found.readmit(SALES, Wanted(), word=ADA)
    assert (again.readmitted, again.version and again.version.number) == (1, 3)


def test_rows_that_were_pushed_are_readmitted_too(home: DataHome) -> None:
    fill(home)
    found = quarantine(home)
    with home.live() as live:
        rows: list[dict[str, Any]] = [
            {"id": "p1", "sold_at": "2013-06-01T00:00:00Z", "amount": "12.5", "shop": "a"},
            {"id": "p2", "amount": {"deep": 1}},
        ]
        live.accept(SALES, rows, key=None, at=found.clock.now())
        live.apply(SALES)
        p2 = rows_of(found, version=2)[1]
        assert p2.cells["amount"] == {"deep": 1}
        done = found.readmit(SALES, Wanted(version=2), word=ADA)
        assert (done.readmitted, [left.id for left in done.left]) == (1, [p2.id])
        live.accept(SALES, [{**rows[0], "id": "p3", "amount": 1.0}], key=None, at=found.clock.now())
        version = live.apply(SALES)
    assert version is not None
    assert home.service.history(SALES).filter(id="p1")["amount"].item() == 12.5
    assert home.service.history(SALES).height == 152


UNKNOWN = ["", "x", "1-1-" + "0" * 12, "9-1-abc", "1-" + "9" * 30 + "-x", "1-151", "../../etc", "'; DROP TABLE events;--"]


@pytest.mark.parametrize("row", UNKNOWN)
def test_an_unknown_row_is_named(home: DataHome, row: str) -> None:
    fill(home)
    found = quarantine(home)
    with pytest.raises(NotFoundError, match="flyball quarantine list sales"):
        found.repair(SALES, {row: {}}, word=ADA)
    with pytest.raises(NotFoundError, match="flyball quarantine list sales"):
        found.readmit(SALES, Wanted(ids=[row]), word=ADA)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"amonut": 1}, "Did you mean 'amount'"),
        ({"amount": [1]}, "neither a text"),
        ({"amount": float("nan")}, "finite"),
        ({"shop": "x" * (2 << 20)}, "characters"),
    ],
    ids=["misspelt", "nested", "nan", "huge"],
)
def test_cells_that_no_row_can_have_change_nothing(home: DataHome, cells: dict[str, Any], why: str) -> None:
    fill(home)
    found = quarantine(home)
    never, lots = rows_of(found)
    before = home.kinds()
    with pytest.raises(InvalidError, match=why):
        found.repair(SALES, {never.id: {"sold_at": "2013-01-01"}, lots.id: cells}, word=ADA)
    assert {row.state for row in rows_of(found)} == {RowState.WAITING}
    assert home.kinds() == before


@pytest.mark.parametrize("token", ["x", "!!", "W10", "WzEsMiwzXQ", "e30", "WzEsImEiLC0xXQ", "é"])
def test_a_foreign_token_is_refused(home: DataHome, token: str) -> None:
    fill(home)
    with pytest.raises(InvalidError, match="no page's token"):
        quarantine(home).list("sales", Look(token=token))


def test_a_dataset_without_versions_has_an_empty_quarantine(home: DataHome) -> None:
    found = quarantine(home)
    assert found.list("sales", Look()).rows == []
    with pytest.raises(ConflictError, match="flyball ingest sales"):
        found.readmit(SALES, Wanted(), word=ADA)
