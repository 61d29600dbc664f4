"""What the shared clock promises to those who open it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.core.clock import Clock, ManualTimer, WallClock
from flyball.core.errors import IntegrityError, NaiveTimeError, NotFoundError, UnavailableError
from flyball.storage.clockfile import NOBODY, SharedClock, clock_path, open_clock
from flyball.testing.core import ClockSuite

START = datetime(2013, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def timer() -> ManualTimer:
    return ManualTimer(1_000.0)


@pytest.fixture
def clock(tmp_path: Path, timer: ManualTimer) -> Iterator[SharedClock]:
    clock = SharedClock.create(tmp_path / "clock", epoch=START, speed=3600, timer=timer)
    yield clock
    clock.close()
    clock.close()


class TestSharedClock(ClockSuite):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "clock"

    def create(self) -> Clock:
        return SharedClock.create(self.path, epoch=START, speed=30_000)


def test_the_scheduler_lets_time_go_on_when_its_timers_have_fired(clock: SharedClock, timer: ManualTimer) -> None:
    clock.set_limit("scheduler", START + HOUR)
    timer.sleep(10)
    assert clock.now() == START + HOUR
    clock.set_limit("scheduler", START + 3 * HOUR)
    assert clock.now() == START + 3 * HOUR, "it catches up at once"
    assert clock.limit("scheduler") == START + 3 * HOUR
    clock.set_limit("scheduler", None)
    assert clock.now() == START + 3 * HOUR, "and does not jump"
    assert clock.limit("scheduler") is None


def test_a_limit_in_the_past_makes_it_stand(clock: SharedClock, timer: ManualTimer) -> None:
    timer.sleep(5)
    clock.set_limit("driver", START)
    timer.sleep(5)
    assert clock.now() == START + 5 * HOUR


def test_the_limit_of_a_dead_driver_is_void_and_time_does_not_jump(clock: SharedClock, timer: ManualTimer) -> None:
    driver = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    clock.set_limit("driver", START + HOUR, owner=driver.pid)
    timer.sleep(5)
    assert clock.now() == START + HOUR
    driver.kill()
    os.waitid(os.P_PID, driver.pid, os.WEXITED | os.WNOWAIT)  # a zombie counts as dead
    timer.sleep(5)
    assert clock.now() == START + HOUR
    timer.sleep(2)
    assert clock.now() == START + 3 * HOUR
    driver.communicate()


def test_a_limit_of_nobody_stands_until_another_is_set(clock: SharedClock, timer: ManualTimer) -> None:
    clock.set_limit("driver", START + HOUR, owner=NOBODY)
    for _ in range(3):
        timer.sleep(5)
        assert clock.now() == START + HOUR
    clock.set_limit("driver", START + 2 * HOUR, owner=NOBODY)
    assert clock.now() == START + 2 * HOUR


def test_a_later_clock_goes_on_where_the_earlier_one_was(clock: SharedClock, timer: ManualTimer) -> None:
    timer.sleep(7)
    clock.stand()
    timer.sleep(100)
    again = SharedClock.create(clock.path, epoch=START, speed=60, timer=timer, standing=True)
    timer.sleep(1)
    assert (again.now(), again.standing) == (START + 7 * HOUR, True)
    again.reset_pauses()
    timer.sleep(60)
    assert (again.now(), again.standing) == (START + 8 * HOUR, False)
    assert SharedClock.create(clock.path, epoch=START + 24 * HOUR, speed=1, timer=timer).now() == START + 24 * HOUR


def test_time_before_1970_counts_too(tmp_path: Path, timer: ManualTimer) -> None:
    moment = datetime(1912, 4, 15, 2, 20, tzinfo=UTC)
    assert SharedClock.create(tmp_path / "clock", epoch=moment, speed=1, timer=timer).now() == moment


def test_it_never_passes_the_last_date(clock: SharedClock, timer: ManualTimer) -> None:
    timer.sleep(1e300)
    assert clock.now() == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_is_a_positive_number(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        SharedClock.create(tmp_path / "clock", epoch=START, speed=speed)


def test_a_naive_time_is_refused(clock: SharedClock) -> None:
    with pytest.raises(NaiveTimeError):
        clock.set_limit("driver", datetime(2013, 12, 1))  # noqa: DTZ001 - what is refused


def test_what_is_no_clock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="flyball up"):
        SharedClock.open(tmp_path / "clock")
    with pytest.raises(UnavailableError):
        SharedClock.open(tmp_path)
    whole = SharedClock.create(tmp_path / "clock", epoch=START, speed=1).path.read_bytes()
    for content in (b"", whole[:-1], b"x" + whole[1:], whole[:20] + b"\xff" + whole[21:]):
        (tmp_path / "clock").write_bytes(content)
        with pytest.raises(IntegrityError, match="no clock"):
            SharedClock.open(tmp_path / "clock").now()
        assert SharedClock.create(tmp_path / "clock", epoch=START, speed=1).now() >= START, "a new one may be made over it"


def test_a_home_has_the_shared_clock_where_one_lies(tmp_path: Path) -> None:
    assert isinstance(open_clock(tmp_path), WallClock)
    SharedClock.create(clock_path(tmp_path), epoch=START, speed=1)
    assert isinstance(open_clock(tmp_path), SharedClock)


def test_a_forked_child_takes_its_turn_like_any_other(clock: SharedClock) -> None:
    child = os.fork()
    if child == 0:
        for hours in range(0, 4000, 2):
            clock.set_limit("driver", START + hours * HOUR)
        os._exit(0 if clock.limit("driver") else 1)
    for hours in range(1, 4000, 2):
        clock.set_limit("scheduler", START + hours * HOUR)
    assert os.waitpid(child, 0)[1] == 0
    assert (clock.limit("scheduler"), clock.limit("driver")) == (START + 3999 * HOUR, START + 3998 * HOUR)
