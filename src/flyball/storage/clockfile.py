"""One business time for all processes of a home: a scaled clock in a small file that each of them maps into memory.

Readers take no lock and make no system call: they read one of two slots, the one that the file's count names, and a checksum tells a
slot that was overwritten meanwhile. Writers take turns by a lock on the file; one that is killed in the middle leaves the slot in
use as it was. This module knows no scheduler and no driver, only that each may set a limit.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, Self

from flyball.core.clock import MonotonicTimer, Timer, WallClock, utc
from flyball.storage.errors import ClockFileError, ClockNotFoundError, os_errors

RUN = "run"
CLOCK = "clock"
Limiter = Literal["scheduler", "driver"]
NOBODY = -1
"""The owner of a driver's limit that stands until another is set, whoever lives."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_NO_LIMIT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MAGIC = b"flyclk01"
_HEAD = struct.Struct("@8sq")  # magic, count: native, because a number of 8 bytes must be written at once
_BODY = struct.Struct("@qqqddqqqqq")  # the fields of _State but its sum
_SUM = struct.Struct("@Q")
_WHOLE = struct.Struct(_BODY.format + "Q")
_BODY_BYTES = _BODY.size
_SLOT = _WHOLE.size
_SIZE = _HEAD.size + 2 * _SLOT
_LOOK_SECONDS = 0.5  # how often a reader at the driver's limit looks whether the driver lives
_TRIES = 100_000
_AGES = 1e12  # seconds beyond any date


class _State(NamedTuple):
    """Microseconds since 1970. `floor` is what the clock showed when this was written: whatever the limits, it never shows less."""

    number: int
    at: int
    floor: int
    since: float
    speed: float
    pauses: int
    scheduler: int
    driver: int
    driver_pid: int
    driver_start: int
    checksum: int = 0

    def now(self, mono: float) -> int:
        _, at, floor, since, speed, pauses, scheduler, driver, _, _, _ = self  # by place: by name it would cost three times as much
        if pauses:
            return floor
        passed = (mono - since) * speed
        at += int(passed * 1e6) if passed < _AGES else _NO_LIMIT
        return max(floor, min(at, scheduler, driver))

    def nominal(self, mono: float) -> int:
        """What it would show without limits."""
        return (
            self.at if self.pauses else max(self.floor, min(self.at + int(min((mono - self.since) * self.speed, _AGES) * 1e6), _NO_LIMIT))
        )


