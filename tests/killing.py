"""Killing the processes of a running `flyball up`, each so often, at moments drawn from a seed; and what is left of them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from flyball.app.location import DATABASE
from flyball.app.running import get_up
from tests.live import Up

PROCESSES = ("control", "predict", "console")


def children(pid: int, words: str) -> list[int]:
    """The living children of the process whose command line has the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state not in {"Z", "X"} and words in (entry / "cmdline").read_text():
                    found.append(int(entry.name))
    return found


def steps(up: Up) -> list[int]:
    """The children in which steps run."""
    with suppress(KeyError, TypeError, FileNotFoundError, LookupError):
        return children(up.pid("control"), "flyball.pipelines.child")
    return []


def count_steps(home: Path) -> int:
    """How many steps have come to an end."""
    with closing(sqlite3.connect(f"file:{home / DATABASE}?mode=ro", uri=True, timeout=60)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM steps").fetchone()
        return int(found)


class Killer:
    """Kills each process of `up`, and the child in which its steps run, so often."""

    def __init__(self, up: Up, *, times: int, seed: int) -> None:
        self.up, self.killed = up, Counter[str]()
        self._left = Counter(dict.fromkeys((*PROCESSES, "step"), times))
        self._draw = np.random.default_rng(seed)
        self._dead: set[int] = set()
        self._finished = -1

    def run(self, driver: subprocess.Popen[bytes]) -> None:
        """Return when all is done; steps are there to be killed only while `driver` runs."""
        while any(self._left[name] for name in PROCESSES) or (self._left["step"] and driver.poll() is None):
            time.sleep(float(self._draw.uniform(0.05, 0.5)))
            for name in self._draw.permutation(sorted(+self._left)).tolist():
                if self._kill(name):
                    break

    def _kill(self, name: str) -> bool:
        pid = self._find(name)
        if pid is None or pid in self._dead:
            return False
        self._dead.add(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[name] += 1
            self._left[name] -= 1
        return True

    def _find(self, name: str) -> int | None:
        """Its process; None while it is down, or is not to be killed yet."""
        if name != "step":
            with suppress(KeyError, FileNotFoundError, LookupError):
                pid = get_up(self.up.home)["children"][name]["pid"]
                return None if pid is None else int(pid)
            return None
        finished, found = count_steps(self.up.home), steps(self.up)
        if not found or finished == self._finished:  # a step that is killed three times fails, as it must
            return None
        self._finished = finished
        return found[0]
