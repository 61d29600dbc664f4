"""The scheduler on a shared clock and real stores: business time passes nothing that is due, and nothing keeps it standing for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.app.scheduler import Scheduler, Work
from flyball.app.stores import Stores
from flyball.core.ids import RandomIds
from flyball.features.errors import OnlineStoreError
from flyball.loop.conductor import Conductor
from flyball.loop.state import LoopSpec
from flyball.storage.clockfile import SharedClock
from tests.live import wait_for

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = LoopSpec("late", first_training=START + 2 * DAY, window=DAY, cool_down=14 * DAY)
FAST = 3e6  # a month of business time in a second


@dataclass
class Hourly:
    """Boundaries every six hours; each notes what the clock showed when it was closed. With `failures`, so many closings fail first."""

    clock: SharedClock
    failures: int = 0
    closed: list[tuple[datetime, datetime]] = field(default_factory=list)

    def next_boundary(self) -> datetime:
        return START + (len(self.closed) + 1) * DAY / 4

    def close_boundaries(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OnlineStoreError("online.db", "disk I/O error")
        self.closed.append((self.next_boundary(), self.clock.now()))


@dataclass
class Answering:
    """Model servers that have taken over the plan, or not."""

    ready: bool = True

    def caught_up(self) -> bool:
        return self.ready


@dataclass
class Running:
    stores: Stores
    clock: SharedClock
    boundaries: Hourly
    servers: Answering
    scheduler: Scheduler


@contextmanager
def running(place: Path, *, failures: int = 0, lanes: tuple[str, ...] = ("model/late",)) -> Iterator[Running]:
    clock = SharedClock.create(place / "clock", epoch=START, speed=FAST, standing=True)
    stores = Stores.open(place, clock=clock, ids=RandomIds())
    stores.journal.recorder.record("loop.started", "model/late")
    conductor = Conductor({"late": SPEC}, journal=stores.journal, queue=stores.jobs, positions=stores.positions, lockstep=True)
    conductor.replay()
    boundaries, servers = Hourly(clock, failures), Answering()
    scheduler = Scheduler(conductor, Work(stores.jobs, lanes), clock=clock, boundaries=boundaries, servers=servers)
    stop = threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    try:
        yield Running(stores, clock, boundaries, servers, scheduler)
    finally:
        stop.set()
        scheduler.wake()
        thread.join()
        stores.close()
        clock.close()


def until(what: Callable[[], bool], told: str) -> None:
    wait_for(what, 60, told=told)


def test_time_passes_no_boundary_before_it_is_closed_and_stands_at_a_deed(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        until(lambda: run.stores.jobs.pending() > 0, "a deed")
        stands = run.clock.now()
        assert all(boundary == closed for boundary, closed in run.boundaries.closed)
        job = run.stores.jobs.list()[0]
        fired = [event.time for event in run.stores.journal.log.list() if event.type == "timer.fired"]
        assert fired == [stands]
        assert run.clock.now() == stands
        assert run.clock.standing
        run.stores.jobs.cancel(job.id)
        until(lambda: run.clock.now() > stands, "time going on")


def test_time_waits_for_model_servers(tmp_path: Path) -> None:
    with running(tmp_path, lanes=()) as run:
        until(lambda: len(run.boundaries.closed) > 3, "boundaries")
        run.servers.ready = False
        run.scheduler.wake()
        until(lambda: run.clock.standing, "time standing")
        stands = run.clock.now()
        assert run.clock.now() == stands
        run.servers.ready = True
        until(lambda: run.clock.now() > stands, "time going on")


def test_a_store_that_fails_for_a_while_stops_time_and_not_the_scheduler(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path, failures=2, lanes=()) as run:
        until(lambda: len(run.boundaries.closed) > 1, "boundaries")
    assert run.boundaries.closed[0] == (START + DAY / 4, START + DAY / 4)
    assert [record.message for record in caplog.records if "Business time cannot go on" in record.message]
    assert len([record for record in caplog.records if "Business time" in record.message]) == 1


def test_time_stands_when_the_scheduler_has_ended(tmp_path: Path) -> None:
    with running(tmp_path, lanes=()) as run:
        until(lambda: len(run.boundaries.closed) > 1, "boundaries")
    again = SharedClock.open(tmp_path / "clock")
    first = again.now()
    assert again.now() == first
    again.close()
