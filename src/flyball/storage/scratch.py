"""Scratch directories that do not outlive their owner by more than one start."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.storage._filelock import FileLock
from flyball.storage.errors import os_errors


class Scratch:
    """Directories under `root` for one process; those of processes that are gone are removed when this begins.

    Each owner holds a lock on its part, so that no living process loses a file. Thread-safe.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "lock"):  # nobody may clean between another's mkdtemp and its lock
            for part in sorted(path for path in root.iterdir() if path.is_dir()):
                _remove_dead(part)
            self._part = Path(tempfile.mkdtemp(prefix="owner-", dir=root))
            self._lock = FileLock(self._part / "lock")
            self._lock.acquire(wait=False)

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """An empty directory that is gone after the block."""
        with os_errors(self._part):
            place = Path(tempfile.mkdtemp(prefix="step-", dir=self._part))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _remove_dead(part: Path) -> None:
    lock = FileLock(part / "lock")
    if lock.acquire(wait=False):
        try:
            shutil.rmtree(part, ignore_errors=True)
        finally:
            lock.release()
