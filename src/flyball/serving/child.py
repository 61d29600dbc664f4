"""A model in a child process, asked without waiting for it for longer than its deadline.

What its code does ends there: a model that raises, hangs, dies or answers nonsense costs its own rows an answer and nothing else.
A child that failed its deadline or broke the protocol is killed and started anew, later each time it fails again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.clock import Timer
from flyball.runtimes import Description, ModelManifest
from flyball.serving.errors import ModelFailedError, ModelRaisedError
from flyball.serving.merging import Merger, Said
from flyball.serving.worker import LENGTH, LONGEST_BYTES, SCORE, Ready, Reply, to_ipc
from flyball.storage.confined import command, environment
from flyball.storage.isolation import Confinement, Measure

START_SECONDS = 60.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 30.0
_REVIVE_SECONDS = 1.0
"""Who waits for a child that another's rows have ended waits no longer than so for its next start."""
_ROWS_OF_DEADLINE = 100
"""So many rows double the deadline: a request may have a thousand."""
_PART_OF_DEADLINE = 0.125
"""So much of the deadline may a call take that asks for several requests at once."""


class ChildModel:
    """A model whose code runs in a process of its own. To be used by one event loop.

    One frame is with the child at a time, and what waits meanwhile goes as one frame after it. It has `deadline_seconds` for a frame,
    and as long again for each hundred rows of it.

    The process reads its model and Python's own files, writes nowhere but in a directory that goes with it, and reaches nobody, as far
    as the host grants that; `measures` says what it granted, and `description` what the model says of itself, once it has started.
    """

    def __init__(
        self, path: Path, manifest: ModelManifest, *, timer: Timer, deadline_seconds: float = 1.0, scratch: Path | None = None,
        call_seconds: float = 0.0,
    ) -> None:  # fmt: skip
        self.manifest = manifest
        self._path, self._timer, self._deadline = path, timer, deadline_seconds
        self._turn = asyncio.Lock()
        self._merger = Merger(self, timer=timer, target_seconds=_PART_OF_DEADLINE * deadline_seconds, call_seconds=call_seconds)
        self._process: Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._failures, self._not_before = 0, 0.0
        self._closed = False
        self._reason = "its process has not started yet"
        self._scratch = tempfile.TemporaryDirectory(prefix="flyball-model-", dir=scratch, ignore_cleanup_errors=True)
        self.description: Description | None = None
        self.measures: tuple[Measure, ...] = ()

    @property
    def pid(self) -> int | None:
        """The child's process id while it is ready."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """The child is ready when this returns.

        Raises:
            ModelFailedError: the model could not be loaded; it is tried again when it is next asked.
        """
        async with self._turn:
            if self._process is None:
                await self._start()

    async def predict(self, frame: pl.DataFrame) -> Said:
        """The model's scores for the rows of `frame`, or an error within the deadline and the turns of those that asked before.

        Raises:
            ModelFailedError: it raised, hung, died, answered something else, or is being started again.
        """
        (answer,) = await self.predict_parts(frame, [frame.height])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def predict_parts(self, frame: pl.DataFrame, sizes: Sequence[int]) -> list[Said | Exception]:
        """As `predict`, for callers who have so many of the rows each: to whom it has no answer, it says why."""
        return await self._merger.predict(frame, sizes)

    async def ask(self, frame: pl.DataFrame) -> Said:
        """As `predict`, with this frame alone."""
        if self._process is None:
            self._restart()
            raise ModelFailedError(self._reason)
        async with self._turn:
            process = self._process
            if process is None:
                raise ModelFailedError(self._reason)
            try:
                return await self._ask(process, to_ipc(frame), seconds=self._deadline * (1 + frame.height / _ROWS_OF_DEADLINE))
            except ModelFailedError:  # it said so itself, and is an OSError too
                raise
            except TimeoutError:
                await self._fail(process, f"it did not answer within {self._deadline:g} s")
            except (EOFError, OSError):
                await self._fail(process, "its process died")
            except _ProtocolError as error:
                await self._fail(process, f"it answered something that is no message ({error})")
            except asyncio.CancelledError:  # an answer nobody waited for would be taken for that of the next frame
                await self._fail(process, "it was interrupted")
                raise
        raise ModelFailedError(self._reason)

    async def revive(self) -> None:
        """A child that ended is ready again when this returns, if that is soon."""
        pause = self._not_before - self._timer.seconds()
        if self._process is None and pause < _REVIVE_SECONDS:
            await asyncio.sleep(max(pause, 0.0))
            await _quietly(self.start())

    async def close(self) -> None:
        """The child ends, after the frame that it is busy with; idempotent."""
        self._closed = True
        async with self._turn:
            if self._process is not None:
                await _kill(self._process)
                self._process = None
            self._scratch.cleanup()

    async def _ask(self, process: Process, message: bytes, *, seconds: float) -> npt.NDArray[Any]:
        async with asyncio.timeout(seconds):
            _input(process).write(LENGTH.pack(len(message)) + message)
            await _input(process).drain()
            kind, data = await _receive(process)
        if kind is Reply.FAILED:
            raise ModelRaisedError(data.decode(errors="replace"))
        if kind is Reply.VALUES:
            self._failures = 0
            return _values(data)
        if kind is not Reply.SCORES:
            raise _ProtocolError(kind.name)
        if len(data) % 8:
            raise _ProtocolError(f"{len(data)} bytes of scores")
        self._failures = 0
        return np.frombuffer(data, dtype=SCORE).astype(np.float64)

    async def _fail(self, process: Process, reason: str) -> None:
        self._process, self._reason = None, reason
        pause = min(_PAUSE_SECONDS * 2**self._failures, _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        self._not_before = self._timer.seconds() + pause
        await _kill(process)

    def _restart(self) -> None:
        busy = self._starting is not None and not self._starting.done()
        if not busy and not self._closed and self._timer.seconds() >= self._not_before:
            self._starting = asyncio.get_running_loop().create_task(_quietly(self.start()))

    async def _start(self) -> None:
        if self._closed:
            raise ModelFailedError("it is closed")
        scratch = self._scratch.name
        wanted = Confinement(readable=(str(self._path),), writable=(scratch,))
        process = await asyncio.create_subprocess_exec(
            *command(wanted, "flyball.serving.worker", str(self._path)), stdin=PIPE, stdout=PIPE, env=environment(scratch), cwd=scratch,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                kind, data = await _receive(process)
        except TimeoutError:
            await self._fail(process, f"it was not loaded within {START_SECONDS:g} s")
        except (EOFError, OSError, _ProtocolError):
            await self._fail(process, "its process died while the model was loaded")
        except asyncio.CancelledError:
            await _kill(process)
            raise
        else:
            if kind is Reply.READY and self._told(data):
                self._process = process
                return
            await self._fail(process, f"it cannot be loaded: {data.decode(errors='replace')}")
        raise ModelFailedError(self._reason)

    def _told(self, data: bytes) -> bool:
        try:
            ready = msgspec.json.decode(data, type=Ready)
        except msgspec.DecodeError:
            return False
        self.description = Description(task=ready.task, classes=ready.classes, features=ready.features)
        self.measures = tuple(Measure(found.name, found.granted, found.detail) for found in ready.measures)
        return True


class _ProtocolError(Exception):
    """A message that no worker sends."""


async def _quietly(start: Coroutine[Any, Any, None]) -> None:
    with suppress(ModelFailedError):  # whoever asks next is told the reason
        await start


async def _receive(process: Process) -> tuple[Reply, bytes]:
    assert process.stdout is not None
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    if not 1 <= length <= LONGEST_BYTES:
        raise _ProtocolError(f"a message of {length} bytes")
    data = await process.stdout.readexactly(length)
    if data[0] not in list(Reply):
        raise _ProtocolError(f"a message of kind {data[0]}")
    return Reply(data[0]), data[1:]


def _values(data: bytes) -> npt.NDArray[Any]:
    try:
        return np.array(msgspec.json.decode(data, type=list[str | int | float | bool]), dtype=object)
    except msgspec.DecodeError as error:
        raise _ProtocolError(str(error)) from error


def _input(process: Process) -> asyncio.StreamWriter:
    assert process.stdin is not None
    return process.stdin


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what its code has started with it
    await process.wait()
