"""Rows of every form are kept alike, and a dataset that has no files begins with the first of them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from flyball.data import Dataset, files
from flyball.data.bodies import Body, Form
from flyball.data.contracts.model import Column
from flyball.data.declared.streams import push
from flyball.data.errors import EventTimeError, NotIngestedError, PushConflictError, RowsError, UnknownColumnError
from flyball.data.model import ARRIVAL, KNOWN_TIME
from flyball.data.pusherrors import BrokenBodyError
from flyball.data.rowjournal import Pushed
from flyball.data.values import ColumnType
from flyball.storage._localjournal import LocalJournal
from flyball.testing.data_home import DataHome

READINGS = Dataset("readings", push(), key="id", event_time="at")
START = datetime(2025, 3, 1, tzinfo=UTC)


def rows(first: int, count: int = 3) -> list[dict[str, Any]]:
    return [
        {"id": f"r{n}", "at": (START + timedelta(minutes=n)).isoformat(), "value": n + 0.25, "count": n, "ok": n % 2 == 0, "note": "é"}
        for n in range(first, first + count)
    ]


def body(form: Form, found: list[dict[str, Any]]) -> Body:
    match form:
        case Form.JSON:
            return Body(form, json.dumps({"rows": found}).encode())
        case Form.NDJSON:
            return Body(form, "\n".join(json.dumps(row) for row in found).encode() + b"\n")
        case Form.ARROW:
            frame = pl.DataFrame(found)
            if frame["at"].dtype == pl.String:
                frame = frame.with_columns(pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_zone="UTC"))
            place = io.BytesIO()
            frame.write_ipc_stream(place)
            return Body(form, place.getvalue())
        case Form.CSV:
            return Body(form, pl.DataFrame(found).write_csv().encode())


def begun(home: DataHome) -> DataHome:
    with home.live() as live:
        live.accept(READINGS, body(Form.ARROW, rows(0, 200)), key=None, at=START)
        live.apply(READINGS)
    return home


@pytest.mark.parametrize("form", Form)
def test_a_dataset_begins_with_the_first_rows_that_are_pushed(home: DataHome, form: Form) -> None:
    with home.live() as live:
        answer = live.accept(READINGS, body(form, rows(0, 150)), key=None, at=START)
        assert (answer.accepted, answer.quarantined, answer.unexpected) == (150, (), ())
        version = live.apply(READINGS)
    assert version is not None
    assert (version.number, version.rows, home.service.get("readings", 1).rows) == (2, 150, 0)
    types = {name: column.type for name, column in home.service.get_contract(READINGS, 1).columns.items()}
    assert types == {
        "id": ColumnType.TEXT, "at": ColumnType.TIME, "value": ColumnType.NUMBER, "count": ColumnType.INTEGER,
        "ok": ColumnType.BOOLEAN, "note": ColumnType.TEXT,
    }  # fmt: skip
    assert "contract.inferred" in home.kinds()
    assert (home.place / "home" / "contracts" / "readings.yaml").is_file()


@pytest.mark.parametrize("form", Form)
def test_rows_of_every_form_mean_the_same(home: DataHome, form: Form) -> None:
    broken = {**rows(203, 1)[0], "value": None if form is Form.ARROW else "x"}
    with begun(home).live() as live:
        answer = live.accept(READINGS, body(form, [*rows(200), broken]), key=form.name, at=START)
        assert answer.accepted == 3
        assert [aside["row"] for aside in answer.quarantined] == [4]
        live.apply(READINGS)
    found = home.service.history(READINGS).filter(pl.col(ARRIVAL) >= 200)
    expected = [(row["id"], row["value"], row["count"], row["ok"], row["note"], datetime.fromisoformat(row["at"])) for row in rows(200)]
    assert found.select("id", "value", "count", "ok", "note", "at").rows() == expected
    assert found[KNOWN_TIME].to_list() == [datetime.fromisoformat(row["at"]) for row in rows(200)]
    assert json.loads(home.service.quarantined("readings")["raw"].item())["id"] == "r203"


@pytest.mark.parametrize("form", Form)
def test_a_key_is_remembered_in_every_form_and_after_a_restart(home: DataHome, form: Form) -> None:
    sent = body(form, rows(200))
    with begun(home).live() as live:
        first = live.accept(READINGS, sent, key="k", at=START)
    for apply in (False, True, True):
        with home.live() as live:
            again = live.accept(READINGS, sent, key="k", at=START + timedelta(hours=1))
            assert (again.duplicate, again.position, again.accepted) == (True, first.position, 3)
            with pytest.raises(PushConflictError):
                live.accept(READINGS, body(form, rows(300)), key="k", at=START)
            if apply:
                live.apply(READINGS)
    assert home.service.history(READINGS).height == 203


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (Form.JSON, b"{"),
        (Form.JSON, b'{"rows": [{"id": "\xff"}]}'),
        (Form.NDJSON, b'{"id": 1}\n{'),
        (Form.ARROW, b"ARROW1"),
        (Form.ARROW, b"\xff\xff\xff\xff\x10\x00\x00\x00"),
        (Form.CSV, b"id,at\n\xff,1\n"),
        (Form.CSV, b"id,at\na,b,c\n"),
    ],
    ids=["json", "json no utf-8", "ndjson", "no arrow", "arrow cut", "csv no utf-8", "csv ragged"],
)
def test_a_body_that_is_not_what_it_says_is_refused_as_a_whole(home: DataHome, form: Form, content: bytes) -> None:
    with begun(home).live() as live:
        with pytest.raises(BrokenBodyError):
            live.accept(READINGS, Body(form, content), key=None, at=START)
        assert live.pending(READINGS) == 0


@pytest.mark.parametrize("content", [b"", b"\n", b"id,at\n"])
def test_csv_without_rows_is_refused(home: DataHome, content: bytes) -> None:
    with begun(home).live() as live, pytest.raises(RowsError):
        live.accept(READINGS, Body(Form.CSV, content), key=None, at=START)


def test_what_a_first_push_must_have_is_asked_for(home: DataHome) -> None:
    with home.live() as live:
        with pytest.raises(UnknownColumnError, match="'id'"):
            live.accept(READINGS, [{"at": "2025-03-01T00:00Z"}], key=None, at=START)
        with pytest.raises(EventTimeError):
            live.accept(READINGS, [{"id": 1, "at": "soon"}], key=None, at=START)
        assert (live.pending(READINGS), home.service.list("readings")) == (0, [])


def test_what_json_calls_a_text_stays_one_and_few_whole_numbers_promise_little(home: DataHome) -> None:
    with home.live() as live:
        first = {"id": "007", "at": "2025-03-01T00:00Z", "code": "12", "value": 3, "tags": ["a"], "nothing": None}
        answer = live.accept(READINGS, [first], key=None, at=START)
        assert (answer.accepted, answer.unexpected) == (1, ("tags",))
        assert live.accept(READINGS, [{**first, "id": "8", "value": 3.5}], key=None, at=START).accepted == 1
    columns = home.service.get_contract(READINGS, 1).columns
    assert {name: column.type for name, column in columns.items() if name != "at"} == {
        "id": ColumnType.TEXT, "code": ColumnType.TEXT, "value": ColumnType.NUMBER, "nothing": ColumnType.TEXT,
    }  # fmt: skip
    assert columns["nothing"] == Column(type=ColumnType.TEXT, nullable=True)


def test_rows_that_wait_while_the_contract_becomes_another_are_judged_by_the_new_one(home: DataHome) -> None:
    sales = Dataset("sales", files("data"), key="id", event_time="at")
    lines = [f"s{n},{(START + timedelta(hours=n)).isoformat()},{n}" for n in range(200)]
    home.write("a.csv", "\n".join(["id,at,amount", *lines, ""]))
    home.ingest(sales)
    contract = home.place / "home" / "contracts" / "sales.yaml"
    with home.live() as live:
        sent = [{"id": f"p{n}", "at": "2025-04-01T00:00Z", "amount": amount} for n, amount in enumerate([7, 2.5, 9000, "x"])]
        assert live.accept(sales, sent, key=None, at=START).accepted == 2
        contract.write_text(contract.read_text().replace("type: integer", "type: number"))
        home.write("b.csv", "id,at,amount\ns900,2025-05-01T00:00Z,3.5\n")
        home.ingest(sales)
        version = live.apply(sales)
    assert version is not None
    assert (version.added, version.quarantined) == (3, 1)
    assert home.service.history(sales).tail(3).select("id", "amount").rows() == [("p0", 7.0), ("p2", 9000.0), ("p1", 2.5)]


def test_entries_of_an_older_release_are_applied(home: DataHome) -> None:
    begun(home)
    old = {
        "at": START.isoformat(), "key": "old", "digest": "d", "accepted": 2, "quarantined": [[3, "value is no number: x"]],
        "unexpected": [],
        "rows": [*rows(500, 2), {**rows(502, 1)[0], "value": "x"}],
    }  # fmt: skip
    journal = LocalJournal.write(home.place / "home" / "journal" / "rows" / "readings")
    journal.append(json.dumps(old).encode())
    journal.close()
    with home.live() as live:
        version = live.apply(READINGS)
        assert version is not None
        assert (version.added, version.quarantined) == (2, 1)
    assert Pushed(at=START, key=None, digest="d", accepted=0).answer(1) is None


def test_a_dataset_of_files_still_waits_for_its_first_file(home: DataHome) -> None:
    with home.live() as live, pytest.raises(NotIngestedError):
        live.accept(Dataset("sales", files("data"), key="id", event_time="at"), body(Form.CSV, rows(0)), key=None, at=START)
