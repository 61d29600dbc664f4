"""A journal in the segment files of one directory: one `os.pwrite` per append, incremental reads, deletion by whole segments."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

from flyball.core.errors import HeldError
from flyball.core.ids import RandomIds
from flyball.storage._filelock import FileLock
from flyball.storage._segments import Acknowledgement, Frame, Mark, encode, frames, opened, segment_path, segments
from flyball.storage.errors import JournalCorruptError, JournalFullError, JournalPositionError, from_os, os_errors
from flyball.storage.journal import Entry

Fsync = Literal["never", "each"]

_MARKS = 8  # readers at different positions that one handle serves without rereading a segment


class LocalJournal:
    """A `Journal` in the directory `path`: SEGMENT-<first position>.log files, `acknowledged` and `writer.lock`.

    `write` makes the one writer, `read` any number of readers. What is not whole is seen by nobody: a reader stops before it,
    and the next writer cuts it off.
    """

    def __init__(self, path: Path, writer: _Writer | None = None) -> None:
        self.path = path
        self._writer = writer
        self._acknowledgement = Acknowledgement(path)
        self._lock = threading.Lock()
        self._marks: dict[int, Mark] = {}  # position after which somebody goes on → where; oldest first
        self._synced = 0  # the segments before it are on the disk
        self._end: Mark | None = None  # behind the last whole frame that `last` saw

    @classmethod
    def write(cls, path: Path, *, fsync: Fsync = "never", segment_bytes: int = 16 << 20, limit_bytes: int | None = None) -> Self:
        """The journal's one writer, which may read and acknowledge too.

        With `fsync` "never", what `append` returned for survives the death of every process; a power cut may take the last
        entries, and then gives their positions anew unless they were acknowledged. With "each", an entry is on the disk before
        `append` returns. A segment that would outgrow `segment_bytes` is closed. What is not acknowledged never outgrows
        `limit_bytes`; it is counted in steps of a sixteenth of that, upwards.

        Raises:
            HeldError: another writer has it.
            UnavailableError: the place cannot be written.
        """
        path = path.absolute()
        with os_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path / "writer.lock")
            if not lock.acquire(wait=False):
                raise HeldError(f"The journal {path}", lock.path.read_text() or "a process that has just started")
            try:
                lock.write(f"its writer (pid {os.getpid()})")
                return cls(path, _Writer(lock, fsync, segment_bytes=segment_bytes, limit_bytes=limit_bytes))
            except BaseException:
                lock.release()
                raise

    @classmethod
    def read(cls, path: Path) -> Self:
        """A reader, in any process; a path that is not there yet is an empty journal."""
        return cls(path.absolute())

    def append(self, *payloads: bytes) -> int:
        if self._writer is None:
            raise RuntimeError(f"The journal {self.path} was opened for reading; its writer appends.")
        return self._writer.append(payloads)

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        if limit < 1:
            return []
        found: list[Entry] = []
        with self._lock, os_errors(self.path):
            mark = self._marks.pop(position, None) or self._first_mark(position)
            if mark is None:
                return found
            for frame in self._walk(mark):
                found += frame.entries(position)
                mark = frame.after if len(found) <= limit else frame.mark
                if len(found) >= limit:
                    break
            del found[limit:]
            self._marks[found[-1].position if found else position] = mark
            if len(self._marks) > _MARKS:
                del self._marks[next(iter(self._marks))]
        return found

    def _first_mark(self, position: int) -> Mark | None:
        """The beginning of the segment that has the entry after `position`, or else of the first there is."""
        firsts = segments(self.path)
        if not firsts:
            return None
        first = max((first for first in firsts if first <= position + 1), default=firsts[0])
        return Mark(first, 0, first)

    def _walk(self, mark: Mark) -> Iterator[Frame]:
        """All whole frames from `mark` on, over all segments.

        Raises:
            JournalCorruptError: a segment that others follow ends too early.
        """
        while True:
            # Asked before reading: a segment that another follows by now will not grow, so that its end below is its end.
            following = next((first for first in segments(self.path) if first > mark.segment), None)
            with suppress(FileNotFoundError), opened(segment_path(self.path, mark.segment)) as descriptor:
                for frame in frames(descriptor, mark):
                    yield frame
                    mark = frame.after
            if following is None:
                return
            if max(mark.position, self._acknowledgement.get() + 1) < following:
                raise JournalCorruptError(segment_path(self.path, mark.segment), first=mark.position, resume=following - 1)
            mark = Mark(following, 0, following)

    def acknowledge(self, position: int) -> None:
        if position <= self.acknowledged:
            return
        last = self.last
        if position > last:
            raise JournalPositionError(self.path, position, last=last)
        with self._lock, os_errors(self.path):
            self._acknowledgement.set(position)
            for first, following in pairwise(segments(self.path)):  # the last one stays: it is open, and keeps the position
                if following <= position + 1:
                    segment_path(self.path, first).unlink(missing_ok=True)

    def sync(self) -> None:
        with self._lock, os_errors(self.path):
            firsts = segments(self.path)
            for first in firsts:
                if first >= self._synced:  # one before it has grown no more since it was synced
                    with suppress(FileNotFoundError), opened(segment_path(self.path, first)) as descriptor:
                        os.fdatasync(descriptor)
            if firsts and firsts[-1] != self._synced:
                with opened(self.path) as directory:
                    os.fsync(directory)
                self._synced = firsts[-1]

    def filled(self) -> float:
        return 0.0 if self._writer is None else self._writer.filled()

    def forget(self) -> None:
        """No file holds acknowledged entries any more, but for those in one segment with others. The writer's to call."""
        if self._writer is None:
            raise RuntimeError(f"The journal {self.path} was opened for reading; its writer forgets.")
        with self._lock, os_errors(self.path):
            self._writer.roll()
            acknowledged = self._acknowledgement.get()
            for first, following in pairwise(segments(self.path)):
                if following <= acknowledged + 1:
                    segment_path(self.path, first).unlink(missing_ok=True)

    @property
    def acknowledged(self) -> int:
        with os_errors(self.path):
            firsts = segments(self.path)
            return max(self._acknowledgement.get(), firsts[0] - 1 if firsts else 0)  # what is gone was acknowledged

    @property
    def last(self) -> int:
        if self._writer is not None:
            return self._writer.last
        with self._lock, os_errors(self.path):
            firsts = segments(self.path)
            if self._end is None and firsts:
                self._end = Mark(firsts[-1], 0, firsts[-1])
            if self._end is None:
                return self._acknowledgement.get()
            for frame in self._walk(self._end):
                self._end = frame.after
            return max(self._end.position, firsts[-1] if firsts else 0) - 1

    def origin(self) -> str:
        """A word that no other journal has, not even one that is made anew in its place. The writer's to ask for."""
        path = self.path / "origin"
        with self._lock, os_errors(path):
            if not path.exists():
                aside = path.with_suffix(".part")
                with aside.open("w", encoding="ascii") as file:
                    file.write(RandomIds().create("jrn")[-12:])
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(path)
            return path.read_text(encoding="ascii")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _Writer:
    """The end of the last segment, and all that stands between an append and the disk."""

    def __init__(self, lock: FileLock, fsync: Fsync, *, segment_bytes: int, limit_bytes: int | None) -> None:
        self._root, self._file_lock = lock.path.parent, lock
        self._each, self._segment_bytes = fsync == "each", segment_bytes
        self._acknowledgement = Acknowledgement(self._root)
        self._lock = threading.Lock()
        self._waiting = None if limit_bytes is None else _Waiting(limit_bytes)
        self._descriptor, self._size, self._torn = -1, 0, False
        firsts = segments(self._root)
        acknowledged = self._acknowledgement.get()
        self.last = acknowledged
        if firsts:
            self._continue(firsts)
        if not firsts or acknowledged > self.last:  # a power cut took acknowledged entries: their positions stay taken
            self.last = max(self.last, acknowledged)
            self._begin_segment()

    def _continue(self, firsts: list[int]) -> None:
        for first, following in pairwise(firsts):
            self._count(following - 1, segment_path(self._root, first).stat().st_size)
        self._descriptor = os.open(segment_path(self._root, firsts[-1]), os.O_RDWR | os.O_CLOEXEC)
        end = Mark(firsts[-1], 0, firsts[-1])
        for frame in frames(self._descriptor, end):
            self._count(frame.after.position - 1, frame.after.offset - end.offset)
            end = frame.after
        self.last, self._size = end.position - 1, end.offset
        self._cut()

    def _begin_segment(self) -> None:
        path = segment_path(self._root, self.last + 1)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            if self._each:
                with opened(self._root) as directory:
                    os.fsync(directory)
        except BaseException:  # a segment that we do not go on with would end the one before it for readers
            os.close(descriptor)
            path.unlink()
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = descriptor, 0

    def _count(self, last: int, size: int) -> None:
        if self._waiting is not None:
            self._waiting.add(last, size)

    def append(self, payloads: tuple[bytes, ...]) -> int:
        with self._lock:
            if not payloads:
                return self.last
            frame = encode(self.last + 1, payloads)
            size = len(frame)
            if self._waiting is not None and not self._waiting.takes(size) and not self._waiting.takes_after(self._acknowledgement, size):
                raise JournalFullError(self._root, waiting_bytes=self._waiting.size_bytes, limit_bytes=self._waiting.limit_bytes)
            try:
                if self._torn:
                    os.ftruncate(self._descriptor, self._size)
                    self._torn = False
                if self._size + size > self._segment_bytes and self._size:
                    self._begin_segment()
                # At our own offset: what an append that failed has left there is written over.
                done = os.pwrite(self._descriptor, frame, self._size)
                while done < size:
                    done += os.pwrite(self._descriptor, frame[done:], self._size + done)
                if self._each:
                    os.fsync(self._descriptor)
            except BaseException as error:
                self._cut()
                if isinstance(error, OSError):
                    raise from_os(error, self._root) from error
                raise
            self._size += size
            self.last += len(payloads)
            self._count(self.last, size)
            return self.last

    def filled(self) -> float:
        with self._lock:
            waiting = self._waiting
            if waiting is None:
                return 0.0
            waiting.takes_after(self._acknowledgement, 0)
            return waiting.size_bytes / waiting.limit_bytes

    def roll(self) -> None:
        """What comes next goes into a segment of its own."""
        with self._lock:
            if self._size:
                self._begin_segment()

    def _cut(self) -> None:
        """Nothing stands behind the last whole frame; when that fails, the next append tries again."""
        self._torn = True
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._size)
            self._torn = False

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
            self._file_lock.release()


class _Waiting:
    """How many bytes nobody has acknowledged yet: never too few, and at most a sixteenth of the limit too many."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._total = self._gone = 0
        self._last = 0
        self._steps: deque[tuple[int, int]] = deque()  # (position, bytes up to its end)

    @property
    def size_bytes(self) -> int:
        return self._total - self._gone

    def add(self, last: int, size: int) -> None:
        """`size` bytes more, up to position `last`."""
        self._last, self._total = last, self._total + size
        if not self._steps or self._total - self._steps[-1][1] >= self.limit_bytes // 16:
            self._steps.append((last, self._total))

    def takes(self, size: int) -> bool:
        """Whether `size` bytes more stay within the limit."""
        return self.size_bytes + size <= self.limit_bytes

    def takes_after(self, acknowledgement: Acknowledgement, size: int) -> bool:
        """As `takes`, after a look at what was acknowledged since."""
        position = acknowledgement.get()
        while self._steps and self._steps[0][0] <= position:
            self._gone = self._steps.popleft()[1]
        if position >= self._last:
            self._gone = self._total
        return self.takes(size)
