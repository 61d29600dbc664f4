"""A query at work: its process is started, heard and ended; what it may not, the system forbids it."""

from __future__ import annotations

import queue
import re
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec
import polars as pl

from flyball.core.clock import Timer
from flyball.data.querying.errors import QueryDiedError, QueryError, QueryFileError, QueryKindError, QueryTooLargeError, QueryTooSlowError
from flyball.data.querying.model import BATCH, DONE, Failure, Limits, Task, View
from flyball.storage.confined import command, environment
from flyball.storage.errors import os_errors
from flyball.storage.isolation import Confinement
from flyball.storage.scratch import Scratch

MODULE = "flyball.data.querying.child"
_OVERHEAD_BYTES = 3 << 30  # address space of the interpreter and its libraries, most of it never touched
_WAIT_SECONDS = 0.25
_CGROUPS = "/sys/fs/cgroup"  # the engine looks there for how many cores it has, and aborts where it may not
_OUT_OF_MEMORY = frozenset({-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV})  # what the engine does not count is limited by the system
_LEAD = re.compile(r"^[A-Z][A-Za-z -]* Error: ")


@dataclass(frozen=True)
class _Child:
    """A query's process and its scratch directory."""

    process: subprocess.Popen[bytes]
    place: str
    limits: Limits
    leave: ExitStack

    @property
    def parquet(self) -> str:
        """Where it writes an answer that is to be a file."""
        return f"{self.place}/answer.parquet"

    @property
    def output(self) -> IO[bytes]:
        """Where its messages come from."""
        assert self.process.stdout is not None
        return self.process.stdout

    def tell(self, task: Task) -> None:
        """Give it its task.

        Raises:
            QueryDiedError: it is gone already.
        """
        assert self.process.stdin is not None
        try:
            with self.process.stdin as source:
                view = memoryview(msgspec.json.encode(task))
                while view:
                    view = view[source.write(view) :]
        except BrokenPipeError as error:
            raise QueryDiedError(self.process.wait()) from error

    def end(self) -> None:
        """End it, whatever it does, and remove what it left; idempotent."""
        self.process.kill()
        with self.process:
            pass
        self.leave.close()


