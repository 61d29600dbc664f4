"""The core's ports keep their laws, and the suites that say so catch a broken backend."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from flyball.core.clock import Clock, ManualTimer, MonotonicTimer, Timer, VirtualClock, WallClock
from flyball.core.ids import DerivedIds, Ids, RandomIds
from flyball.core.rand import Random, SeededRandom
from flyball.testing.core import ClockSuite, DerivedIdsSuite, IdsSuite, RandomSuite, TimerSuite
from flyball.testing.suite import failing_tests

_START = datetime(2013, 1, 1, tzinfo=UTC)


class TestWallClock(ClockSuite):
    def create(self) -> Clock:
        return WallClock()


class TestVirtualClock(ClockSuite):
    def create(self) -> Clock:
        return VirtualClock(_START)


class TestMonotonicTimer(TimerSuite):
    def create(self) -> Timer:
        return MonotonicTimer()


class TestManualTimer(TimerSuite):
    def create(self) -> Timer:
        return ManualTimer()


class TestRandomIds(IdsSuite):
    def create(self) -> Ids:
        return RandomIds()


class TestDerivedIds(DerivedIdsSuite):
    def create_with(self, seed: int) -> Ids:
        return DerivedIds(seed)


class TestDerivedIdsOfAWorld(DerivedIdsSuite):
    def create_with(self, seed: int) -> Ids:
        return DerivedIds(seed, "backtests/never")


class TestSeededRandom(RandomSuite):
    def create(self, seed: int) -> Random:
        return SeededRandom(seed)


def test_an_id_made_live_sorts_by_its_creation() -> None:
    ids = RandomIds()
    first = ids.create("run")
    timer = MonotonicTimer()
    start = timer.seconds()
    while timer.seconds() < start + 0.003:
        pass
    assert first < ids.create("run")


def test_worlds_do_not_share_ids() -> None:
    assert DerivedIds(0, "never").create("run", "a") != DerivedIds(0, "declared").create("run", "a")


class _Stepping:
    """A clock and timer that step back, as a system clock does when it is set."""

    def __init__(self) -> None:
        self._steps = itertools.cycle((1, 2, 0))

    def now(self) -> datetime:
        return _START + timedelta(seconds=next(self._steps))

    def seconds(self) -> float:
        return float(next(self._steps))


class _Joined:
    derived = True

    """Ids whose parts run together."""

    def create(self, kind: str, *cause: str) -> str:
        return DerivedIds(0).create(kind, "".join(cause))


class _Sequence:
    """Draws that depend on what was drawn before."""

    def __init__(self, seed: int) -> None:
        self._seed, self._drawn = seed, itertools.count()

    def seed(self, *purpose: str) -> int:
        return SeededRandom(self._seed).seed(*purpose, str(next(self._drawn)))

    def uniform(self, *purpose: str) -> float:
        return SeededRandom(self._seed).uniform(*purpose, str(next(self._drawn)))


def test_the_clock_suite_catches_a_clock_that_steps_back() -> None:
    class Broken(ClockSuite):
        def create(self) -> Clock:
            return _Stepping()

    assert failing_tests(Broken) == ["test_it_never_runs_backwards", "test_it_never_runs_backwards_in_any_thread"]


def test_the_timer_suite_catches_a_timer_that_goes_back() -> None:
    class Broken(TimerSuite):
        def create(self) -> Timer:
            return _Stepping()

    assert failing_tests(Broken) == ["test_it_never_goes_back"]


def test_the_ids_suite_catches_ids_that_run_together() -> None:
    class Broken(IdsSuite):
        def create(self) -> Ids:
            return _Joined()

    assert failing_tests(Broken) == ["test_parts_of_a_cause_do_not_run_together"]


def test_the_derived_ids_suite_catches_random_ids() -> None:
    class Broken(DerivedIdsSuite):
        def create_with(self, seed: int) -> Ids:
            del seed
            return RandomIds()

    assert failing_tests(Broken) == ["test_the_same_cause_gives_the_same_id_everywhere"]


def test_the_random_suite_catches_draws_in_sequence() -> None:
    class Broken(RandomSuite):
        def create(self, seed: int) -> Random:
            return _Sequence(seed)

    assert "test_a_draw_depends_on_seed_and_purpose_alone" in failing_tests(Broken)
