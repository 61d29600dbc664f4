"""The watch: it asks while somebody looks, keeps what it knew, and never ends by an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from flyball.console.errors import AnswerError
from flyball.console.watch import KEPT_EVENTS, KEPT_ROUTINE, Watch
from flyball.core.clock import ManualTimer, WallClock
from tests.unit.console.planes import MemoryPlane, happening


@pytest.fixture
def plane() -> MemoryPlane:
    return MemoryPlane(events=[happening(1, "training.started"), happening(2)])


@pytest.fixture
def watch(plane: MemoryPlane) -> Iterator[Watch]:
    made = Watch(plane, clock=WallClock(), timer=ManualTimer())
    made.start()
    yield made
    made.stop()


def soon(found: Callable[[], object]) -> None:
    for _ in range(600):
        if found():
            return
        time.sleep(0.01)
    raise AssertionError("it did not become so within 6 s")


def test_it_rests_until_somebody_looks_and_then_knows_everything(watch: Watch, plane: MemoryPlane) -> None:
    time.sleep(0.1)
    assert plane.asked == []
    watch.enter()
    soon(lambda: watch.known.status is not None and watch.known.caught_up)
    known = watch.known
    assert [event.id for event in known.events] == ["e1", "e2"]
    assert [event.id for event in known.marks] == ["e1"]
    assert (list(known.models), known.trouble) == (["late"], None)


def test_trouble_is_told_and_what_was_known_stays(watch: Watch, plane: MemoryPlane) -> None:
    watch.enter()
    soon(lambda: watch.known.status)
    plane.away = True
    soon(lambda: watch.known.trouble)
    assert (watch.known.trouble, watch.known.away) == ("Nobody answers.", True)
    assert watch.known.status is not None
    plane.away = False
    soon(lambda: watch.known.trouble is None)


@pytest.mark.parametrize("broken", [AnswerError("what is this"), KeyError("position"), RuntimeError("odd")])
def test_whatever_goes_wrong_it_goes_on(watch: Watch, plane: MemoryPlane, broken: Exception) -> None:
    plane.broken = broken
    watch.enter()
    soon(lambda: watch.known.trouble)
    assert not watch.known.away
    plane.broken = None
    soon(lambda: watch.known.trouble is None and watch.known.events)


def test_another_home_s_log_is_read_from_its_beginning(watch: Watch, plane: MemoryPlane) -> None:
    watch.enter()
    soon(lambda: watch.known.caught_up)
    plane.events = [happening(1, id="new")]
    soon(lambda: [event.id for event in watch.known.events] == ["new"])
    assert watch.known.marks == ()


def test_it_keeps_the_newest_events_and_every_mark(plane: MemoryPlane) -> None:
    plane.events = [happening(number + 1, "training.started" if number == 0 else "window.closed") for number in range(KEPT_EVENTS + 10)]
    made = Watch(plane, clock=WallClock(), timer=ManualTimer())
    made._ask_events()
    assert len(made.known.events) == KEPT_EVENTS
    assert [event.id for event in made.known.marks] == ["e1"]


def test_routine_pushes_nothing_out(plane: MemoryPlane) -> None:
    plane.events = [happening(number + 1, "alert.raised" if number == 0 else "timer.fired") for number in range(KEPT_EVENTS)]
    made = Watch(plane, clock=WallClock(), timer=ManualTimer())
    made._ask_events()
    assert [event.id for event in made.known.events[:2]] == ["e1", f"e{KEPT_EVENTS - KEPT_ROUTINE + 1}"]
    assert len(made.known.events) == KEPT_ROUTINE + 1
