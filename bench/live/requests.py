"""How many requests the model server answers with one core, and what of it is the journal's part.

Three servers, each on core 0, are asked in turn by 32 connections from a process on core 1: (a) ours, with look-ups, on-demand features,
a LightGBM model and the journal; (b) ours without the journal; (c) a raw ASGI application under the same uvicorn that reads the body,
parses nothing and returns finished bytes. Figures are requests per second of the server's own CPU time, so that a neighbour on the same
core does not count; what the clock on the wall says is printed beside them.

Run ``python bench/live/requests.py``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from bench.serving.load import CLIENT_CORE, SERVER_CORE, Figures, load, median_of, on_core, request

CONNECTIONS, ROUNDS, SECONDS = 32, 5, 2.0
LEAST_PER_SECOND, LEAST_OF_ECHO, MOST_OF_JOURNAL = 1500.0, 0.15, 0.15
PROJECT = Path(__file__).resolve().parents[2] / "examples" / "flights" / "flights.py"
ECHO = (
    b'{"predictions":[{"key":"2013-12-01T10Z AA 1141 JFK","id":"prd-06gzwf6bg92k1hvnv8e46qqs3w","prediction":true,'
    b'"score":0.7366,"version":1,"route":"champion"}],"model":"late-arrival","version":1,"route":"champion"}'
)
CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9", "YV", "HA", "OO")
ORIGINS = ("EWR", "JFK", "LGA")


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
    from flyball.storage.journal import NoJournal

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


# ---- the comparison ---------------------------------------------------------------------------------------------------------


def measure(home: Path) -> dict[str, list[Figures]]:
    """Rounds of all three servers in turn, so that a busy moment hits all alike."""
    import uvloop

    found: dict[str, list[Figures]] = {"ours": [], "bare": [], "echo": []}
    asked = bodies(4096)
    with running("ours", home) as ours, running("bare", home) as bare, running("echo", home) as plain:
        servers = {"ours": ours, "bare": bare, "echo": plain}
        for seconds in (0.5, *[SECONDS] * ROUNDS):
            for kind, (port, pid) in servers.items():
                requests = [request(port, "/predict/late-arrival", body=body) for body in asked]
                figures = uvloop.run(load(port, pid, requests=requests, connections=CONNECTIONS, seconds=seconds))
                if seconds == SECONDS:
                    found[kind].append(figures)
    return found


def main() -> int:
    """Measure, print, judge."""
    with tempfile.TemporaryDirectory() as place:
        make_home(Path(place), datetime.now(UTC))  # noqa: TID251 - the servers live now
        on_core(CLIENT_CORE)
        found = measure(Path(place))
    rates = {kind: median_of(rounds, "per_core_second") for kind, rounds in found.items()}
    for kind, rounds in found.items():
        wall, p50, p99 = (median_of(rounds, name) for name in ("per_second", "p50_ms", "p99_ms"))
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

        on_core(SERVER_CORE)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        uvloop.run(serve(sys.argv[2], Path(sys.argv[3]), port=free))
    else:
        sys.exit(main())
