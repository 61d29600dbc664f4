"""What our processes and the home take of the machine, and when that is too much: sampled, kept for a while, judged by a pure function.

Samples carry both times: business time, to lie beside events and windows, and real time, in which processors and disks work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from flyball.core.clock import Clock, Timer
from flyball.core.optional import extra
from flyball.storage.errors import os_errors

with extra("control"):
    import psutil

KEPT_SAMPLES = 720
"""An hour of samples every five seconds."""

_MEASURE_SECONDS = 30.0  # the home is walked no more often than that

MEGABYTE, GIGABYTE = 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process. `cpu_percent` is of one processor since the sample before, None at first.

    `memory_bytes` is its proportional set size, in which what processes share counts in parts, so that a sum means something; where
    that cannot be read, the resident set size (`memory_kind`). None is what the system does not tell us.
    """

    name: str
    pid: int
    cpu_percent: float | None
    memory_bytes: int
    memory_kind: Literal["pss", "rss"]
    threads: int
    open_files: int | None


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """One look at all processes and at the disk of the home; `gone` are those that do not run."""

    time: datetime
    real_seconds: float
    processes: tuple[ProcessSample, ...]
    gone: tuple[str, ...]
    home_bytes: int
    free_bytes: int
    disk_bytes: int

    @property
    def memory_bytes(self) -> int:
        """The memory of all processes together."""
        return sum(process.memory_bytes for process in self.processes)

    def to_json(self) -> dict[str, Any]:
        """The sample as JSON."""
        return {**asdict(self), "time": self.time.isoformat(), "memory_bytes": self.memory_bytes}


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """What is too much: a process's memory, and too little: free disk, as a share of it or in bytes, whichever is reached first."""

    memory_bytes: int = 4 * GIGABYTE
    free_share: float = 0.05
    free_bytes: int = GIGABYTE


@dataclass(frozen=True, slots=True)
class ResourceAlert:
    """What is wrong; `what` is "disk" or the process's name, so that an alert that lasts is told once."""

    what: str
    text: str


DEFAULT_LIMITS = ResourceLimits()


def check_resources(sample: ResourceSample, *, limits: ResourceLimits = DEFAULT_LIMITS) -> tuple[ResourceAlert, ...]:
    """What is beyond the limits in one sample; pure."""
    found = []
    share = sample.free_bytes / sample.disk_bytes if sample.disk_bytes else 0.0
    if share < limits.free_share or sample.free_bytes < limits.free_bytes:
        text = (
            f"The disk of the home has {_size(sample.free_bytes)} free ({share:.1%}); the home takes {_size(sample.home_bytes)}. "
            "Make room: when it is full, predictions cannot be journalled and are refused."
        )
        found.append(ResourceAlert("disk", text))
    for process in sample.processes:
        if process.memory_bytes > limits.memory_bytes:
            taken, usual = _size(process.memory_bytes), _size(limits.memory_bytes)
            text = f"{process.name} (pid {process.pid}) takes {taken} of memory; up to {usual} is usual."
            found.append(ResourceAlert(process.name, text))
    return tuple(found)


def _size(size_bytes: int) -> str:
    if size_bytes >= GIGABYTE:
        return f"{size_bytes / GIGABYTE:,.1f} GiB"
    return f"{size_bytes / MEGABYTE:,.0f} MiB"


class ResourceSampler:
    """Looks at processes when it is told to, and remembers the last looks. Not thread-safe."""

    def __init__(self, home: Path, *, clock: Clock, timer: Timer, kept: int = KEPT_SAMPLES) -> None:
        self._home, self._clock, self._timer = home, clock, timer
        self._series: deque[ResourceSample] = deque(maxlen=kept)
        self._seen: dict[str, psutil.Process] = {}
        self._used: dict[str, tuple[float, float]] = {}
        self._measured: tuple[float, int] | None = None

    @property
    def series(self) -> tuple[ResourceSample, ...]:
        """The last samples, oldest first."""
        return tuple(self._series)

    def sample(self, pids: Mapping[str, int]) -> ResourceSample:
        """Look at the processes of these pids, by name, and keep what is seen.

        Raises:
            UnavailableError: the home's disk cannot be asked.
        """
        processes = {name: self._process(name, pid) for name, pid in pids.items()}
        with os_errors(self._home):
            disk = psutil.disk_usage(str(self._home))
            home_bytes = self._home_bytes()
        found = ResourceSample(
            time=self._clock.now(),
            real_seconds=self._timer.seconds(),
            processes=tuple(process for process in processes.values() if process is not None),
            gone=tuple(name for name, process in processes.items() if process is None),
            home_bytes=home_bytes,
            free_bytes=disk.free,
            disk_bytes=disk.used + disk.free,
        )
        self._series.append(found)
        return found

    def _process(self, name: str, pid: int) -> ProcessSample | None:
        try:
            process = self._seen.get(name)
            if process is None or process.pid != pid or not process.is_running():  # not the same: a pid may be given again
                process = self._seen[name] = psutil.Process(pid)
                self._used.pop(name, None)
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    return None
                memory, kind = _memory(process)
                return ProcessSample(name, pid, self._cpu_percent(name, process), memory, kind, process.num_threads(), _open_files(process))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            self._seen.pop(name, None)
            return None

    def _cpu_percent(self, name: str, process: psutil.Process) -> float | None:
        times, now = process.cpu_times(), self._timer.seconds()
        used = times.user + times.system
        before, self._used[name] = self._used.get(name), (now, used)
        if before is None or now <= before[0]:
            return None
        return 100 * (used - before[1]) / (now - before[0])

    def _home_bytes(self) -> int:
        now = self._timer.seconds()
        if self._measured is None or now - self._measured[0] >= _MEASURE_SECONDS:
            self._measured = now, tree_bytes(self._home)
        return self._measured[1]


def _memory(process: psutil.Process) -> tuple[int, Literal["pss", "rss"]]:
    try:
        return int(process.memory_full_info().pss), "pss"
    except (AttributeError, psutil.AccessDenied):  # not Linux, or not ours
        return int(process.memory_info().rss), "rss"


def _open_files(process: psutil.Process) -> int | None:
    try:
        return int(process.num_fds())
    except (AttributeError, psutil.AccessDenied):
        return None


def tree_bytes(place: Path) -> int:
    """The bytes of all files below; what vanishes meanwhile counts nothing, and links are not followed."""
    total, waiting = 0, [str(place)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
    return total
