"""Locks of the operating system on files: freed at once when their owner dies, however it dies.

For homes on one machine only; between machines `Leases` judge by heartbeats.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

_held: WeakSet[FileLock] = WeakSet()


class FileLock:
    """At most one holder of `path` at a time, over threads and processes; waits for its turn. One use at a time.

    The file stays: to remove it would let two hold "the same" lock. A forked child never holds its parent's lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Whether we hold the lock now; without `wait`, False when another holds it.

        Raises:
            OSError: the file cannot be made or opened.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _held.add(self)
        return True

    def release(self) -> None:
        """Let go; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)

    def write(self, text: str) -> None:
        """The file's content is `text`, for those who find the lock taken. Only for the holder."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is written by its holder only")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def _let_go_in_child() -> None:
    # A forked child shares the open file, and with it the lock: it would keep the lock alive after the owner was killed.
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)
