"""A caller who had more answers in a day than a quota expects is told of, once a day."""

from __future__ import annotations

from datetime import timedelta

from flyball.app.volumes import DAY, Volumes
from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
from flyball.loop.trace import describe
from flyball.serving.record import Answered
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.events import EventQuery
from flyball.storage.recorder import Recorder
from tests.integration.serving.conftest import START, LogHome, make


def asked(first: int, rows: int, *, by: str | None, minute: int = 0) -> Answered:
    return make(range(first, first + rows), minute=minute, callers=[by] * rows)


def test_a_caller_of_many_rows_is_told_of_once_a_day(home: LogHome) -> None:
    events, clock = SqlEventLog(home.database), VirtualClock(START + timedelta(hours=1))
    volumes = Volumes({"late": 100, "other": 1}, home.log, clock, Recorder(events, clock=clock, ids=DerivedIds(0)))
    home.write(asked(0, 60, by="ci"), asked(100, 100, by="night"), asked(300, 500, by=None))
    home.log.drain()
    assert volumes.run() == 0
    home.write(make(range(5000, 6000), minute=1, callers=["ci"] * 1000, route="batch"))  # a batch that was scored
    home.write(asked(1000, 60, by="ci", minute=30))
    home.log.drain()
    assert volumes.run() == 1
    assert volumes.run() == 0, "it was told"
    (event,) = events.list(EventQuery(type="volume.exceeded"))
    assert (event.subject, dict(event.data)["caller"], dict(event.data)["rows"]) == ("endpoint/late", "ci", 120)
    assert "'ci' was answered 120 rows within 24 hours; 100 are expected at most" in describe(event)
    clock.advance_to(START + DAY + timedelta(minutes=45))
    assert volumes.run() == 0, "those rows were more than a day ago"
    home.write(asked(2000, 200, by="ci", minute=24 * 60 + 40))
    home.log.drain()
    clock.advance_to(START + DAY + timedelta(hours=2))
    assert volumes.run() == 1
