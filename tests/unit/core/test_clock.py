"""Wall time and virtual time never go back, and a naive time is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flyball.core.clock import ManualTimer, VirtualClock, WallClock, utc
from flyball.core.errors import NaiveTimeError, TimeReversedError

_START = datetime(2013, 1, 1, tzinfo=UTC)


class _Wall(WallClock):
    """A wall that somebody sets."""

    shows = _START

    def _read(self) -> datetime:
        return self.shows


def test_wall_time_stands_while_the_system_s_clock_has_stepped_back() -> None:
    clock = _Wall()
    assert clock.now() == _START
    clock.shows = _START - timedelta(hours=1)
    assert clock.now() == _START
    clock.shows = _START + timedelta(seconds=1)
    assert clock.now() == _START + timedelta(seconds=1)


def test_wall_time_that_was_put_forward_stands_until_the_system_is_there() -> None:
    clock = _Wall()
    clock.advance_to(_START + timedelta(hours=1))
    assert clock.now() == _START + timedelta(hours=1)
    clock.advance_to(_START)
    clock.shows = _START + timedelta(minutes=59)
    assert clock.now() == _START + timedelta(hours=1)
    clock.shows = _START + timedelta(minutes=61)
    assert clock.now() == _START + timedelta(minutes=61)


def test_virtual_time_moves_forward_only() -> None:
    clock = VirtualClock(_START)
    clock.advance_to(_START)
    clock.advance_to(_START + timedelta(days=1))
    with pytest.raises(TimeReversedError, match="cannot go back"):
        clock.advance_to(_START)
    assert clock.now() == _START + timedelta(days=1)


def test_another_zone_is_the_same_instant() -> None:
    eastern = datetime(2013, 1, 1, 7, tzinfo=timezone(timedelta(hours=-5)))
    assert utc(eastern) == eastern
    assert utc(eastern).isoformat() == "2013-01-01T12:00:00+00:00"
    assert VirtualClock(eastern).now().tzinfo is UTC


@pytest.mark.parametrize("use", [utc, VirtualClock, lambda moment: VirtualClock(_START).advance_to(moment)])
def test_a_naive_time_is_refused(use: object) -> None:
    assert callable(use)
    with pytest.raises(NaiveTimeError, match=r"2013-01-02T00:00:00\+00:00"):
        use(datetime(2013, 1, 2))  # noqa: DTZ001  the naive time is the case


def test_a_manual_timer_goes_forward_only() -> None:
    timer = ManualTimer(3.0)
    timer.sleep(0.5)
    with pytest.raises(ValueError, match="forward"):
        timer.sleep(-1)
    assert timer.seconds() == 3.5
