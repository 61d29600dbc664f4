"""The shared clock against a plain reckoning of its law, seen from two openings of one file."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flyball.core.clock import ManualTimer
from flyball.storage.clockfile import Limiter, SharedClock

_START = datetime(2013, 12, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_SPEED = 3600  # an hour per second: every figure below is a whole number of hours

limiters: st.SearchStrategy[Limiter] = st.sampled_from(("scheduler", "driver"))


class ClockMachine(RuleBasedStateMachine):
    """Whole hours only, so that the reckoning is exact."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory()
        path = Path(self._place.name) / "clock"
        self.timer = ManualTimer()
        self.one = SharedClock.create(path, epoch=_START, speed=_SPEED, timer=self.timer)
        self.two = SharedClock.open(path, self.timer)
        self.nominal = self.shown = 0
        self.limits: dict[Limiter, int | None] = {"scheduler": None, "driver": None}
        self.pauses: list[AbstractContextManager[None]] = []
        self.dead: list[AbstractContextManager[None]] = []

    def reckon(self) -> None:
        limits = [limit for limit in self.limits.values() if limit is not None]
        if not self.pauses:
            self.shown = max(self.shown, min([self.nominal, *limits]))

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds: int) -> None:
        self.timer.sleep(seconds)
        if not self.pauses:
            self.nominal += seconds
        self.reckon()

    @rule(limiter=limiters, hours=st.integers(-5, 40))
    def limit(self, limiter: Limiter, hours: int) -> None:
        limit = self.shown + hours
        self.limits[limiter] = limit
        self.two.set_limit(limiter, _START + limit * _HOUR)
        self.reckon()

    @rule(limiter=limiters)
    def lift(self, limiter: Limiter) -> None:
        self.one.set_limit(limiter, None)
        self.limits[limiter] = None
        self.nominal = self.shown

    @rule()
    def pause(self) -> None:
        self.pauses.append(self.one.paused())
        self.pauses[-1].__enter__()

    @precondition(lambda self: self.pauses)
    @rule()
    def go_on(self) -> None:
        self.pauses.pop().__exit__(None, None, None)
        self.reckon()

    @rule()
    def forget_dead_pauses(self) -> None:
        self.two.reset_pauses()
        self.dead += self.pauses
        self.pauses.clear()
        self.nominal = self.shown

    @rule()
    def rebase(self) -> None:
        self.two.rebase()
        self.nominal = self.shown

    @rule(hours=st.integers(-10, 10))
    def advance(self, hours: int) -> None:
        self.one.advance_to(_START + (self.shown + hours) * _HOUR)
        self.shown = max(self.shown, self.shown + hours)
        self.nominal = self.shown

    @invariant()
    def both_show_what_the_law_says(self) -> None:
        assert self.one.now() == self.two.now() == _START + self.shown * _HOUR
        assert self.one.standing == self.two.standing == bool(self.pauses)

    def teardown(self) -> None:
        for pause in (*self.pauses, *self.dead):
            pause.__exit__(None, None, None)
        self.one.close()
        self.two.close()
        self._place.cleanup()


TestClock = ClockMachine.TestCase
