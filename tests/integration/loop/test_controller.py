"""The controller over real stores: timers fire once, models are apart, and what is stopped does no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from flyball.app.stores import Stores
from flyball.core.clock import VirtualClock
from flyball.core.events import Event
from flyball.core.ids import DerivedIds
from flyball.loop.commands import Command, MeasureWindow, Train
from flyball.loop.controller import Controller
from flyball.loop.state import LoopSpec
from flyball.storage.events import EventQuery

START = datetime(2024, 1, 1, tzinfo=UTC)
FIRST = START + timedelta(days=10)


def spec(model: str) -> LoopSpec:
    return LoopSpec(model, first_training=FIRST, window=timedelta(days=7), cool_down=timedelta(days=14))


class Notes:
    """A worker that does nothing and remembers what it was asked, and why."""

    def __init__(self) -> None:
        self.asked: list[tuple[Command, Event]] = []

    def carry_out(self, command: Command, cause: Event) -> None:
        self.asked.append((command, cause))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def stores(tmp_path: Path, clock: VirtualClock) -> Iterator[Stores]:
    opened = Stores.open(tmp_path, clock=clock, ids=DerivedIds(0, "test"))
    yield opened
    opened.close()


def begin(stores: Stores, *models: str) -> None:
    for model in models:
        stores.journal.recorder.record("loop.started", f"model/{model}")


def test_two_models_in_one_log_are_apart_even_where_one_name_begins_the_other(stores: Stores, clock: VirtualClock) -> None:
    workers = {"late": Notes(), "late-too": Notes()}
    controller = Controller(workers, {name: spec(name) for name in workers}, journal=stores.journal)
    begin(stores, "late")
    controller.run_until(START + timedelta(days=30), clock)
    assert [type(command) for command, _ in workers["late"].asked].count(Train) == 1
    assert workers["late-too"].asked == []
    begin(stores, "late-too")
    controller.settle()
    assert controller.state("late-too").started is not None
    assert [name.name for name in stores.journal.timers.due(START + timedelta(days=90)) if name.name.startswith("late-too/")]


def test_every_command_names_the_event_that_asked_for_it_and_windows_follow_each_other(stores: Stores, clock: VirtualClock) -> None:
    worker = Notes()
    begin(stores, "late")
    Controller({"late": worker}, {"late": spec("late")}, journal=stores.journal).run_until(START + timedelta(days=30), clock)
    assert all(cause.type == "timer.fired" for _, cause in worker.asked)
    measured = [command for command, _ in worker.asked if isinstance(command, MeasureWindow)]
    assert all(earlier.end == later.start for earlier, later in pairwise(measured))
    assert measured[0].start <= FIRST < measured[0].end
    windows = [
        event.cause for event in stores.journal.log.list(EventQuery(type="timer.fired")) if event.data["timer"].startswith("window/")
    ]
    (began,) = stores.journal.log.list(EventQuery(type="loop.started"))
    assert set(windows) == {began.id}  # not a chain of all windows before it
    trained = next(cause for command, cause in worker.asked if isinstance(command, Train))
    assert trained.time == FIRST


def test_a_timer_fires_once_whoever_tries(stores: Stores, clock: VirtualClock) -> None:
    begin(stores, "late")
    controllers = [Controller({"late": Notes()}, {"late": spec("late")}, journal=stores.journal) for _ in range(2)]
    controllers[0].settle()
    timer = stores.journal.timers.next()
    assert timer is not None
    clock.advance_to(timer.at)
    assert [controller.fire(timer) for controller in controllers] == [True, False]
    (fired,) = stores.journal.log.list(EventQuery(type="timer.fired"))
    assert fired.cause == timer.cause
    assert fired.time == timer.at


def test_nothing_that_is_due_at_the_end_or_later_is_fired(stores: Stores, clock: VirtualClock) -> None:
    worker = Notes()
    begin(stores, "late")
    controller = Controller({"late": worker}, {"late": spec("late")}, journal=stores.journal)
    controller.run_until(FIRST, clock)
    assert worker.asked == []
    controller.run_until(FIRST + timedelta(microseconds=1), clock)
    assert [command for command, _ in worker.asked] == [Train("first")]


def test_a_controller_made_anew_stands_where_the_old_one_stood_and_does_nothing_again(stores: Stores, clock: VirtualClock) -> None:
    begin(stores, "late")
    old = Controller({"late": Notes()}, {"late": spec("late")}, journal=stores.journal)
    old.run_until(START + timedelta(days=30), clock)
    worker = Notes()
    new = Controller({"late": worker}, {"late": spec("late")}, journal=stores.journal)
    new.replay()
    new.settle()
    assert new.state("late") == old.state("late")
    assert worker.asked == []
