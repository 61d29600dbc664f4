"""What looking features up costs a request: four views and ten on-demand features against the finished vector, at one server.

The server is ours as it is (validation, metrics, routing, the durable journal) on core 0, asked from core 1. The same rows are asked twice,
in turns: as a request's columns, whose features are looked up and computed, and as the vector that comes of them. The difference is
what the limits are about: at one connection in the median answer, at 32 connections in the server's own processor time per row.

Run ``python -m bench.serving.lookup``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from bench.live.requests import CARRIERS, ORIGINS, PROJECT, _histories, _model
from bench.serving.load import CLIENT_CORE, Figures, load, median_of, memory_mb, on_core, request
from bench.serving.peers import first_answer, free_port, running

ENDPOINT, ROWS, ROUNDS, SECONDS = "late-arrival", 2048, 5, 2.0
MOST_ALONE_US, MOST_AMORTISED_US, MOST_SECONDS, MOST_MB = 400.0, 30.0, 4.0, 220.0
ON_DEMAND = """
@fb.on_demand(temp="sky.temp", wind="sky.wind_speed")
def feel(temp, wind, distance):
    return {"chill": temp - 0.7 * wind, "far": distance > 1000, "length": (distance + 1).log()}


@fb.on_demand(late="punctuality.late", landed="punctuality.landed", there="arrivals.late")
def trust(late, landed, there, scheduled_minutes, distance):
    return {"sure": late * landed / (landed + 10), "busy": landed > 100, "both": late + there, "speed": distance / scheduled_minutes}


late = fb.Model("""


def make(place: Path, now: datetime) -> list[dict[str, Any]]:
    """A home of the flights with ten on-demand features, and rows to ask it with."""
    from flyball.testing.serving_home import ServingHome

    project = place / "project" / "flights.py"
    project.parent.mkdir()
    text = (
        PROJECT.read_text()
        .replace("\nlate = fb.Model(", ON_DEMAND, 1)
        .replace("arrivals, calendar,", "arrivals, calendar, feel, trust,", 1)
    )
    project.write_text(text)
    home = ServingHome(place / "home", project, ENDPOINT, _histories(now))
    home.publish(now)
    home.add(1, _model(home.features().dtypes))
    home.keep(home.plan(1))
    return [_row(number) for number in range(ROWS)]


def _row(number: int) -> dict[str, Any]:
    return {
        "flight_id": f"f{number}", "carrier": CARRIERS[number % 16], "origin": ORIGINS[number % 3], "dest": f"D{number % 100:02}",
        "distance": 100.5 + number % 2000, "scheduled_minutes": 60 + number % 300,
        "departs_at": f"2013-12-{number % 28 + 1:02}T{number % 24:02}:30:00Z",
    }  # fmt: skip


def vectors_of(place: Path, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[dict[str, Any]]:
    """The finished features of the rows, as JSON has them."""
    import polars as pl

    from flyball.data.model import PREDICTION_TIME, TIME
    from flyball.features._sqlite import SqliteOnlineStore
    from flyball.features.vectors import Vectors
    from flyball.testing.serving_home import ServingHome

    home = ServingHome(place / "home", place / "project" / "flights.py", ENDPOINT, _histories(now))
    asked = pl.DataFrame(rows).with_columns(pl.col("departs_at").str.to_datetime(time_zone="UTC").cast(TIME))
    features = home.features()
    found = Vectors(features, SqliteOnlineStore.read(place / "home" / "online.db")).compute(
        asked.with_columns(pl.lit(now, dtype=TIME).alias(PREDICTION_TIME))
    )
    made = found.frame.to_dicts()
    assert len([name for name in features.dtypes if name.partition(".")[0] in {"calendar", "feel", "trust"}]) == 10
    assert all(row["sky.temp"] is not None for row in made)
    return made


def measure(place: Path) -> tuple[dict[tuple[str, int], list[Figures]], float, float]:
    """Rounds of both kinds at both numbers of connections, in turns; seconds to the first answer, and what the server holds after them."""
    now = datetime.now(UTC)  # noqa: TID251 - the server lives now
    rows = make(place, now)
    port, log = free_port(), place / "server.log"
    kinds = {"looked up": (ENDPOINT, rows), "vector": (f"{ENDPOINT}.vector", vectors_of(place, rows, now=now))}
    asked = {
        kind: [request(port, f"/predict/{name}", body=json.dumps({"rows": [row]}).encode()) for row in found]
        for kind, (name, found) in kinds.items()
    }
    command = [sys.executable, "-m", "flyball.predict", "--home", str(place / "home"), "--port", str(port), "--no-auth"]
    found: dict[tuple[str, int], list[Figures]] = {}
    begun = time.perf_counter()
    with running(command, {"FLYBALL_RATE_LIMITS": "off"}, log=log) as pid:
        first_answer(port, asked["looked up"][0], log=log)
        started = time.perf_counter() - begun
        for seconds in (0.5, *[SECONDS] * ROUNDS):
            for connections in (1, 32):
                for kind, requests in asked.items():
                    figures = uvloop.run(load(port, pid, requests=requests, connections=connections, seconds=seconds))
                    if seconds == SECONDS:
                        found.setdefault((kind, connections), []).append(figures)
        return found, started, memory_mb(pid)


def main() -> int:
    """Measure, print, judge."""
    on_core(CLIENT_CORE)
    with tempfile.TemporaryDirectory() as place:
        found, started, megabytes = measure(Path(place))
    for (kind, connections), rounds in found.items():
        p50, p99 = median_of(rounds, "p50_ms"), median_of(rounds, "p99_ms")
        rate, cpu = median_of(rounds, "per_second"), 1e6 / median_of(rounds, "per_core_second")
        print(f"{kind:9} {connections:2} connections: {rate:7,.0f}/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, {cpu:.0f} µs CPU each")
    alone = statistics.median(1000 * (mine.p50_ms - plain.p50_ms) for mine, plain in _pairs(found, 1))
    amortised = statistics.median(1e6 / mine.per_core_second - 1e6 / plain.per_core_second for mine, plain in _pairs(found, 32))
    verdicts = [
        (f"a lone row takes {alone:.0f} µs more in the median; at most {MOST_ALONE_US:.0f}", alone <= MOST_ALONE_US),
        (f"at 32 connections a row costs {amortised:.0f} µs of CPU more; at most {MOST_AMORTISED_US:.0f}", amortised <= MOST_AMORTISED_US),
        (f"the first answer after {started:.1f} s; at most {MOST_SECONDS:.0f}", started <= MOST_SECONDS),
        (f"{megabytes:.0f} MB; at most {MOST_MB:.0f}", megabytes <= MOST_MB),
    ]
    for sentence, held in verdicts:
        print(sentence if held else f"{sentence}: TOO MUCH")
    return 0 if all(held for _, held in verdicts) else 1


def _pairs(found: Mapping[tuple[str, int], Sequence[Figures]], connections: int) -> list[tuple[Figures, Figures]]:
    """The rounds of both kinds that followed each other, so that a busy moment hits both."""
    return list(zip(found["looked up", connections], found["vector", connections], strict=True))


if __name__ == "__main__":
    sys.exit(main())
