"""Predictions of other systems: taken once, whatever is sent how often, and whoever dies in between."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.postbox import REMEMBERED, Memory, Postbox
from flyball.app.predictionlog import open_log
from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.core.ids import DerivedIds
from flyball.data.bodies import Body, Form
from flyball.data.errors import RowsError
from flyball.data.pusherrors import BrokenBodyError
from flyball.serving._sqlposted import SqlPosted
from flyball.serving.hiding import Hiding
from flyball.serving.log import PredictionLog
from flyball.serving.logspec import LogPlan
from flyball.serving.posted import Known, PostedError
from flyball.storage._delta import DeltaTables
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import DiskFullError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEATURES = {"trips.line": "String", "trips.distance": "Float64", "sky.wind": "Float64", "calendar.hour": "Int8"}
INPUTS = {"trip_id": "String", "line": "String", "distance": "Float64", "leaves_at": str(pl.Datetime("us", "UTC")), "email": "String"}
KNOWN = Known("late", "binary", "trips", ("trip_id",), 3, INPUTS, FEATURES, LogPlan(hash=("email",)))


def known(endpoint: str) -> Known:
    if endpoint != "late":
        raise UnknownNameError("endpoint", endpoint, known=["late"])
    return KNOWN


def record(number: int, **given: Any) -> dict[str, Any]:
    found = {
        "id": f"x-{number}", "endpoint": "late", "time": "2026-03-01T10:00:00Z", "key": f"t{number}", "score": 0.75,
        "inputs": {"trip_id": f"t{number}", "line": "L1", "distance": 12, "email": "ada@example.org"}, "features": {"sky.wind": 3.5},
        "latency_seconds": 0.01, "trace": "ab" * 16, "caller": "shop",
    }  # fmt: skip
    return {**found, **given}


def as_json(*records: Any) -> Body:
    return Body(Form.JSON, json.dumps({"predictions": records}).encode())


class Office:
    """A home with a postbox and the log that reads it."""

    def __init__(self, place: Path) -> None:
        self.place, self.clock = place, VirtualClock(NOON)
        self.stores = Stores.open(place, clock=self.clock, ids=DerivedIds(0))
        self.tables = DeltaTables(place / "tables")
        self.box, self.log = self.another()

    def another(self, marks: type[SqlPosted] = SqlPosted) -> tuple[Postbox, PredictionLog]:
        stores = self.stores
        memory = Memory(marks(stores.database), stores.positions, stores.journal.transactions)
        box = Postbox(self.place, memory, known=known, hiding=Hiding(lambda: b"k" * 32), clock=self.clock)
        return box, open_log(self.place, self.tables, stores=stores)

    def rows(self) -> pl.DataFrame:
        self.log.drain()
        return self.log.read("late", NOON - timedelta(days=1), end=NOON)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    yield found
    found.box.close()
    found.stores.close()


def test_a_record_is_in_the_log_with_all_that_was_said(office: Office) -> None:
    assert office.box.take(as_json(record(1))) == {"accepted": 1, "duplicates": 0, "refused": [], "refused_records": 0}
    row = office.rows().row(0, named=True)
    assert (row["id"], row["key"], row["model"], row["version"], row["route"]) == ("x-1", "t1", "late", 3, "external")
    assert (row["score"], row["prediction"], row["seconds"], row["trace"], row["caller"]) == (0.75, 1.0, 0.01, "ab" * 16, "shop")
    assert (row["request.line"], row["request.distance"]) == ("L1", 12.0)
    assert row["request.email"] != "ada@example.org"
    assert (row["feature.trips.line"], row["feature.trips.distance"], row["feature.sky.wind"]) == ("L1", 12.0, 3.5)
    assert row["feature.calendar.hour"] is None
    raw = b"".join(path.read_bytes() for path in (office.place / "journal" / "records").iterdir() if path.is_file())
    assert b"ada@" not in raw


def test_what_is_sent_again_counts_once_also_after_a_restart_and_within_one_body(office: Office) -> None:
    assert office.box.take(as_json(record(1), record(2), record(1)))["duplicates"] == 1
    office.log.ship()
    office.box.close()
    office.box, office.log = office.another()
    found = office.box.take(as_json(record(2), record(3)))
    assert (found["accepted"], found["duplicates"]) == (1, 1)
    assert sorted(office.rows()["id"]) == ["x-1", "x-2", "x-3"]


class Dying(SqlPosted):
    """Marks that are never written: its process is killed first."""

    def add(self, marks: Collection[str], taken: datetime) -> None:
        del marks, taken
        raise KeyboardInterrupt


def test_who_was_killed_before_ids_were_remembered_remembers_them_afterwards(office: Office) -> None:
    office.box.take(as_json(record(1)))
    office.box.close()
    office.box, _ = office.another(Dying)
    with pytest.raises(KeyboardInterrupt):
        office.box.take(as_json(record(2)))
    office.box.close()
    office.box, office.log = office.another()
    office.box.open()
    office.log.ship()
    assert office.box.take(as_json(record(1), record(2)))["duplicates"] == 2
    assert sorted(office.rows()["id"]) == ["x-1", "x-2"]


class Hesitant(SqlPosted):
    """The database cannot be written for a moment, after the records were journalled."""

    failures = 1

    def add(self, marks: Collection[str], taken: datetime) -> None:
        if self.failures:
            self.failures -= 1
            raise DiskFullError(Path("database"))
        super().add(marks, taken)


def test_what_was_shipped_before_its_ids_were_remembered_counts_once_when_it_is_sent_again(office: Office) -> None:
    office.box, office.log = office.another(Hesitant)
    with pytest.raises(DiskFullError):
        office.box.take(as_json(record(1)))
    office.log.ship()  # and is acknowledged
    assert office.box.take(as_json(record(1), record(2))) == {"accepted": 1, "duplicates": 1, "refused": [], "refused_records": 0}
    assert sorted(office.rows()["id"]) == ["x-1", "x-2"]


def test_a_damaged_journal_takes_what_comes_after(office: Office) -> None:
    office.box.take(as_json(record(1)))
    office.box.close()
    (first,) = (office.place / "journal" / "records").glob("SEGMENT-*.log")
    journal = LocalJournal.write(first.parent, segment_bytes=1)  # what comes now goes into segments of its own
    (entry,) = journal.read_after(0)
    journal.append(entry.payload)
    journal.append(entry.payload)
    journal.close()
    second = sorted(first.parent.glob("SEGMENT-*.log"))[1]
    second.write_bytes(second.read_bytes()[:-5])
    office.box, office.log = office.another()
    office.box.open()
    assert office.box.take(as_json(record(1), record(2))) == {"accepted": 1, "duplicates": 1, "refused": [], "refused_records": 0}


def test_ndjson_and_arrow_say_the_same(office: Office) -> None:
    lines = b"\n".join(json.dumps(record(number)).encode() for number in range(3)) + b"\n\n"
    assert office.box.take(Body(Form.NDJSON, lines))["accepted"] == 3
    flat = {
        "id": ["a", "b"],
        "endpoint": ["late"] * 2,
        "time": [NOON - timedelta(hours=1)] * 2,
        "score": [0.1, None],
        "error": [None, "it raised"],
    }
    frame = pl.DataFrame({**flat, "input.trip_id": ["t8", "t9"], "feature.sky.wind": [1.5, None]})
    stream = io.BytesIO()
    frame.write_ipc_stream(stream)
    assert office.box.take(Body(Form.ARROW, stream.getvalue()))["accepted"] == 2
    found = {row["id"]: row for row in office.rows().iter_rows(named=True)}
    assert (found["a"]["key"], found["a"]["feature.sky.wind"], found["b"]["error"]) == ("t8", 1.5, "it raised")
    assert len(found) == 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": ""}, "id"),
        ({"endpoint": "lat"}, "late"),
        ({"time": "2026-03-01T10:00:00"}, "time"),
        ({"time": 7}, "time"),
        ({"version": 0}, "version"),
        ({"score": "high"}, "score"),
        ({"score": None}, "neither"),
        ({"inputs": {"lien": "L1"}}, "Did you mean 'line'"),
        ({"inputs": {"distance": "far"}}, "distance"),
        ({"inputs": {"line": {"deep": 1}}}, "inputs"),
        ({"features": {"sky.wnd": 1}}, "Did you mean 'sky.wind'"),
        ({"features": {"calendar.hour": 1000}}, "calendar.hour"),
        ({"key": ["a", "b"]}, "2 parts"),
        ({"colour": "red"}, "colour"),
    ],
    ids=[
        "empty-id", "endpoint", "no-zone", "number", "version", "text", "nothing", "column", "value", "nested", "feature", "large", "key",
        "field",
    ],
)  # fmt: skip
def test_a_wrong_record_is_refused_with_the_reason_and_costs_no_other_its_place(office: Office, wrong: dict[str, Any], said: str) -> None:
    found = office.box.take(as_json(record(1), record(2, **wrong), record(3)))
    assert (found["accepted"], found["refused_records"], found["refused"][0]["record"]) == (2, 1, 2)
    assert said in found["refused"][0]["reason"]
    with pytest.raises(PostedError, match="None of 1 records"):
        office.box.take(as_json(record(4, **wrong)))
    assert sorted(office.rows()["id"]) == ["x-1", "x-3"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (Body(Form.JSON, b"["), BrokenBodyError),
        (Body(Form.JSON, b"[]"), BrokenBodyError),
        (Body(Form.JSON, b'{"predictions": [], "more": 1}'), BrokenBodyError),
        (Body(Form.JSON, b"\xff\xfe"), BrokenBodyError),
        (Body(Form.JSON, b'{"predictions": []}'), RowsError),
        (Body(Form.NDJSON, b"\n\n"), RowsError),
        (Body(Form.NDJSON, b"rubbish"), PostedError),
        (Body(Form.NDJSON, b"[1]\n" * 10_001), RowsError),
        (Body(Form.ARROW, b"rubbish"), BrokenBodyError),
        (Body(Form.CSV, b"id\n1"), BrokenBodyError),
    ],
    ids=["torn", "list", "more", "bytes", "none", "empty-lines", "no-record", "many", "no-arrow", "csv"],
)
def test_a_body_that_is_none_leaves_everything_as_it_was(office: Office, body: Body, error: type[FlyballError]) -> None:
    with pytest.raises(error):
        office.box.take(body)
    assert office.rows().is_empty()


def test_a_class_that_a_model_of_others_said_is_kept_as_it_is(office: Office) -> None:
    office.box.take(as_json(record(1, score=None, prediction="red")))
    assert office.rows()["answer.prediction"].to_list() == ["red"]


def test_the_same_records_at_once_from_many_count_once(office: Office) -> None:
    bodies = [as_json(*(record(number) for number in range(20))) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(office.box.take, bodies))
    assert sum(found["accepted"] for found in taken) == 20
    assert office.rows().height == 20


def test_ids_are_forgotten_after_their_time(office: Office) -> None:
    office.box.take(as_json(record(1)))
    office.clock.advance_to(NOON + REMEMBERED / 2)
    office.box.take(as_json(record(2)))
    assert office.box.forget() == 0
    office.clock.advance_to(NOON + REMEMBERED + timedelta(seconds=1))
    assert office.box.forget() == 1
    assert office.box.take(as_json(record(2)))["duplicates"] == 1
