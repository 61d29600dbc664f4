"""What every process of ours can say of itself: the requests that it answered, and what it takes of the machine."""

from __future__ import annotations

import os
import resource
import sys
import threading
from bisect import bisect_left
from collections import Counter
from pathlib import Path

from flyball.core.exposition import Family, counter, gauge

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Requests:
    """Requests over HTTP by route and status, and how long each took. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, list[int]] = {}
        self._totals: Counter[str] = Counter()  # microseconds

    def add(self, route: str, status: int, *, seconds: float) -> None:
        """One was answered; `route` is as it was declared, for what was asked may be anything."""
        with self._lock:
            self._counts[route, status] += 1
            self._seconds.setdefault(route, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
            self._totals[route] += round(seconds * 1e6)

    def families(self) -> list[Family]:
        """All that was counted."""
        with self._lock:
            counts, totals = dict(self._counts), dict(self._totals)
            seconds = {route: list(found) for route, found in self._seconds.items()}
        took = Family("flyball_http_seconds", "Seconds from a request's head to the end of its answer.", "histogram")
        for route, found in sorted(seconds.items()):
            took.add_histogram(BOUNDS, found, total=totals[route] / 1e6, labels={"route": route})
        return [counter("flyball_http_requests_total", "Requests by status.", values=counts.items(), labels=("route", "status")), took]


def process() -> list[Family]:
    """What this process takes of the machine, under the names that Prometheus' own clients give it.

    >>> [family.name for family in process()][0]
    'process_cpu_seconds_total'
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = [counter("process_cpu_seconds_total", "Seconds of processor time.", values=[((), round(used.ru_utime + used.ru_stime, 3))])]
    found.append(gauge("process_resident_memory_bytes", "Memory that is in use.", value=_resident_bytes(used.ru_maxrss)))
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        found.append(gauge("process_open_fds", "Open files and connections.", value=sum(1 for _ in descriptors.iterdir())))
    return found


def _resident_bytes(highest: int) -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):  # the most that it ever had, where nothing tells what it has
        return highest * (1 if sys.platform == "darwin" else 1024)
