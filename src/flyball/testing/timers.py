"""The laws of `TimerStore`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flyball.core.ids import EventId
from flyball.storage.timers import DueTimer, TimerStore
from flyball.testing.suite import Suite

_NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
_LATER = _NOON + timedelta(microseconds=1)
_WHY = EventId("evt-why")


class TimerStoreSuite(Suite):
    """A name waits for one time, and fires at that time at most once, for one caller."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[TimerStore]:
        """A handle on the timers at `place`, as another process would have it."""

    def test_nothing_waits_at_first(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            assert timers.next() is None
            assert timers.due(_NOON) == []
            assert not timers.fire("a", _NOON)

    def test_what_was_set_is_due_at_its_instant_and_not_before(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            timers.set("a", _LATER, cause=_WHY)
            assert timers.due(_NOON) == []
            assert timers.due(_LATER) == [DueTimer("a", _LATER, _WHY)]
            assert timers.next() == DueTimer("a", _LATER, _WHY)

    def test_due_is_ordered_by_time_then_name(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            for name, at in (("b", _LATER), ("c", _NOON), ("a", _LATER)):
                timers.set(name, at, cause=_WHY)
            assert [timer.name for timer in timers.due(_LATER)] == ["c", "a", "b"]
            first = timers.next()
            assert first is not None
            assert first.name == "c"

    def test_a_name_waits_for_one_time_only(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            timers.set("a", _NOON, cause=_WHY)
            timers.set("a", _LATER, cause=EventId("evt-other"))
            assert timers.due(_LATER) == [DueTimer("a", _LATER, EventId("evt-other"))]
            assert not timers.fire("a", _NOON)

    def test_deleted_waits_for_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            timers.set("a", _NOON, cause=_WHY)
            timers.delete("a")
            timers.delete("a")
            assert timers.next() is None
            assert not timers.fire("a", _NOON)

    def test_it_fires_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers, self.open(tmp_path) as other:
            timers.set("a", _NOON, cause=_WHY)
            assert timers.fire("a", _NOON)
            assert not timers.fire("a", _NOON)
            assert not other.fire("a", _NOON)
            assert other.next() is None

    def test_what_has_fired_is_never_waited_for_again(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            timers.set("a", _NOON, cause=_WHY)
            timers.fire("a", _NOON)
            timers.set("a", _NOON, cause=_WHY)
            assert timers.next() is None
            assert not timers.fire("a", _NOON)

    def test_the_same_name_fires_at_another_time(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as timers:
            timers.set("a", _NOON, cause=_WHY)
            assert timers.fire("a", _NOON)
            timers.set("a", _LATER, cause=_WHY)
            assert timers.fire("a", _LATER)

    def test_of_many_callers_one_fires(self, tmp_path: Path) -> None:
        def fire(_: int) -> bool:
            with self.open(tmp_path) as own:
                return own.fire("a", _NOON)

        with self.open(tmp_path) as timers, ThreadPoolExecutor(8) as pool:
            timers.set("a", _NOON, cause=_WHY)
            assert sorted(pool.map(fire, range(8))) == [False] * 7 + [True]
