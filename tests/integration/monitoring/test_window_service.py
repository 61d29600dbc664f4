"""A window's state and the event that tells of it are one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds, EventId
from flyball.monitoring import DriftReport, DropReport, Performance, QualityReport, SeriesDrift, Window, WindowService, WindowState
from flyball.monitoring._sqlstore import SqlWindowStore
from flyball.monitoring.errors import IllegalWindowMoveError, WindowNotFoundError
from flyball.registry import Estimate
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from tests.databases import Databases, opened

START = datetime(2013, 3, 7, tzinfo=UTC)
WEEK = timedelta(days=7)
WHY = EventId("evt-why")
OPEN = Window("late", START, START + WEEK)
DRIFT = DriftReport(
    6000,
    (SeriesDrift("a", 0.5, 0.1, 0.3, alarmed=True), SeriesDrift("b", 0.1, 0.1, 0.3)),
    3.0,
    2.5,
    alarmed=True,
    provisional=True,
    why="far.",
)
CLOSED = OPEN.closed(6000, 10, drift=DRIFT, quality=QualityReport(6000, (), ("a is null.",)))
FOUND = {"roc_auc": Performance("roc_auc", 5900, Estimate(0.7, 0.68, 0.72, 5900)), "r2": Performance("r2", 0, None, "no rows")}


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with opened(databases, tmp_path) as database:
        yield database


@pytest.fixture
def log(database: Database) -> SqlEventLog:
    return SqlEventLog(database)


@pytest.fixture
def windows(database: Database, log: SqlEventLog) -> WindowService:
    recorder = Recorder(log, clock=VirtualClock(START + WEEK), ids=DerivedIds(0))
    return WindowService(SqlWindowStore(database), transactions=database, recorder=recorder)


def test_a_window_closes_waits_and_matures(windows: WindowService, log: SqlEventLog) -> None:
    windows.close(CLOSED, cause=WHY)
    windows.wait("late", START, resolved=5000, cause=WHY)
    waiting = windows.get("late", START)
    assert (waiting.resolved, waiting.drift) == (5000, DRIFT)
    mature = windows.mature(waiting.matured(5900, FOUND), drop=DropReport(alarmed=True, why="surely worse"), cause=WHY)
    assert windows.list("late") == [mature]
    assert mature.state is WindowState.MATURE
    closed, waited, matured = log.list()
    assert {event.subject for event in (closed, waited, matured)} == {"model/late/window/2013-03-07T00:00:00+00:00"}
    assert (closed.type, closed.data["alarmed"], closed.data["rows"], closed.data["why"]) == (
        "window.closed",
        True,
        6000,
        "far. a is null.",
    )
    assert closed.data["drift"]["series"] == {"a": 0.5}
    assert (waited.type, waited.data["resolved_share"]) == ("window.waiting", 5000 / 6000)
    assert (matured.type, matured.data["alarmed"], matured.data["why"]) == ("window.matured", True, "surely worse")
    assert matured.data["metrics"]["roc_auc"]["value"] == 0.7
    assert matured.data["metrics"]["r2"] is None
    assert all(datetime.fromisoformat(event.data["start"]) == START and event.cause == WHY for event in (closed, waited, matured))


def test_what_is_refused_leaves_neither_state_nor_event(windows: WindowService, log: SqlEventLog) -> None:
    windows.close(CLOSED)
    with pytest.raises(IllegalWindowMoveError, match="is closed and cannot become closed"):
        windows.close(CLOSED)
    windows.mature(CLOSED.matured(5900, FOUND))
    with pytest.raises(IllegalWindowMoveError, match="is mature and cannot become mature"):
        windows.mature(CLOSED.matured(6000, {}))
    with pytest.raises(IllegalWindowMoveError, match="is mature and cannot become closed"):
        windows.wait("late", START, resolved=1)
    with pytest.raises(WindowNotFoundError, match=r"no window that begins at 2013-03-14.*from 2013-03-07"):
        windows.wait("late", START + WEEK, resolved=1)
    assert [event.type for event in log.list()] == ["window.closed", "window.matured"]
    assert windows.get("late", START).resolved == 5900


def test_a_window_without_monitors_says_that_nothing_is_watched(windows: WindowService, log: SqlEventLog) -> None:
    windows.close(OPEN.closed(0, 0, drift=None, quality=None))
    windows.mature(windows.get("late", START).matured(0, {}))
    assert [event.data["alarmed"] for event in log.list()] == [False, False]
    assert [event.data["why"] for event in log.list()] == ["drift is not watched.", "performance is not watched."]
