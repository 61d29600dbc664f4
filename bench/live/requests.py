"""How many requests the model server answers with one core, and what of it is the journal's part.

Three servers, each on core 0, are asked in turn by 32 connections from a process on core 1: (a) ours, with look-ups, on-demand features,
a LightGBM model and the journal; (b) ours without the journal; (c) a raw ASGI application under the same uvicorn that reads the body,
parses nothing and returns finished bytes. Figures are requests per second of the server's own CPU time, so that a neighbour on the same
core does not count; what the clock on the wall says is printed beside them.

Run ``python bench/live/requests.py``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CONNECTIONS, ROUNDS, SECONDS = 32, 5, 2.0
SERVER_CORE, CLIENT_CORE = 0, 1
LEAST_PER_SECOND, LEAST_OF_ECHO, MOST_OF_JOURNAL = 1500.0, 0.15, 0.15
PROJECT = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
ECHO = (
    b'{"predictions":[{"key":"2013-12-01T10Z AA 1141 JFK","id":"prd-06gzwf6bg92k1hvnv8e46qqs3w","prediction":true,'
    b'"score":0.7366,"version":1,"route":"champion"}],"model":"late-arrival","version":1,"route":"champion"}'
)
CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9", "YV", "HA", "OO")
ORIGINS = ("EWR", "JFK", "LGA")


@dataclass(frozen=True)
class Figures:
    """What one server did in one round: answers, on the wall's clock and of its own CPU time, and how long single answers took."""

    answers: int
    wall_seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_core_second(self) -> float:
        return self.answers / self.cpu_seconds


# ---- the home: flights.py with rows made up here, so that no data must be prepared ----------------------------------------


def make_home(place: Path, now: datetime) -> None:
    """A home below `place` with published features and one version of the flights model."""
    from flyball.testing.serving_home import ServingHome

    home = ServingHome(place, PROJECT, "late-arrival", _histories(now))
    home.publish(now)
    home.add(1, _model(home.features().dtypes))
    home.keep(home.plan(1))


