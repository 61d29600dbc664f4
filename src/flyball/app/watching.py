"""The processes of a running home, as its supervisor lists them and the operating system sees them."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from flyball.app.controlplane import Json
from flyball.app.settings import UP
from flyball.core.clock import Timer, WallClock
from flyball.core.optional import extra
from flyball.storage.clockfile import RUN

with extra("control"):
    import psutil

KEPT_SECONDS = 0.5


class Watching:
    """Figures of our own processes, at most half a second old. Thread-safe."""

    def __init__(self, home: Path, timer: Timer) -> None:
        self._home, self._timer = home, timer
        self._lock = threading.Lock()
        self._seen: dict[int, psutil.Process] = {}
        self._told: tuple[float, list[Json]] | None = None

    def processes(self) -> list[Json]:
        """{"name", "pid", "state", "restarts", "cpu_percent", "memory_bytes", "uptime_seconds"} of each; none without a supervisor."""
        with self._lock:
            now = self._timer.seconds()
            if self._told is None or now - self._told[0] > KEPT_SECONDS:
                self._told = (now, self._look())
            return self._told[1]

    def _look(self) -> list[Json]:
        try:
            up = json.loads((self._home / RUN / UP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        found = {"supervisor": {"pid": up["pid"], "restarts": 0}, **up["children"]}
        told = [self._one(name, facts) for name, facts in found.items()]
        alive = {row["pid"] for row in told}
        self._seen = {pid: process for pid, process in self._seen.items() if pid in alive}
        return told

    def _one(self, name: str, facts: Json) -> Json:
        pid, row = facts["pid"], {"name": name, "pid": facts["pid"], "restarts": facts["restarts"]}
        nothing = {"state": "down", "cpu_percent": None, "memory_bytes": None, "uptime_seconds": None}
        if pid is None:
            return {**row, **nothing}
        try:
            process = self._seen.setdefault(pid, psutil.Process(pid))
            with process.oneshot():
                uptime = WallClock().now().timestamp() - process.create_time()
                return {
                    **row,
                    "state": "up",
                    "cpu_percent": process.cpu_percent(),
                    "memory_bytes": process.memory_info().rss,
                    "uptime_seconds": round(uptime, 1),
                }
        except psutil.Error:
            return {**row, **nothing}

    def close(self) -> None:
        """Nothing is held."""
