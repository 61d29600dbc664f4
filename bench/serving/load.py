"""Load on a server from the other core: so many connections that ask again as soon as they are answered.

It knows HTTP/1.1 as far as answers need it: a length, or chunks. Servers are processes that print ``{"port": …}`` or that are asked until
they answer; their processor time is that of all their processes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections import Counter, deque
from collections.abc import MutableSequence, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

SERVER_CORE, CLIENT_CORE = 0, 1


@dataclass(frozen=True)
class Figures:
    """What one server did in one round: answers, on the wall's clock and of its own processor time, and how long single answers took."""

    answers: int
    wall_seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.answers / self.wall_seconds

    @property
    def per_core_second(self) -> float:
        return self.answers / max(self.cpu_seconds, 0.01)


def median_of(rounds: Sequence[Figures], name: str) -> float:
    """The median over rounds of one figure."""
    return float(statistics.median(getattr(figures, name) for figures in rounds))


def request(port: int, path: str, *, body: bytes, kind: str = "application/json", head: Sequence[str] = ()) -> bytes:
    """A POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-type: {kind}", f"content-length: {len(body)}", *head]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, asked: _Asked) -> None:
        self._load, self._data, self._begun = asked, b"", 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(self._load.next())

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if not _whole(self._data):
            return
        self._load.answered(self._data, seconds=time.perf_counter() - self._begun)
        self._data = b""
        if self._load.ended:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self._load.ended:
            self._load.statuses[b"lost"] += 1
        self._load.leave()


def _whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n") + 4
    if head < 4:
        return False
    lower = data[:head].lower()
    place = lower.find(b"content-length: ")
    if place >= 0:
        return len(data) >= head + int(lower[place + 16 : lower.index(b"\r", place)])
    return data.endswith(b"0\r\n\r\n")


class _Asked:
    def __init__(self, requests: Sequence[bytes], *, connections: int, seconds: float) -> None:
        self._requests, self._number, self._left = requests, 0, connections
        self._until = time.perf_counter() + seconds
        self.seconds: MutableSequence[float] = []
        self.statuses: Counter[bytes] = Counter()
        self.wrong: bytes = b""
        self.over = asyncio.Event()

    def leave(self) -> None:
        self._left -= 1
        if not self._left:
            self.over.set()

    @property
    def ended(self) -> bool:
        return time.perf_counter() >= self._until

    def next(self) -> bytes:
        self._number += 1
        return self._requests[self._number % len(self._requests)]

    def answered(self, data: bytes, *, seconds: float) -> None:
        status = data[9:12]
        self.statuses[status] += 1
        self.seconds.append(seconds)
        if status != b"200" and not self.wrong:
            self.wrong = data


async def load(port: int, pid: int, *, requests: Sequence[bytes], connections: int, seconds: float) -> Figures:
    """Ask for so long; every answer is 200.

    Raises:
        RuntimeError: one was not, or a connection was lost.
    """
    loop, asked = asyncio.get_running_loop(), _Asked(requests, connections=connections, seconds=seconds)
    before, begun = cpu_seconds(pid), time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(asked), "127.0.0.1", port)
    await asked.over.wait()
    wall, cpu = time.perf_counter() - begun, cpu_seconds(pid) - before
    if set(asked.statuses) != {b"200"}:
        raise RuntimeError(f"{dict(asked.statuses)}: {asked.wrong[:600]!r}")
    milliseconds = sorted(1000 * found for found in asked.seconds)
    return Figures(len(milliseconds), wall, cpu, milliseconds[len(milliseconds) // 2], milliseconds[int(len(milliseconds) * 0.99)])


@dataclass
class Tally:
    """How many requests were answered with 200, and how many were not."""

    answered: int = 0
    failed: int = 0


async def load_until(port: int, requests: Sequence[bytes], *, connections: int, seconds: float, tally: Tally) -> None:
    """Ask for so long, whatever is answered, and count it."""
    loop, asked = asyncio.get_running_loop(), _Asked(requests, connections=connections, seconds=seconds)
    asked.seconds = deque(maxlen=1)  # half an hour of them is nobody's to keep
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(asked), "127.0.0.1", port)
    await asked.over.wait()
    tally.answered += asked.statuses.pop(b"200", 0)
    tally.failed += asked.statuses.total()


def family(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    found = psutil.Process(pid)
    return [found, *found.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Processor time of the process and of all that live below it."""
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(pid: int) -> float:
    """What the process and all below it hold, with what they share counted in parts."""
    total = 0
    for process in family(pid):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def on_core(core: int) -> None:
    """This process and its children run on that core."""
    os.sched_setaffinity(0, {core})
