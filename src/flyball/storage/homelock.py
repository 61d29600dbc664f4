"""The home's one owner: an exclusive lock that is free again at the instant its owner dies, and says who that is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from flyball.core.clock import Clock, WallClock
from flyball.core.errors import HeldError
from flyball.storage._filelock import FileLock
from flyball.storage.errors import os_errors


class HomeLock:
    """Who holds it is the only one to run the home's loop; the stores stay open to any number of processes.

    The lock belongs to this process, not to its children, and ends with it, also on kill -9.
    """

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    @classmethod
    def acquire(cls, path: Path, holder: str, *, clock: Clock | None = None) -> Self:
        """Hold the lock file `path` as `holder` (the command, for others to read); does not wait.

        `clock` tells the time of day that others read; it is the system's when none is given.

        Raises:
            HeldError: another process, or another part of this one, holds it; says which command, pid, and since when.
            UnavailableError: the file cannot be made.
        """
        lock = FileLock(path.absolute())
        with os_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a home is its owner's alone
            if not lock.acquire(wait=False):
                raise HeldError(f"The home {path.absolute().parent}", _holder(path))
            try:
                since = (clock or WallClock()).now().isoformat(timespec="seconds")
                lock.write(json.dumps({"command": holder, "pid": os.getpid(), "since": since}))
            except BaseException:
                lock.release()
                raise
        return cls(lock)

    def release(self) -> None:
        """Free it; idempotent."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a home: the command, empty where it cannot be told, and since when by the system's clock."""

    command: str
    since: datetime


def find_owner(path: Path) -> Owner | None:
    """Who holds the lock file `path`; None where nobody does. It is held by who asks, for a moment.

    Raises:
        UnavailableError: the file cannot be read.
    """
    lock = FileLock(path.absolute())
    with os_errors(path):
        if not path.exists():
            return None
        since, told = datetime.fromtimestamp(path.stat().st_mtime, UTC), path.read_text()
        if lock.acquire(wait=False):
            lock.release()
            return None
    try:
        return Owner(str(json.loads(told)["command"]), since)
    except (ValueError, KeyError, TypeError):  # between taking the lock and writing who took it
        return Owner("", since)


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        return f"{found['command']} (pid {found['pid']}, since {found['since']})"
    except (ValueError, KeyError, TypeError):  # between taking the lock and writing who took it
        return "another process that has just started"
