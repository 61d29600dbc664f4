"""What a flood by one token costs the others: the p99 of a well-behaved client with and without twenty times its requests beside it.

    python -m bench.limits [--rounds 6] [--requests 300] [--path PATH] [--endless]

A server of its own is started. The well-behaved client asks at a steady pace; in every second round another token asks twenty times as
often from twenty connections (with --endless: as fast as it can). Rounds alternate, so that both meet the same machine. Promised: at
most double. On a machine that others use, take many rounds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # `make bench` runs it as a file

from bench.tracking.wire import AnswerError, Wire
from flyball.client import Client

PACE_SECONDS, PAUSE_SECONDS = 0.02, 0.3
TIMES = 20
MOST = 2.0
PATIENCE_SECONDS = 120


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Where a server of its own answers, and its owner's token."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        command = [sys.executable, "-m", "flyball", "server", "--home", str(home), "--port", str(port), "--no-console"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        try:
            end = time.perf_counter() + PATIENCE_SECONDS
            while not _lives(url):
                if process.poll() is not None or time.perf_counter() > end:
                    sys.exit("the server does not start")
                time.sleep(0.05)
            yield url, (home / "token").read_text(encoding="ascii").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _lives(url: str) -> bool:
    with Client(url) as client:
        return client.is_alive()


def create_token(url: str, owner: str, *, name: str) -> str:
    """The secret of an editor's token."""
    with Client(url, owner) as client:
        secret: str = client.create_token(name, role="editor")["secret"]
        return secret


def asked(wire: Wire, request: bytes, *, number: int) -> list[float]:
    """How long each of `number` answers took, in seconds, at a steady pace."""
    found, due = [], time.perf_counter()
    for _ in range(number):
        due += PACE_SECONDS
        time.sleep(max(0.0, due - time.perf_counter()))
        begun = time.perf_counter()
        wire.send(request)
        found.append(time.perf_counter() - begun)
    return found


@dataclass(frozen=True)
class Flood:
    """What is asked, by whom, and whether without a pause."""

    url: str
    token: str
    path: str
    endless: bool


def flood(plan: Flood, go: Event, *, count: Any) -> None:
    """Ask from twenty connections while `go` is set, each as often as the well-behaved client; `count` counts."""

    def one() -> None:
        wire = Wire(plan.url, plan.token)
        while True:
            go.wait()
            begun = time.perf_counter()
            try:
                wire.send(wire.request("GET", plan.path))
            except (AnswerError, OSError):  # refused: what a flood deserves
                wire = Wire(plan.url, plan.token)
            with count.get_lock():
                count.value += 1
            if not plan.endless:
                time.sleep(max(0.0, PACE_SECONDS - (time.perf_counter() - begun)))

    for _ in range(TIMES):
        threading.Thread(target=one, daemon=True).start()
    threading.Event().wait()


def p99(seconds: list[float]) -> float:
    """Milliseconds that one in a hundred exceeds."""
    return statistics.quantiles(seconds, n=100)[98] * 1000


def parser(doc: str | None) -> argparse.ArgumentParser:
    """What both floods may be told."""
    found = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--rounds", type=int, default=6)
    found.add_argument("--requests", type=int, default=300)
    found.add_argument("--endless", action="store_true", help="the flood does not pause at all")
    return found


def judged(ask: Callable[[], list[float]], go: Event, *, rounds: int, counts: Mapping[str, Any]) -> int:
    """Ask in turn without the flood and with it, print each round and the ratio of the medians; 1 where that is more than was promised.

    `counts` are what the flood was told how often.
    """
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(p99(ask()))
        before, begun = {name: count.value for name, count in counts.items()}, time.perf_counter()
        go.set()
        beside.append(p99(ask()))
        go.clear()
        seconds = time.perf_counter() - begun
        told = ", ".join(f"{(count.value - before[name]) / seconds:.0f}/s {name}" for name, count in counts.items())
        time.sleep(PAUSE_SECONDS)
        print(f"p99 alone {alone[-1]:.1f} ms, beside a flood ({told}) {beside[-1]:.1f} ms")
    first, second = statistics.median(alone), statistics.median(beside)
    print(f"medians {first:.1f} and {second:.1f} ms: {second / first:.2f} times; promised at most {MOST:g} ({os.cpu_count()} CPUs)")
    return int(second > MOST * first)


def main() -> None:
    """Measure, print and judge."""
    arguments = parser(__doc__)
    arguments.add_argument("--path", default="/api/v1/events?limit=10")
    given = arguments.parse_args()
    with server() as (url, owner):
        good, bad = (create_token(url, owner, name=name) for name in ("good", "flood"))
        wire = Wire(url, good)
        request = wire.request("GET", given.path)
        asked(wire, request, number=100)
        go, count = multiprocessing.Event(), multiprocessing.Value("l", 0)
        process = multiprocessing.Process(
            target=flood, args=(Flood(url, bad, given.path, given.endless), go), kwargs={"count": count}, daemon=True
        )
        process.start()
        verdict = judged(lambda: asked(wire, request, number=given.requests), go, rounds=given.rounds, counts={"asked": count})
        process.terminate()
    sys.exit(verdict)


if __name__ == "__main__":
    main()
