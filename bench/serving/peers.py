"""The same pipeline behind every server: requests per second with one core, first answers, memory.

Each server is pinned to core 0 and asked from core 1 by 32 connections, single rows, then by eight with a thousand rows each; in its
defaults and, where it has one, with its micro-batching. Ours converts the pipeline as `flyball` does after a registration, validates,
routes, counts and journals durably; the others do nothing of that.

Run ``python -m bench.serving.peers [NAME ...]``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from bench.serving.load import CLIENT_CORE, SERVER_CORE, Figures, load, median_of, memory_mb, on_core, request
from bench.serving.peerscripts import PEERS, Peer, body_of, mlflow_server
from bench.serving.pipeline import NUMBERS, TEXTS, make

Bodies: TypeAlias = tuple[Sequence[bytes], Sequence[bytes]]
ROUNDS, SECONDS, PATIENCE_SECONDS = 3, 2.0, 240.0
OF_DEFAULTS, OF_TUNED = 25.0, 6.0


@dataclass(frozen=True)
class Found:
    """What one server did: single rows at 32 connections, rows per second of requests of a thousand, start and memory."""

    name: str
    tuned: bool
    single: Sequence[Figures]
    thousand: Sequence[Figures]
    first_seconds: float
    memory: float

    @property
    def per_second(self) -> float:
        return median_of(self.single, "per_second")

    @property
    def rows_per_second(self) -> float:
        return 1000 * median_of(self.thousand, "per_second")

    def line(self) -> str:
        name = f"{self.name}{', its batching on' if self.tuned else ''}"
        times = f"p50 {median_of(self.single, 'p50_ms'):7.2f} ms  p99 {median_of(self.single, 'p99_ms'):7.2f} ms"
        rest = f"{self.rows_per_second:9,.0f} rows/s   first answer {self.first_seconds:5.1f} s   {self.memory:5.0f} MB"
        return f"{name:26} {self.per_second:8,.0f} requests/s   {times}   {rest}"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], *, log: Path, core: int | None = SERVER_CORE) -> Iterator[int]:
    """The process, with all that it starts, on that core, or wherever there is time; its id."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **environment}, start_new_session=True,
            preexec_fn=None if core is None else partial(on_core, core),  # noqa: PLW1509 - nothing else runs in this process
        )  # fmt: skip
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def first_answer(port: int, asked: bytes, *, log: Path) -> float:
    """Seconds until the server answers with 200 for the first time.

    Raises:
        RuntimeError: it does not within the patience.
    """
    begun = time.perf_counter()
    while time.perf_counter() - begun < PATIENCE_SECONDS:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(asked)
            if connection.recv(65536)[9:12] == b"200":
                return time.perf_counter() - begun
        time.sleep(0.02)
    raise RuntimeError(f"no answer within {PATIENCE_SECONDS:g} s: {log.read_text(errors='replace')[-1500:]}")


@dataclass(frozen=True)
class Started:
    """A server that was just started: what it is called, where it is asked, and where it writes its log."""

    name: str
    port: int
    pid: int
    path: str
    log: Path
    tuned: bool = False


def measured(server: Started, bodies: Bodies) -> Found:
    """All figures of the server."""
    import uvloop

    single, thousand = ([request(server.port, server.path, body=body) for body in part] for part in bodies)
    first = first_answer(server.port, single[0], log=server.log)
    rounds: dict[int, list[Figures]] = {32: [], 8: []}
    for seconds in (0.7, *[SECONDS] * ROUNDS):
        for connections, requests in ((32, single), (8, thousand)):
            figures = uvloop.run(load(server.port, server.pid, requests=requests, connections=connections, seconds=seconds))
            if seconds == SECONDS:
                rounds[connections].append(figures)
    return Found(server.name, server.tuned, rounds[32], rounds[8], first, memory_mb(server.pid))


def peer(peer: Peer, rows: Sequence[Mapping[str, Any]], *, tuned: bool, place: Path) -> Found:
    """The figures of one peer."""
    bodies = _bodies(rows, lambda part: body_of(part, peer.body))
    port, log = free_port(), place / f"{peer.name}.log"
    command, environment = peer.command(place, port=port, tuned=tuned)
    if peer.name == "MLflow":
        if not (place / "logged").exists():
            subprocess.run(command, check=True, capture_output=True)
        command = mlflow_server(place, port=port)
        environment = {"PATH": f"{Path(command[0]).parent}:{os.environ['PATH']}"}
    with running(command, environment, log=log) as pid:
        return measured(Started(peer.name, port, pid, peer.path, log, tuned), bodies)


def _bodies(rows: Sequence[Mapping[str, Any]], encode: Any) -> tuple[list[bytes], list[bytes]]:
    return [encode([row]) for row in rows[:1000]], [encode(rows[start : start + 1000]) for start in range(0, 3000, 1000)]


def ours(rows: Sequence[Mapping[str, Any]], *, place: Path) -> Found:
    """Our figures: the same file, imported and served by the two commands that a user types."""
    port, log, home = free_port(), place / "flyball.log", str(place / "home")
    takes = ", ".join([*(f"{name}: string" for name in TEXTS), *(f"{name}: double" for name in NUMBERS)])
    flyball = [sys.executable, "-m", "flyball"]
    subprocess.run(
        [
            *flyball,
            "import",
            "model",
            str(place / "pipeline.joblib"),
            "--name",
            "flights",
            "--signature",
            takes,
            "--run-code",
            "--home",
            home,
        ],
        check=True,
    )
    command = [*flyball, "serve", "models:/flights/1", "--home", home, "--port", str(port), "--no-auth"]
    bodies = _bodies(rows, lambda part: body_of(part, "rows"))
    with running(command, {}, log=log) as pid:
        return measured(Started("Flyball", port, pid, "/predict/flights", log), bodies)


def main(names: Sequence[str]) -> int:
    """Measure, print, judge."""
    on_core(CLIENT_CORE)
    wanted = [found for found in PEERS if not names or found.name in names]
    with tempfile.TemporaryDirectory(prefix="flyball-bench-", ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        _, rows = make(place)
        mine = ours(rows, place=place)
        print(mine.line(), flush=True)
        found = []
        for one in wanted:
            for tuned in (False, True) if one.batches else (False,):
                try:
                    figures = peer(one, rows, tuned=tuned, place=place)
                except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                    print(f"{one.name}{', its batching on' if tuned else ''}: not measured: {error}", flush=True)
                    continue
                found.append(figures)
                print(figures.line(), flush=True)
    return judge(mine, found)


def judge(mine: Found, found: Sequence[Found]) -> int:
    """Our figures against the best peer's, in its defaults and with its batching; 1 where a limit is passed."""
    kept = True
    for tuned, limit, words in ((False, OF_DEFAULTS, "in its defaults"), (True, OF_TUNED, "however it is tuned")):
        rates = {one.name: one.per_second for one in found if tuned or not one.tuned}
        if rates:
            best = max(rates, key=lambda name: rates[name])
            ratio = mine.per_second / rates[best]
            kept &= ratio >= limit
            verdict = "" if ratio >= limit else ": TOO SLOW"
            print(f"{ratio:.1f} times {best}, the best peer {words}; at least {limit:g}{verdict}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
