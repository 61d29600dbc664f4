"""Sources that say how often they are asked are asked so, by business time; what fails is told, tried again, and stops no other."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flyball.app.intake import Intake, Watched
from flyball.app.online import Online
from flyball.app.pulls import AGAIN_SECONDS, TOLD_AGAIN_SECONDS, TimedPulls
from flyball.core.clock import ManualTimer, VirtualClock
from flyball.core.events import Event
from flyball.data import Dataset
from flyball.data.declared.generated import rows
from flyball.data.declared.sql import sql
from flyball.data.histories import Histories
from flyball.features._sqlite import SqliteOnlineStore
from flyball.loop.definition import Declared
from flyball.storage.clockfile import SharedClock
from flyball.testing.data_home import DataHome, opened_data_home
from tests.shops import HOUR, START

PATIENCE_SECONDS = 60


def _nothing_new() -> Iterator[dict[str, Any]]:
    yield {"id": "v1", "shop": "a", "came_at": START}


SALES = Dataset("sales", sql("shop.db", table="sales", watermark="sold_at", every="1h"), key="id", event_time="sold_at", known_after="0s")
VISITS = Dataset("visits", rows(_nothing_new, every="10m"), key="id", event_time="came_at", known_after="0s")
QUIET = Dataset("quiet", sql("shop.db", table="sales"), key="id", event_time="sold_at", known_after="0s")
DATASETS = {found.name: found for found in (SALES, VISITS, QUIET)}


@dataclass
class Yard:
    """A home with timed sources."""

    home: DataHome
    clock: VirtualClock | SharedClock
    timer: ManualTimer
    intake: Intake
    pulls: TimedPulls

    def sell(self, number: int, hours: float) -> None:
        """A sale that many hours after the start."""
        with closing(sqlite3.connect(self.home.place / "project" / "shop.db")) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS sales (id text, sold_at text, amount real)")
            moment = (START + hours * HOUR).strftime("%Y-%m-%d %H:%M:%S")
            connection.execute("INSERT INTO sales VALUES (?, ?, 1.0)", [f"s{number}", moment])

    def after(self, hours: float) -> None:
        """Business time goes on."""
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance_to(self.clock.now() + hours * HOUR)

    def told(self, kind: str) -> list[Event]:
        return [event for event in self.home.log.list() if event.type == kind]

    def count(self, name: str) -> int:
        return self.home.service.get_accepted(name).rows


@contextmanager
def _opened(place: Path, clock: VirtualClock | SharedClock, *, sources: bool = True) -> Iterator[Yard]:
    timer = ManualTimer()
    with opened_data_home(place) as home, home.live() as live:
        (place / "project").mkdir(exist_ok=True)
        store = SqliteOnlineStore.write(place / "online.db")
        declared = {name: Declared(dataset, timedelta(days=59)) for name, dataset in DATASETS.items()}
        online = Online(DATASETS, Histories(home.service), whole=set(), store=store, clock=clock)
        intake = Intake(declared, home.service, live=live, online=online, watched=Watched(clock, timer, place / "project", sources=sources))
        pulls = TimedPulls(declared, intake, clock=clock, timer=timer, recorder=home.service.recorder)
        yard = Yard(home, clock, timer, intake, pulls)
        yard.sell(0, -2)
        for dataset in DATASETS.values():
            home.service.ingest(dataset, root=place / "project", history=timedelta(days=59), cause=None, known_by=clock.now())
        online.open()
        try:
            yield yard
        finally:
            online.close()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with _opened(tmp_path, VirtualClock(START)) as opened:
        yield opened


def test_only_sources_that_say_how_often_are_asked_and_when_they_are_due(yard: Yard) -> None:
    assert yard.pulls.names == ["sales", "visits"]
    yard.sell(1, -1)
    assert not yard.pulls.pull_due("sales")
    yard.after(1)
    assert yard.pulls.pull_due("sales")
    assert yard.count("sales") == 2
    assert not yard.pulls.pull_due("sales")
    yard.sell(2, -0.5)
    yard.after(0.5)
    assert not yard.pulls.pull_due("sales")
    yard.after(0.5)
    assert yard.pulls.pull_due("sales")
    assert yard.count("sales") == 3
    assert not yard.pulls.pull_due("visits")  # it was due, and had nothing new
    assert yard.count("visits") == 1


def test_a_pull_that_fails_is_told_once_tried_again_and_stops_no_other(yard: Yard) -> None:
    path = yard.home.place / "project" / "shop.db"
    path.rename(path.with_suffix(".away"))
    yard.after(1)
    for _ in range(3):
        assert not yard.pulls.pull_due("sales")
        assert not yard.pulls.pull_due("visits")
        yard.timer.sleep(AGAIN_SECONDS)
    (failure,) = yard.told("dataset.pull.failed")
    assert (failure.subject, "no such file" in failure.data["why"]) == ("dataset/sales", True)
    yard.timer.sleep(TOLD_AGAIN_SECONDS)
    assert not yard.pulls.pull_due("sales")
    assert len(yard.told("dataset.pull.failed")) == 2
    path.with_suffix(".away").rename(path)
    yard.sell(1, 0)
    assert not yard.pulls.pull_due("sales")  # tried a moment ago
    yard.timer.sleep(AGAIN_SECONDS)
    assert yard.pulls.pull_due("sales")
    (recovered,) = yard.told("dataset.pull.recovered")
    assert recovered.subject == "dataset/sales"
    assert yard.count("sales") == 2


def test_a_source_that_hangs_keeps_no_other_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, let_go = threading.Event(), threading.Event()

    def hang() -> Iterator[dict[str, Any]]:
        if first:
            hanging.set()
            assert let_go.wait(PATIENCE_SECONDS)
        first.append(True)
        yield {"id": "v1", "shop": "a", "came_at": START}

    first: list[bool] = []
    monkeypatch.setitem(DATASETS, "visits", Dataset("visits", rows(hang, every="10m"), key="id", event_time="came_at", known_after="0s"))
    with _opened(tmp_path, VirtualClock(START)) as yard:
        yard.sell(1, -1)
        yard.after(1)
        thread = threading.Thread(target=yard.pulls.pull_due, args=["visits"])
        thread.start()
        assert hanging.wait(PATIENCE_SECONDS)
        assert yard.pulls.pull_due("sales")
        yard.intake.look()
        assert yard.intake.apply_all() is False
        let_go.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_on_a_scaled_clock_no_row_comes_before_it_is_known(tmp_path: Path) -> None:
    """The live test: threads of their own, a clock that runs six hours in a second, and a source that holds a day that has not happened."""
    clock = SharedClock.create(tmp_path / "clock", epoch=START, speed=6 * 3600)
    with _opened(tmp_path, clock, sources=False) as yard:
        for hour in range(1, 25):
            yard.sell(hour, hour)
        stop, woken = threading.Event(), threading.Event()
        work = [threading.Thread(target=yard.pulls.run, args=[name], kwargs={"stop": stop, "wake": woken.set}) for name in yard.pulls.names]
        for thread in work:
            thread.start()
        seen: list[tuple[int, float]] = []
        for _ in range(PATIENCE_SECONDS * 20):
            count = yard.count("sales")
            seen.append((count, (clock.now() - START) / HOUR))
            if seen[-1][0] == 25:
                break
            threading.Event().wait(0.05)
        stop.set()
        for thread in work:
            thread.join(PATIENCE_SECONDS)
        assert seen[-1][0] == 25
        assert woken.is_set()
        assert all(count - 1 <= hours for count, hours in seen)
        assert len(yard.home.service.list("sales")) >= 2
        assert yard.told("dataset.pull.failed") == []
    clock.close()