def _histories(now: datetime) -> dict[str, Any]:
    import numpy as np

    from flyball.testing.serving_home import history

    count, draw = 6000, np.random.default_rng(0)
    departs = [now - timedelta(minutes=2 * number) for number in range(count)]
    flights = {
        "flight_id": [f"f{number}" for number in range(count)], "carrier": [CARRIERS[number % 16] for number in range(count)],
        "origin": [ORIGINS[number % 3] for number in range(count)], "dest": [f"D{number % 100:02}" for number in range(count)],
        "distance": draw.uniform(100, 2500, count).tolist(), "scheduled_minutes": draw.integers(40, 400, count).tolist(),
        "departs_at": departs,
    }  # fmt: skip
    landed = [moment + timedelta(hours=2) for moment in departs]
    landings = {"flight_id": flights["flight_id"], "landed_at": landed, "arr_delay": draw.normal(5, 30, count).tolist()}
    seen = [now - timedelta(minutes=20 * (number // 3)) for number in range(600)]
    weather: dict[str, Any] = {"origin": [ORIGINS[number % 3] for number in range(600)], "observed_at": seen}
    weather |= {name: draw.normal(10, 3, 600).tolist() for name in ("temp", "wind_speed", "visib", "precip")}
    return {
        "flights": history(flights, event="departs_at", known_after=-timedelta(hours=24)),
        "landings": history(landings, event="landed_at", known_after=timedelta(minutes=10)),
        "weather": history(weather, event="observed_at", known_after=timedelta(minutes=5)),
    }


def _model(dtypes: Any) -> Any:
    import lightgbm
    import numpy as np
    import polars as pl

    from flyball.runtimes import Encoder, ModelManifest
    from flyball.runtimes.boosted import BoostedPredictor

    count, draw = 5000, np.random.default_rng(1)
    texts = {"flights.carrier": list(CARRIERS), "flights.origin": list(ORIGINS), "flights.dest": [f"D{number:02}" for number in range(100)]}
    frame = pl.DataFrame({name: draw.choice(texts[name], count) if name in texts else draw.normal(5, 5, count) for name in dtypes})
    encoder = Encoder.fit(frame)
    matrix = encoder.transform(frame)
    settings = {"objective": "binary", "num_leaves": 31, "verbose": -1, "num_threads": 1, "seed": 0}
    rows = lightgbm.Dataset(matrix, (matrix[:, 4] + draw.normal(0, 5, count) > 5).astype(float), categorical_feature=encoder.categories)
    text = lightgbm.train(settings, rows, 120).model_to_string()
    names = tuple(map(str, dtypes.values()))
    manifest = ModelManifest(format="lightgbm", features=tuple(dtypes), dtypes=names, task="binary")
    return BoostedPredictor(manifest, encoder, text=text)


def bodies(count: int) -> list[bytes]:
    """Bodies of requests of one row each."""
    return [json.dumps({"rows": [_row(number)]}).encode() for number in range(count)]


def _row(number: int) -> dict[str, Any]:
    carrier, origin = CARRIERS[number % 16], ORIGINS[number % 3]
    return {
        "flight_id": f"2013-12-01T10Z {carrier} {number} {origin}", "carrier": carrier, "origin": origin, "dest": f"D{number % 100:02}",
        "distance": 100.5 + number % 2000, "scheduled_minutes": 60 + number % 300,
        "departs_at": f"2013-12-{number % 28 + 1:02}T{number % 24:02}:30:00Z",
    }  # fmt: skip


# ---- the servers ----------------------------------------------------------------------------------------------------------


class NoJournal:
    """A journal that keeps nothing."""

    last = acknowledged = 0

    def append(self, *payloads: bytes) -> int:
        return len(payloads)

    def read_after(self, position: int, limit: int = 1000) -> list[Any]:
        del position, limit
        return []

    def acknowledge(self, position: int) -> None:
        del position

    def sync(self) -> None:
        """Nothing to write."""

    def filled(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing to let go of."""


async def echo(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The application that parses nothing."""
    del scope
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ECHO))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ECHO})


async def serve(kind: str, home: Path, *, port: int) -> None:
    """Serve as `kind` until killed; profiled into the file that BENCH_PROFILE names, if any."""
    from flyball.app.modelserver import ModelServer, ServerSettings
    from flyball.core.clock import MonotonicTimer
    from flyball.governance import Authority, Boundary, HostGuard
    from flyball.predict.app import PredictApp
    from flyball.predict.connections import Server, config
    from flyball.predict.place import listen

    listener = listen("127.0.0.1", port)
    application: Any = echo
    models = None
    if kind != "echo":
        models = ModelServer.open(home, ServerSettings(), journal=NoJournal() if kind == "bare" else None)
        application = PredictApp(models.engine, Boundary(HostGuard.of("127.0.0.1", port), Authority(None)), timer=MonotonicTimer())
        await models.start(10.0)
    server = Server(config(application, grace_seconds=1.0), lambda: print(json.dumps({"port": listener.getsockname()[1]}), flush=True))
    await server.serve([listener])
    if models is not None:
        await models.close()


@contextmanager
def running(kind: str, home: Path) -> Iterator[tuple[int, int]]:
    """A server of that kind on its core: its port and process id."""
    command = [sys.executable, __file__, "serve", kind, str(home)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["port"], process.pid
        finally:
            process.terminate()


# ---- the load -------------------------------------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """Asks, and asks again when it is answered."""

    def __init__(self, load: Load) -> None:
        self._load, self._data, self._asked = load, b"", 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._load.next())

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        head = self._data.find(b"\r\n\r\n") + 4
        if head < 4:
            return
        length = self._data.index(b"content-length: ") + 16
        if len(self._data) < head + int(self._data[length : self._data.index(b"\r", length)]):
            return
        self._load.answered(self._data[9:12], time.perf_counter() - self._asked)
        self._data = b""
        if self._load.ended:
            self._transport.close()
            self._load.leave()
        else:
            self._ask()


