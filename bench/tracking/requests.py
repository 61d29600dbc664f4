"""What training loops and people feel of a tracking server: ours against MLflow's own, in the same run, by the same thin client.

Run ``python -m bench.tracking.requests [--postgres URL-of-an-empty-server] [--quick]``. Each figure is the median of rounds that
alternate between the two servers, so that a busy neighbour hits both; the exit code is 1 when a ratio is below its limit.
The stock client's own cost caps what it can see: its figures stand beside, measured with the client of `.venv-clients/mlflow`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.tracking.servers import PEER, Served, ours, peer

API = "/api/2.0/mlflow"
ROUNDS = 3
_LESS: dict[str, Any] = {"higher_is_better": False, "least": None}
_ONCE = {**_LESS, "rounds": 1}
STOCK = """
import sys, time, mlflow
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
run = client.create_run("0").info.run_id
client.log_metric(run, "loss", 1.0)
begun = time.perf_counter()
for step in range(int(sys.argv[2])):
    client.log_metric(run, "loss", 1.0, step=step)
print(int(sys.argv[2]) / (time.perf_counter() - begun))
"""

LOOP = """
import sys, time, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.config.enable_async_logging(True)
def work(log):
    begun = time.perf_counter()
    for step in range(1500):
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass
        if log and step % 10 == 0:
            mlflow.log_metric("loss", 0.5, step=step)
    return time.perf_counter() - begun
with mlflow.start_run():
    work(True)
    plain, logged = sorted(work(False) for _ in range(3))[1], sorted(work(True) for _ in range(3))[1]
