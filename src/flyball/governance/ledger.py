"""What the processes at one port took, each in a file of its own that the others map: nobody waits, and nobody can hold a lock and die.

A file is a table of cells found by the digest of a key. Only its process writes it, a cell's figures before its digest, each of eight
aligned bytes; a reader that comes between sees the figures of before, or half of them new, which is within what a limit may err.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from flyball.core.clock import Timer
from flyball.storage.errors import os_errors

CELLS = 4096
LOOK_SECONDS = 1.0
_CELL = struct.Struct("<Qddd")  # digest, taken in all, left, when
_FIGURES = struct.Struct("<ddd")
_TAKEN = struct.Struct("<d")
_DIGEST = struct.Struct("<Q")
_BYTES = CELLS * _CELL.size
_FULL = CELLS * 3 // 4


class SharedLedger:
    """The `Ledger` of the process `number` among those of `place`; times are of the machine's one monotonic clock."""

    def __init__(self, place: Path, number: int, *, timer: Timer) -> None:
        """Begin anew: what a process of that number took before is forgotten.

        Raises:
            UnavailableError: the place cannot be written.
        """
        self._place, self._timer = place, timer
        self._own = place / f"{number}.taken"
        self._table = _create(self._own)
        self._cells: dict[str, int] = {}
        self._others: dict[Path, tuple[int, mmap.mmap]] = {}
        self._looked = float("-inf")

    def tell(self, key: str, *, amount: float, left: float, when: float) -> None:
        digest = _digest(key)
        offset = self._cells.get(key)
        if offset is None:
            if len(self._cells) >= _FULL:  # all are counted from nothing again, which to the others is a process that began anew
                self._table[:] = bytes(_BYTES)
                self._cells.clear()
            offset = next(place for place, found in _probed(self._table, digest) if found in {0, digest})
            self._cells[key] = offset
        (taken,) = _TAKEN.unpack_from(self._table, offset + _DIGEST.size)
        _FIGURES.pack_into(self._table, offset + _DIGEST.size, taken + amount, left, when)
        _DIGEST.pack_into(self._table, offset, digest)

    def taken(self, key: str) -> float:
        return sum(taken for taken, _, _ in self._seen(key))

    def latest(self, key: str) -> tuple[float, float] | None:
        found = max(((when, left) for _, left, when in self._seen(key)), default=None)
        return None if found is None else (found[1], found[0])

    def close(self) -> None:
        """The file goes; idempotent."""
        self._own.unlink(missing_ok=True)
        for _, table in self._others.values():
            table.close()
        self._others.clear()

    def _seen(self, key: str) -> Iterator[tuple[float, float, float]]:
        digest = _digest(key)
        for table in self._tables():
            for offset, found in _probed(table, digest):
                if found == digest:
                    yield _FIGURES.unpack_from(table, offset + _DIGEST.size)
                if found in {0, digest}:
                    break

    def _tables(self) -> list[mmap.mmap]:
        now = self._timer.seconds()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        return [table for _, table in self._others.values()]

    def _look(self) -> None:
        """Map the files that came, and let go of those that went or are others now."""
        there: dict[Path, int] = {}
        for path in self._place.glob("*.taken"):
            with suppress(FileNotFoundError):  # its process ends just now
                if path != self._own:
                    there[path] = path.stat().st_ino
        for path in [path for path, (inode, _) in self._others.items() if there.get(path) != inode]:
            self._others.pop(path)[1].close()
        for path, inode in there.items():
            if path not in self._others:
                table = _read(path)
                if table is not None:
                    self._others[path] = (inode, table)


def _create(path: Path) -> mmap.mmap:
    with os_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # whoever mapped the one before goes on with that, and finds this at the next look
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _BYTES)
            return mmap.mmap(descriptor, _BYTES)
        finally:
            os.close(descriptor)


def _read(path: Path) -> mmap.mmap | None:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), _BYTES, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # it has just gone, or is not whole yet
        return None


def _probed(table: mmap.mmap, digest: int) -> Iterator[tuple[int, int]]:
    """The cells where the digest may stand, in order, with what stands there."""
    first = digest % CELLS
    for step in range(CELLS):
        offset = (first + step) % CELLS * _CELL.size
        yield offset, _DIGEST.unpack_from(table, offset)[0]


@lru_cache(maxsize=CELLS)
def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1
