"""One worker as the master has it: its process, what it is told and what it answers, and the connections that it is given."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flyball.core.exposition import Family
from flyball.predict import wire
from flyball.predict.board import Board, Seen

PREPARE_SECONDS = 120.0
COMMIT_SECONDS, COUNT_SECONDS = 10.0, 1.0


@dataclass(frozen=True)
class Launch:
    """How a worker's process is started: with the master's own `arguments`, on its `port`."""

    arguments: Sequence[str]
    port: int
    board: Board
    grpc_port: int | None = None

    def command(self, place: int, *, control: int, lines: int) -> list[str]:
        """What is run; the numbers are descriptors that it inherits."""
        own = [str(number) for number in (place, control, lines, self.board.descriptor, self.board.places)]
        resolved = ["--port", str(self.port), *([] if self.grpc_port is None else ["--grpc-port", str(self.grpc_port)])]
        flags = ["-P"] if sys.flags.safe_path else []
        return [sys.executable, *flags, "-m", "flyball.predict.member", *own, *self.arguments, *resolved]


@dataclass
class Hand:
    """A worker. It is `present` once it can be told something, and `ready` once it takes connections."""

    place: int
    launch: Launch
    asked: Callable[[Hand, wire.Ask], None]
    present: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    ready: bool = False
    leaving: bool = False
    passed: int = 0
    passing: deque[socket.socket] = field(default_factory=deque)
    """Connections that it was given and has not taken yet: should it die before, another gets them."""
    figures: list[Family] = field(default_factory=list)
    started_seconds: float = 0.0

    def start(self) -> None:
        """Run it; in the event loop."""
        self.launch.board.set(self.place, Seen(0, 0, 0.0, 0.0))  # not what one said that was here before
        ours, theirs = socket.socketpair()
        self._lines, lines = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, lines:
            handed = (theirs.fileno(), lines.fileno(), self.launch.board.descriptor)
            command = self.launch.command(self.place, control=handed[0], lines=handed[1])
            environment = {"POLARS_MAX_THREADS": "1", **os.environ}
            self._process = subprocess.Popen(command, pass_fds=handed, env=environment)  # noqa: S603 - our own module
        self._lines.setblocking(False)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._writer: asyncio.StreamWriter | None = None
        self._task = asyncio.get_running_loop().create_task(self._listen(ours))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def load(self) -> int:
        """The connections that it has, those on their way with them."""
        seen = self.launch.board.get(self.place)
        return seen.open + max(0, self.passed - seen.taken)

    def hand_over(self, line: socket.socket) -> bool:
        """Give it the connection, which is closed here once it was taken; whether it could be given."""
        try:
            socket.send_fds(self._lines, [b"c"], [line.fileno()])
        except OSError:  # its queue is full, or it has just died
            return False
        self.passed += 1
        self.passing.append(line)
        return True

    def release(self) -> None:
        """Close here what it has taken: until then its client would not see that it closed it."""
        left = self.passed - self.launch.board.get(self.place).taken
        while len(self.passing) > left:
            self.passing.popleft().close()

    async def prepare(self, plan: bytes, without: Sequence[str]) -> Mapping[str, str] | None:
        """It has loaded the plan, and why not all of it; None where it did not answer, and is ended."""
        reply = await self._ask(lambda number: wire.Prepare(number, plan, list(without)), seconds=PREPARE_SECONDS)
        return reply.refused if isinstance(reply, wire.Prepared) else None

    async def commit(self, keep: Sequence[str]) -> int | None:
        """What it prepared last is in force; the revision, or None where it did not answer, and is ended."""
        reply = await self._ask(lambda number: wire.Commit(number, list(keep)), seconds=COMMIT_SECONDS)
        return reply.revision if isinstance(reply, wire.Committed) else None

    async def count(self) -> list[Family]:
        """What it counted, or what it said of that last."""
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNT_SECONDS):
                await self._exchange(wire.Count)
        return self.figures

    def tell(self, message: wire.Down) -> None:
        """Say something that needs no answer."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(wire.framed(message))

    def end(self) -> None:
        """It takes no more connections and is told to end."""
        self.ready, self.leaving = False, True
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """It ends at once; unless it was to end, it is started again."""
        self.ready = False
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _ask(self, make: Callable[[int], wire.Down], *, seconds: float) -> wire.Up | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(make)
        except TimeoutError:
            self.kill()
            return None

    async def _exchange(self, make: Callable[[int], wire.Down]) -> wire.Up | None:
        if self.gone.is_set():
            return None
        self._number += 1
        future: asyncio.Future[wire.Up | None] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        number = self._number
        try:
            self.tell(make(number))
            return await future
        finally:
            self._waiting.pop(number, None)

    async def _listen(self, channel: socket.socket) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=channel)
        try:
            while True:
                self._heard(await wire.receive_up(reader))
        except (EOFError, OSError, msgspec.DecodeError):
            pass
        finally:
            self.ready = False
            self._writer.close()
            await self._reaped()

    def _heard(self, message: wire.Up) -> None:
        match message:
            case wire.Hello():
                self.present.set()
            case wire.Ask():
                self.asked(self, message)
            case wire.Counted():
                self.figures = message.figures
                self._settle(message.number, message)
            case _:
                self._settle(message.number, message)

    def _settle(self, number: int, message: wire.Up | None) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(message)

    async def _reaped(self) -> None:
        """Its process has ended; whoever waits for it is told. One that closed its channel has no other way to be told to end."""
        for _ in range(600):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.02)
        else:
            self._process.kill()
            self._process.wait()
        self._lines.close()
        self.release()
        self.gone.set()
        for number in list(self._waiting):
            self._settle(number, None)

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()