print(100 * (logged - plain) / plain)
"""


@dataclass
class Comparison:
    """One figure of both servers, round by round. `least` is the ratio that must be reached."""

    name: str
    unit: str
    least: float | None
    higher_is_better: bool = True
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, served: Served, figure: float) -> None:
        self.figures.setdefault(served.name, []).append(figure)

    def ratio(self) -> float:
        ours_, theirs = (statistics.median(self.figures[name]) for name in ("flyball", "mlflow"))
        return ours_ / theirs if self.higher_is_better else theirs / ours_

    def line(self) -> str:
        ours_, theirs = (statistics.median(self.figures[name]) for name in ("flyball", "mlflow"))
        wanted = "" if self.least is None else f"  (at least {self.least:g}){'' if self.holds() else '  MISSED'}"
        return f"{self.name:<44} {ours_:>12,.1f} {theirs:>12,.1f} {self.unit:<10} {self.ratio():>8.1f} x{wanted}"

    def holds(self) -> bool:
        return self.least is None or self.ratio() >= self.least


def create_run(served: Served) -> str:
    """A new run of experiment 0; its id."""
    wire = served.wire()
    found = wire.ask("POST", f"{API}/runs/create", body={"experiment_id": "0", "start_time": 1, "run_name": "bench"})
    wire.close()
    return str(found["run"]["info"]["run_id"])


def log_metric(served: Served, clients: int, *, seconds: float, quick: bool = True) -> float:
    """Requests a second by so many clients, each with a run of its own."""
    counts = [0] * clients
    stop = threading.Event()

    def client(number: int) -> None:
        run, wire = create_run(served), served.wire(quick=quick)
        step = 0
        while not stop.is_set():
            body = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_000 + step, "step": step}
            wire.send(wire.request("POST", f"{API}/runs/log-metric", body=body))
            step += 1
        counts[number] = step
        wire.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)


def log_batch(served: Served, batches: int, *, keys: int) -> float:
    """Metrics a second in batches of 1,000 over so many keys, by one client."""
    run, wire = create_run(served), served.wire()
    requests = []
    for batch in range(batches):
        metrics = [
            {"key": f"m{place % keys}", "value": place * 0.5, "timestamp": 1_700_000_000_000 + place, "step": batch * 1000 + place}
            for place in range(1000)
        ]
        requests.append(wire.request("POST", f"{API}/runs/log-batch", body={"run_id": run, "metrics": metrics}))
    begun = time.perf_counter()
    for request in requests:
        wire.send(request)
    taken = time.perf_counter() - begun
    wire.close()
    return 1000 * batches / taken


def fill_history(served: Served, points: int) -> str:
    """A run with a long metric; its id."""
    run, wire = create_run(served), served.wire()
    for start in range(0, points, 1000):
        steps = range(start, start + 1000)
        metrics = [{"key": "loss", "value": step * 0.001, "timestamp": 1_700_000_000_000 + step, "step": step} for step in steps]
        wire.ask("POST", f"{API}/runs/log-batch", body={"run_id": run, "metrics": metrics})
    wire.close()
    return run


def whole_history(served: Served, run: str, *, points: int) -> float:
    """Seconds for the whole history, page by page as the stock client asks for it."""
    wire, token, got = served.wire(), "", 0
    begun = time.perf_counter()
    while True:
        more = f"&page_token={token}" if token else ""
        body = wire.send(wire.request("GET", f"{API}/metrics/get-history?run_id={run}&metric_key=loss&max_results=25000{more}"))
        page = json.loads(body)
        got += len(page["metrics"])
        token = page.get("next_page_token") or ""
        if not token:
            break
    taken = time.perf_counter() - begun
    wire.close()
    assert got == points, (got, points)
    return taken


def bulk_interval(served: Served, run: str) -> float:
    """Milliseconds for the curve of the history as a chart asks for it."""
    wire = served.wire()
    query = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=loss&max_results=320"
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        found = wire.ask("GET", query)
        taken.append(1000 * (time.perf_counter() - begun))
        assert found["metrics"]
    wire.close()
    return statistics.median(taken)


def fill_runs(served: Served, count: int) -> str:
    """An experiment of `count` runs with 10 params, 5 metrics and 3 tags each; its id."""
    wire = served.wire()
    experiment = str(wire.ask("POST", f"{API}/experiments/create", body={"name": f"bench-{count}"})["experiment_id"])
    for number in range(count):
        made = wire.ask("POST", f"{API}/runs/create", body={"experiment_id": experiment, "start_time": number, "run_name": f"run-{number}"})
        batch = {
            "run_id": made["run"]["info"]["run_id"],
            "metrics": [{"key": f"m{k}", "value": (number * (7 + k)) % 1009 / 1009, "timestamp": number, "step": 0} for k in range(5)],
            "params": [{"key": f"p{k}", "value": str((number * (3 + k)) % 17)} for k in range(10)],
            "tags": [{"key": f"t{k}", "value": str((number * (5 + k)) % 13)} for k in range(3)],
        }
        wire.ask("POST", f"{API}/runs/log-batch", body=batch)
    wire.close()
    return experiment


def search(served: Served, experiment: str, **asked: Any) -> float:
    """Milliseconds for the first page of 100 runs."""
    wire = served.wire()
    request = wire.request("POST", f"{API}/runs/search", body={"experiment_ids": [experiment], "max_results": 100, **asked})
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        found = json.loads(wire.send(request))
        taken.append(1000 * (time.perf_counter() - begun))
        assert found["runs"]
    wire.close()
    return statistics.median(taken)


def stock(served: Served, calls: int) -> float:
    """`MlflowClient.log_metric` a second, by the stock client in its own environment."""
    return _by_stock_client(served, STOCK, str(calls))


def training_loop(served: Served) -> float:
    """What of a loop of 1 ms steps goes into logging every tenth asynchronously, in percent, by the stock client."""
    return _by_stock_client(served, LOOP)


def _by_stock_client(served: Served, script: str, *arguments: str) -> float:
    import os

    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **({"MLFLOW_TRACKING_TOKEN": served.token} if served.token else {})}
    done = subprocess.run(
        [str(PEER / "python"), "-c", script, served.url, *arguments], env=environment, capture_output=True, check=True, text=True
    )
    return float(done.stdout.split()[-1])


def compare(servers: Sequence[Served], name: str, *, figure: Callable[[Served], float], **how: Any) -> Comparison:
    """One figure of both, in alternating rounds."""
    rounds = how.pop("rounds", ROUNDS)
    found = Comparison(name, **how)
    for _ in range(rounds):
        for served in servers:
            found.add(served, figure(served))
    print(found.line(), flush=True)
    return found


def measure(servers: Sequence[Served], *, quick: bool) -> list[Comparison]:
    """All comparisons, printed as they come."""
    for served in servers:  # the first requests load what the others use
        log_batch(served, 2, keys=10)
        stock(served, 5)
    return [*measure_writes(servers, quick=quick), *measure_histories(servers, quick=quick), *measure_searches(servers, quick=quick)]


def measure_writes(servers: Sequence[Served], *, quick: bool) -> list[Comparison]:
    """What a training loop feels."""
    seconds, calls = (1.0, 100) if quick else (4.0, 300)
    second: dict[str, Any] = {"unit": "/s"}
    metrics: dict[str, Any] = {"unit": "metrics/s", "least": 25}
    return [
        compare(servers, "log-metric, 1 client", figure=lambda s: log_metric(s, 1, seconds=seconds), least=10, **second),
        compare(servers, "log-metric, 8 clients", figure=lambda s: log_metric(s, 8, seconds=seconds), least=10, **second),
        compare(servers, "  with delayed ACKs", figure=lambda s: log_metric(s, 1, seconds=seconds, quick=False), least=None, **second),
        compare(servers, "log-batch of 1,000, one key", figure=lambda s: log_batch(s, 5, keys=1), **metrics),
        compare(servers, "log-batch of 1,000, 1,000 keys", figure=lambda s: log_batch(s, 5, keys=1000), **metrics),
        compare(servers, "log_metric by the stock client", figure=lambda s: stock(s, calls), least=None, **second),
        compare(servers, "cost of logging every 10th step of 1 ms", figure=training_loop, unit="%", **_ONCE),
    ]


def measure_histories(servers: Sequence[Served], *, quick: bool) -> list[Comparison]:
    """What a chart waits for."""
    points = 20_000 if quick else 200_000
    runs = {served.name: fill_history(served, points) for served in servers}
    whole = compare(
        servers, f"history of {points:,} points", figure=lambda s: whole_history(s, runs[s.name], points=points), unit="s", **_ONCE
    )
    curve = compare(servers, f"bulk interval of {points:,} points", figure=lambda s: bulk_interval(s, runs[s.name]), unit="ms", **_ONCE)
    return [whole, curve]


def measure_searches(servers: Sequence[Served], *, quick: bool) -> list[Comparison]:
    """What a table waits for, and what the servers weigh with all this in them."""
    count = 300 if quick else 2_000
    made = {served.name: fill_runs(served, count) for served in servers}
    asked: dict[str, dict[str, Any]] = {
        "first page": {},
        "filtered, sorted by a metric": {"filter": "metrics.m0 > 0.5 and params.p1 = '3'", "order_by": ["metrics.m1 DESC"]},
        "sorted by a metric": {"order_by": ["metrics.m2 ASC"]},
    }
    figures: dict[str, tuple[str, Callable[[Served], float]]] = {
        "memory of all processes": ("MB", lambda s: s.memory_bytes() / 1e6),
        "processes": ("", lambda s: float(s.processes())),
        "start to first answer": ("s", lambda s: s.start_seconds),
    }
    found = []
    for name, query in asked.items():
        figure = partial(_search_in, made=made, query=query)
        found.append(compare(servers, f"{name} of {count:,} runs", figure=figure, unit="ms", **_LESS))
    return [*found, *(compare(servers, name, figure=figure, unit=unit, **_ONCE) for name, (unit, figure) in figures.items())]


def _search_in(served: Served, *, made: Mapping[str, str], query: Mapping[str, Any]) -> float:
    return search(served, made[served.name], **query)


def main() -> int:
    """Compare; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller figures, to see that it runs")
    parser.add_argument("--postgres", metavar="URL", help="an empty database for ours and one for MLflow's: OURS,THEIRS")
    given = parser.parse_args()
    our_database, their_database = given.postgres.split(",") if given.postgres else (None, None)
    with tempfile.TemporaryDirectory(prefix="bench-tracking-") as place, ExitStack() as stack:
        theirs = stack.enter_context(peer(Path(place) / "mlflow", database=their_database))
        mine = stack.enter_context(ours(Path(place) / "flyball", database=our_database))
        print(f"{'':<44} {'flyball':>12} {'mlflow':>12}")
        found = measure([mine, theirs], quick=given.quick)
    return 0 if all(one.holds() for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