class Load:
    """Requests without pause for so many seconds."""

    def __init__(self, port: int, seconds: float) -> None:
        head = f"POST /predict/late-arrival HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: "
        self._requests = [head.encode() + b"%d\r\n\r\n" % len(body) + body for body in bodies(4096)]
        self._number, self._until = 0, time.perf_counter() + seconds
        self.seconds: list[float] = []
        self.statuses: Counter[bytes] = Counter()
        self.left = asyncio.Event()
        self._connections = CONNECTIONS

    def leave(self) -> None:
        """A connection is done."""
        self._connections -= 1
        if not self._connections:
            self.left.set()

    @property
    def ended(self) -> bool:
        return time.perf_counter() >= self._until

    def next(self) -> bytes:
        self._number += 1
        return self._requests[self._number % len(self._requests)]

    def answered(self, status: bytes, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)


async def load(port: int, pid: int, *, seconds: float) -> Figures:
    """Ask for so long."""
    loop, asked = asyncio.get_running_loop(), Load(port, seconds)
    before, start = _cpu_seconds(pid), time.perf_counter()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Connection(asked), "127.0.0.1", port)
    await asked.left.wait()
    wall, cpu = time.perf_counter() - start, _cpu_seconds(pid) - before
    assert set(asked.statuses) == {b"200"}, asked.statuses
    milliseconds = sorted(1000 * found for found in asked.seconds)
    return Figures(len(milliseconds), wall, cpu, milliseconds[len(milliseconds) // 2], milliseconds[int(len(milliseconds) * 0.99)])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- the comparison ---------------------------------------------------------------------------------------------------------


def measure(home: Path) -> dict[str, list[Figures]]:
    """Rounds of all three servers in turn, so that a busy moment hits all alike."""
    import uvloop

    found: dict[str, list[Figures]] = {"ours": [], "bare": [], "echo": []}
    with running("ours", home) as ours, running("bare", home) as bare, running("echo", home) as plain:
        servers = {"ours": ours, "bare": bare, "echo": plain}
        for seconds in (0.5, *[SECONDS] * ROUNDS):
            for kind, (port, pid) in servers.items():
                figures = uvloop.run(load(port, pid, seconds=seconds))
                if seconds == SECONDS:
                    found[kind].append(figures)
    return found


def main() -> int:
    """Measure, print, judge."""
    with tempfile.TemporaryDirectory() as place:
        make_home(Path(place), datetime.now(UTC))  # noqa: TID251 - the servers live now
        os.sched_setaffinity(0, {CLIENT_CORE})
        found = measure(Path(place))
    rates = {kind: statistics.median(figures.per_core_second for figures in rounds) for kind, rounds in found.items()}
    for kind, rounds in found.items():
        wall = statistics.median(figures.answers / figures.wall_seconds for figures in rounds)
        p50, p99 = (statistics.median(getattr(figures, name) for figures in rounds) for name in ("p50_ms", "p99_ms"))
        print(f"{kind:5} {rates[kind]:8,.0f} requests per core second   {wall:8,.0f}/s on the wall   p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    of_echo, journal = rates["ours"] / rates["echo"], 1 - rates["ours"] / rates["bare"]
    verdicts = [
        (f"{rates['ours']:,.0f} requests/s on one core; at least {LEAST_PER_SECOND:,.0f}", rates["ours"] >= LEAST_PER_SECOND),
        (f"{of_echo:.1%} of an echo; at least {LEAST_OF_ECHO:.0%}", of_echo >= LEAST_OF_ECHO),
        (f"the journal takes {journal:.1%}; at most {MOST_OF_JOURNAL:.0%}", journal <= MOST_OF_JOURNAL),
    ]
    for sentence, kept in verdicts:
        print(sentence if kept else f"{sentence}: TOO SLOW")
    return 0 if all(kept for _, kept in verdicts) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        os.sched_setaffinity(0, {SERVER_CORE})
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        uvloop.run(serve(sys.argv[2], Path(sys.argv[3]), port=free))
    else:
        sys.exit(main())