class SharedClock:
    """Business time that all processes of a home agree on; it runs `speed` times as fast as real time.

    ``now = min(at + (real time - since) * speed, scheduler's limit, driver's limit)``, in microseconds. It never runs backwards
    within a process, and never shows less than it showed at the last change of a limit or pause. A limit that is raised lets the
    clock catch up with its nominal rate at once; a limit that is removed does not let it jump; one in the past makes it stand.
    The driver's limit ends with the process that owns it, if one does. Thread-safe, and safe after a fork.
    """

    def __init__(self, path: Path, timer: Timer | None = None) -> None:
        self.path = path
        self._timer = timer or MonotonicTimer()
        self._seconds = self._timer.seconds
        self._lock = threading.RLock()
        self._last = _FIRST
        self._look_at = -math.inf
        self._owner = (0, 0)
        self._open_file()

    @classmethod
    def create(cls, path: Path, *, epoch: datetime, speed: float, timer: Timer | None = None, standing: bool = False) -> Self:
        """A clock that shows `epoch` now, or the time that an earlier clock at `path` showed last, if that is later.

        With `standing` it counts one pause, which the scheduler's `reset_pauses` ends.

        Raises:
            ValueError: the speed is not a positive number.
            UnavailableError: the file cannot be made.
        """
        if not (speed > 0 and math.isfinite(speed)):
            raise ValueError(f"speed must be a positive number, not {speed}")
        timer = timer or MonotonicTimer()
        start = max(_micros(epoch), _shown_last(path))
        state = _State(0, start, start, timer.seconds(), speed, int(standing), _NO_LIMIT, _NO_LIMIT, 0, 0)
        with os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                os.write(descriptor, _HEAD.pack(_MAGIC, 0) + _slot(state) + bytes(_SLOT))
                Path(name).replace(path)
            finally:
                os.close(descriptor)
                Path(name).unlink(missing_ok=True)
        return cls(path, timer)

    @classmethod
    def open(cls, path: Path, timer: Timer | None = None) -> Self:
        """The clock at `path`.

        Raises:
            ClockNotFoundError: there is none.
            ClockFileError: the file is no clock.
        """
        return cls(path, timer)

    def now(self) -> datetime:
        mono = self._seconds()
        state = self._read()
        found = state.now(mono)
        if found >= state.driver and mono >= self._look_at:
            self._look_at = mono + _LOOK_SECONDS
            if state.driver_pid != NOBODY and _start_of(state.driver_pid) != state.driver_start:
                self._void(state)
        with self._lock:
            if found > self._last:
                self._last = found
            else:
                found = self._last
        return _EPOCH + timedelta(0, found // 1_000_000, found % 1_000_000)

    @property
    def speed(self) -> float:
        """How much faster than real time it runs."""
        return self._read().speed

    @property
    def standing(self) -> bool:
        """Whether a pause is held."""
        return self._read().pauses > 0

    def limit(self, limiter: Limiter) -> datetime | None:
        """The limit that `limiter` has set, if any."""
        micros = getattr(self._read(), limiter)
        return None if micros == _NO_LIMIT else _EPOCH + timedelta(microseconds=micros)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Business time stands still inside the block, in all processes. Pauses nest and add up; see `reset_pauses`.

        A lag behind the nominal rate stays what it was: a driver that is stopped for a job goes on as fast as before.
        """
        self._change(lambda state, mono: state._replace(at=state.nominal(mono), since=mono, pauses=state.pauses + 1))
        try:
            yield
        finally:
            self._change(lambda state, mono: state._replace(at=state.nominal(mono), since=mono, pauses=max(0, state.pauses - 1)))

    def reset_pauses(self) -> None:
        """No pause is held: those of a scheduler that died are over. Only for the scheduler, at its start."""
        self._change(lambda state, mono: state._replace(at=state.floor, since=mono, pauses=0))

    def stand(self) -> None:
        """One more pause, until the next scheduler's `reset_pauses`: what a supervisor does when all has ended."""
        self._change(lambda state, mono: state._replace(at=state.floor, since=mono, pauses=state.pauses + 1))

    def rebase(self) -> None:
        """The lag behind the nominal rate is forgotten: time runs on from what it shows, at its speed."""
        self._change(lambda state, mono: state._replace(at=state.floor, since=mono))

    def advance_to(self, moment: datetime) -> None:
        """Business time is at least `moment`, whatever the limits; it runs on from there."""
        to = _micros(moment)

        def jump(state: _State, mono: float) -> _State:
            there = max(state.floor, to)
            return state._replace(at=there, floor=there, since=mono)

        self._change(jump)

    def set_limit(self, limiter: Limiter, moment: datetime | None, *, owner: int | None = None) -> None:
        """Business time does not pass `moment`; None lets it run on from what it shows.

        The driver's limit belongs to the process `owner` (default: this one) and is void when that is dead; NOBODY's never is.
        """
        to = _NO_LIMIT if moment is None else _micros(moment)
        pid = owner or os.getpid()
        start = self._start_of_owner(pid) if limiter == "driver" else 0

        def change(state: _State, mono: float) -> _State:
            if limiter == "scheduler":
                state = state._replace(scheduler=to)
            else:
                state = state._replace(driver=to, driver_pid=pid, driver_start=start)
            return state._replace(at=state.floor, since=mono) if moment is None else state

        self._change(change)

    def _start_of_owner(self, pid: int) -> int:
        if self._owner[0] != pid:  # a driver sets many limits
            self._owner = (pid, _start_of(pid) or 0)
        return self._owner[1]

    def _void(self, seen: _State) -> None:
        def change(state: _State, mono: float) -> _State:
            if (state.driver, state.driver_pid, state.driver_start) != (seen.driver, seen.driver_pid, seen.driver_start):
                return state  # somebody else has set a limit since
            return state._replace(at=state.floor, since=mono, driver=_NO_LIMIT)

        self._change(change)

    def _open_file(self) -> None:
        with os_errors(self.path):
            try:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise ClockNotFoundError(self.path) from error
            self._pid = os.getpid()
            if os.fstat(self._descriptor).st_size != _SIZE:
                os.close(self._descriptor)
                raise ClockFileError(self.path, "it has another size")
            self._map = mmap.mmap(self._descriptor, _SIZE)
        if self._map[: len(_MAGIC)] != _MAGIC:
            os.close(self._descriptor)
            raise ClockFileError(self.path, "it begins otherwise")

    def _read(self) -> _State:
        view = self._map
        for _ in range(_TRIES):
            found = _in_slot(view, _HEAD.unpack_from(view)[1])
            if found is not None:
                return found
        raise ClockFileError(self.path, "its checksum is wrong")

    def _change(self, change: Callable[[_State, float], _State]) -> None:
        with self._lock:
            if self._pid != os.getpid():  # a forked child shares its parent's open file, and so its turn
                self._descriptor, self._pid = os.open(self.path, os.O_RDWR | os.O_CLOEXEC), os.getpid()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                mono = self._seconds()
                state = self._read()
                new = change(state._replace(floor=state.now(mono)), mono)  # from now on it never shows less
                if new != state:
                    self._write(new)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write(self, state: _State) -> None:
        state = state._replace(number=state.number + 1)
        place = _place(state.number)
        self._map[place : place + _SLOT] = _slot(state)
        _HEAD.pack_into(self._map, 0, _MAGIC, state.number)

    def close(self) -> None:
        """Let go of the file; idempotent. No other call may follow."""
        with self._lock:
            if not self._map.closed:
                self._map.close()
                os.close(self._descriptor)


def open_clock(home: Path, timer: Timer | None = None) -> SharedClock | WallClock:
    """The home's business time: the shared clock of its `up` where that was started with one, else the system's."""
    path = clock_path(home)
    return SharedClock.open(path, timer) if path.exists() else WallClock()


def clock_path(home: Path) -> Path:
    """Where a home's shared clock lies; a home on wall time has none."""
    return home / RUN / CLOCK


def _micros(moment: datetime) -> int:
    return (utc(moment) - _EPOCH) // _MICROSECOND


def _place(count: int) -> int:
    return _HEAD.size + (count & 1) * _SLOT


def _slot(state: _State) -> bytes:
    body = _BODY.pack(*state[:-1])
    return body + _SUM.pack(zlib.crc32(body))


def _in_slot(view: mmap.mmap | bytes, count: int) -> _State | None:
    place = _place(count)
    slot = view[place : place + _SLOT]
    found = _State._make(_WHOLE.unpack(slot))
    return found if found[0] == count and found[-1] == zlib.crc32(slot[:_BODY_BYTES]) else None


def _shown_last(path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError:
        return _FIRST
    if len(data) != _SIZE or data[: len(_MAGIC)] != _MAGIC:
        return _FIRST
    state = _in_slot(data, _HEAD.unpack_from(data)[1])
    return _FIRST if state is None else state.floor


def _start_of(pid: int) -> int | None:
    """When the living process `pid` began, so that a later one of the same number is not taken for it; None if there is none."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in {"Z", "X"} else int(rest[18])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, IndexError):
        return None
    if Path("/proc/self/stat").exists():
        return None
    try:  # no /proc: the number alone has to do
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0
