"""Events get their ids from what they are, so that a run that goes on after a crash is the run that never crashed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds, EventId, RandomIds
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder

_START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "home.db")
    yield database
    database.close()


def _recorder(database: Database) -> Recorder:
    return Recorder(SqlEventLog(database), clock=VirtualClock(_START), ids=DerivedIds(0), actor="loop")


def test_an_event_carries_time_actor_and_cause(database: Database) -> None:
    first = _recorder(database).record("dataset.ingested", "dataset/flights", data={"rows": 3})
    second = _recorder(database).record("run.started", "run/1", cause=first.id)
    assert (first.time, first.actor, first.cause, second.cause) == (_START, "loop", None, first.id)
    assert SqlEventLog(database).list() == [first, second]


def test_the_same_facts_twice_are_two_events(database: Database) -> None:
    recorder = _recorder(database)
    assert recorder.record("a.b", "s").id != recorder.record("a.b", "s").id
    assert recorder.record("a.b", "s", cause=EventId("x")).id != recorder.record("a.b", "s", cause=EventId("y")).id


def test_a_recorder_made_anew_goes_on_where_the_old_one_stood(tmp_path: Path) -> None:
    def record(path: Path, *, anew: bool) -> list[str]:
        database = Database.open(path)
        recorder = _recorder(database)
        ids = []
        for _ in range(3):
            recorder = _recorder(database) if anew else recorder
            ids.append(recorder.record("a.b", "s", cause=EventId("why")).id)
        database.close()
        return [str(event) for event in ids]

    assert record(tmp_path / "one.db", anew=False) == record(tmp_path / "other.db", anew=True)


def test_what_was_taken_back_leaves_no_trace_in_the_ids(database: Database) -> None:
    recorder = _recorder(database)

    def fail() -> None:
        with database.write():
            lost.append(recorder.record("a.b", "s").id)
            raise ZeroDivisionError

    lost: list[EventId] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert recorder.record("a.b", "s").id == lost[0]


def test_live_ids_need_no_order(database: Database) -> None:
    recorder = Recorder(SqlEventLog(database), clock=VirtualClock(_START), ids=RandomIds())
    assert len({recorder.record("a.b", "s").id for _ in range(5)}) == 5
