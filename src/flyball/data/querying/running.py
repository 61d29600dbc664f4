"""A query at work: its process is started, heard and ended; what it may not, the system forbids it."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

MODULE = "flyball.data.querying.child"
_OVERHEAD_BYTES = 3 << 30  # address space of the interpreter and its libraries, most of it never touched
_WAIT_SECONDS = 0.25
_CGROUPS = "/sys/fs/cgroup"  # the engine looks there for how many cores it has, and aborts where it may not
_LEAD = re.compile(r"^[A-Z][A-Za-z -]* Error: ")


class Querying:
    """Runs queries over `views`, each in a process of its own; scratch files lie under `scratch` and are gone afterwards. Thread-safe."""

    def __init__(self, scratch: Path, timer: Timer) -> None:
        self._scratch, self._timer = scratch, timer

    def stream(self, sql: str, views: Sequence[View], *, limits: Limits | None = None) -> Iterator[pl.DataFrame]:
        """The answer in frames as the engine finds it, at least one; closing the iterator ends the query.

        Raises:
            QueryError: it is no single SELECT over the views that can be understood.
            QueryTooSlowError, QueryTooLargeError: it takes more than its limits.
            QueryDiedError: its process was killed.
        """
        given = limits or Limits()
        with self._started(sql, views, given) as (process, deadline):
            assert process.stdout is not None
            while True:
                letter, payload = self._message(process.stdout, deadline, limits=given, process=process)
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
        with self._started(sql, views, given, parquet=True) as (process, deadline):
            assert process.stdout is not None
            letter, payload = self._message(process.stdout, deadline, limits=given, process=process)
            if letter != DONE:
                raise _told(msgspec.json.decode(payload, type=Failure))
            with os_errors(path):
                made = Path(str(process.args[-1])) / "answer.parquet"  # type: ignore[index]  # a list, as it was started
                temporary = path.with_name(f".{path.name}.{process.pid}")
                shutil.copyfile(made, temporary)
                temporary.replace(path)
        rows: int = msgspec.json.decode(payload)["rows"]
        return rows

    @contextmanager
    def _started(
        self, sql: str, views: Sequence[View], limits: Limits, *, parquet: bool = False
    ) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
        with os_errors(self._scratch):
            self._scratch.mkdir(parents=True, exist_ok=True)
            place = tempfile.mkdtemp(prefix="query-", dir=self._scratch)
        try:
            task = Task(sql=sql, views=tuple(views), limits=limits, scratch=place, parquet=f"{place}/answer.parquet" if parquet else None)
            wanted = Confinement(
                readable=(_CGROUPS, *sorted({file for view in views for file in view.files})), writable=(place,),
                memory_bytes=limits.memory_bytes + _OVERHEAD_BYTES, file_bytes=limits.scratch_bytes, open_files=4096,
            )  # fmt: skip
            process = subprocess.Popen(  # noqa: S603  our own module
                command(wanted, MODULE, place),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None,
                env=environment(place),
                bufsize=0,
            )
            with process:
                try:
                    assert process.stdin is not None
                    process.stdin.write(msgspec.json.encode(task))
                    process.stdin.close()
                    yield process, self._timer.seconds() + limits.seconds
                except BrokenPipeError as error:
                    raise QueryDiedError(process.wait()) from error
                finally:
                    process.kill()
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _message(self, source: IO[bytes], deadline: float, *, limits: Limits, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        head = self._take(source, 9, deadline, limits=limits)
        if len(head) == 9:
            payload = self._take(source, int.from_bytes(head[1:], "little"), deadline, limits=limits)
            if len(payload) == int.from_bytes(head[1:], "little"):
                return head[:1], payload
        status = process.wait()
        if status in {-9, -6, -11}:  # killed by its limits: memory that the engine did not count
            raise QueryTooLargeError("memory")
        raise QueryDiedError(status)

    def _take(self, source: IO[bytes], size: int, deadline: float, *, limits: Limits) -> bytes:
        parts, missing = [], size
        while missing:
            left = deadline - self._timer.seconds()
            if left <= 0:
                raise QueryTooSlowError(timedelta(seconds=limits.seconds))
            if not select.select([source], [], [], min(left, _WAIT_SECONDS))[0]:
                continue
            part = source.read(min(missing, 1 << 20))  # as much as there is: the pipe has no buffer
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
