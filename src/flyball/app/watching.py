"""The processes of a running home, as its supervisor lists them and the operating system sees them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from flyball.app.controlplane import Json
from flyball.app.running import find_up
from flyball.core.clock import Clock, Timer
from flyball.monitoring.usage import ProcessSample, ResourceAlert, ResourceSample, ResourceSampler, check_resources

KEPT_SECONDS = 2.0


class Watching:
    """Figures of our own processes and of the home's disk, a few seconds old at most. Thread-safe."""

    def __init__(self, home: Path, *, clock: Clock, timer: Timer) -> None:
        self._home, self._timer = home, timer
        self._sampler = ResourceSampler(home, clock=clock, timer=timer)
        self._lock = threading.Lock()
        self._first_seen: dict[int, float] = {}
        self._alarmed: set[str] = set()

    def look(self) -> list[ResourceAlert]:
        """Sample; what is beyond its limit now and was not at the last look.

        Raises:
            UnavailableError: the disk cannot be asked.
        """
        with self._lock:
            found = check_resources(self._sample())
            fresh = [alert for alert in found if alert.what not in self._alarmed]
            self._alarmed = {alert.what for alert in found}
            return fresh

    def processes(self) -> list[Json]:
        """{"name", "pid", "state", "restarts", "cpu_percent", "memory_bytes", "uptime_seconds"} of each; none without a supervisor."""
        with self._lock:
            series = self._sampler.series
            if not series or self._timer.seconds() - series[-1].real_seconds > KEPT_SECONDS:
                self._sample()
            sample = self._sampler.series[-1]
            seen = {process.name: process for process in sample.processes}
            return [self._told(name, facts, sample=seen.get(name)) for name, facts in self._listed().items()]

    def series(self) -> list[Json]:
        """The last samples, oldest first."""
        with self._lock:
            return [sample.to_json() for sample in self._sampler.series]

    def _sample(self) -> ResourceSample:
        pids = {name: int(facts["pid"]) for name, facts in self._listed().items() if facts["pid"] is not None}
        now = self._timer.seconds()
        self._first_seen = {pid: self._first_seen.get(pid, now) for pid in pids.values()}  # a number may be given again
        return self._sampler.sample(pids)

    def _listed(self) -> Mapping[str, Json]:
        up = find_up(self._home)
        return {} if up is None else {"supervisor": {"pid": up["pid"], "restarts": 0}, **up.get("children", {})}

    def _told(self, name: str, facts: Json, *, sample: ProcessSample | None) -> Json:
        pid = facts["pid"]
        since = self._first_seen.get(pid) if pid is not None else None
        return {
            "name": name,
            "pid": pid,
            "state": "down" if sample is None else "running",
            "restarts": facts["restarts"],
            "cpu_percent": None if sample is None else sample.cpu_percent,
            "memory_bytes": None if sample is None else sample.memory_bytes,
            "uptime_seconds": None if sample is None or since is None else round(self._timer.seconds() - since, 1),
        }