class Querying:
    """Runs queries over `views`, each in a process of its own, which reads files of the views and below `readable`. Thread-safe.

    Scratch files lie under `scratch`, and are gone when a query is over.
    """

    def __init__(self, scratch: Path, readable: Sequence[Path], *, timer: Timer) -> None:
        self._place, self._timer = scratch, timer
        self._scratch: Scratch | None = None
        self._lock = threading.Lock()
        self._readable = tuple(str(place.absolute()) for place in (*readable, scratch))
        self._spare: queue.SimpleQueue[_Child] = queue.SimpleQueue()

    def warm(self, limits: Limits | None = None) -> None:
        """Start the process of the next query with these limits, which imports its libraries meanwhile; it waits until it is asked."""
        self._spare.put(self._spawn(limits or Limits()))

    def close(self) -> None:
        """End processes that were not asked; idempotent."""
        while (spare := self._take_spare(None)) is not None:
            spare.end()

    def stream(self, sql: str, views: Sequence[View], *, limits: Limits | None = None) -> Iterator[pl.DataFrame]:
        """The answer in frames as the engine finds it, at least one; closing the iterator ends the query.

        Raises:
            QueryError: it is no single SELECT over the views that can be understood.
            QueryTooSlowError, QueryTooLargeError: it takes more than its limits.
            QueryDiedError: its process was killed.
        """
        given = limits or Limits()
        with self._started(sql, views, limits=given) as (child, deadline):
            while True:
                letter, payload = self._message(child, deadline)
                if letter == BATCH:
                    yield pl.read_ipc_stream(BytesIO(payload))
                elif letter == DONE:
                    return
                else:
                    raise _told(msgspec.json.decode(payload, type=Failure))

    def write_parquet(self, sql: str, views: Sequence[View], *, path: Path, limits: Limits | None = None) -> int:
        """The answer as a Parquet file, whole or not at all, and how many rows it has; raises as `stream`.

        Raises:
            UnavailableError: the file cannot be written.
        """
        given = limits or Limits()
        with self._started(sql, views, limits=given, parquet=True) as (child, deadline):
            letter, payload = self._message(child, deadline)
            if letter != DONE:
                raise _told(msgspec.json.decode(payload, type=Failure))
            with os_errors(path):
                temporary = path.with_name(f".{path.name}.{child.process.pid}")
                shutil.copyfile(child.parquet, temporary)
                temporary.replace(path)
        rows: int = msgspec.json.decode(payload)["rows"]
        return rows

    @contextmanager
    def _started(self, sql: str, views: Sequence[View], *, limits: Limits, parquet: bool = False) -> Iterator[tuple[_Child, float]]:
        folders = {str(Path(file).parent) for view in views for file in view.files}
        other = sorted(folder for folder in folders if not any(Path(folder).is_relative_to(known) for known in self._readable))
        child = (None if other else self._take_spare(limits)) or self._spawn(limits, other)
        try:
            task = Task(sql=sql, views=tuple(views), limits=limits, scratch=child.place, parquet=child.parquet if parquet else None)
            child.tell(task)
            yield child, self._timer.seconds() + limits.seconds
        finally:
            child.end()

    def _directory(self) -> AbstractContextManager[Path]:
        with self._lock, os_errors(self._place):
            self._scratch = self._scratch or Scratch(self._place)
        return self._scratch.directory()

    def _take_spare(self, limits: Limits | None) -> _Child | None:
        """A process that waits; one with other limits is of no use."""
        try:
            found = self._spare.get_nowait()
        except queue.Empty:
            return None
        if limits in (None, found.limits):
            return found
        found.end()
        return None

    def _spawn(self, limits: Limits, other: Sequence[str] = ()) -> _Child:
        with ExitStack() as leaving:
            place = str(leaving.enter_context(self._directory()))
            leave = leaving.pop_all()
        wanted = Confinement(
            readable=(_CGROUPS, *self._readable, *other), writable=(place,),
            memory_bytes=limits.memory_bytes + _OVERHEAD_BYTES, file_bytes=limits.scratch_bytes, open_files=4096,
        )  # fmt: skip
        process = subprocess.Popen(  # noqa: S603  our own module
            command(wanted, MODULE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(place), bufsize=0,
        )  # fmt: skip
        return _Child(process, place, limits, leave)

    def _message(self, child: _Child, deadline: float) -> tuple[bytes, bytes]:
        head = self._take(child, 9, deadline=deadline)
        if len(head) == 9:
            payload = self._take(child, int.from_bytes(head[1:], "little"), deadline=deadline)
            if len(payload) == int.from_bytes(head[1:], "little"):
                return head[:1], payload
        status = child.process.wait()
        if status in _OUT_OF_MEMORY:
            raise QueryTooLargeError("memory")
        raise QueryDiedError(status)

    def _take(self, child: _Child, size: int, *, deadline: float) -> bytes:
        parts, missing = [], size
        while missing:
            left = deadline - self._timer.seconds()
            if left <= 0:
                raise QueryTooSlowError(timedelta(seconds=child.limits.seconds))
            if not select.select([child.output], [], [], min(left, _WAIT_SECONDS))[0]:
                continue
            part = child.output.read(min(missing, 1 << 20))  # as much as there is: the pipe has no buffer
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _told(failure: Failure) -> QueryError | QueryTooLargeError:
    match failure.kind:
        case "not-select":
            return QueryKindError(failure.why)
        case "file":
            return QueryFileError()
        case "memory":
            return QueryTooLargeError("memory")
        case "disk":
            return QueryTooLargeError("scratch space")
    return QueryError(_LEAD.sub("", failure.why).strip())
