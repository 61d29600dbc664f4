"""What a flood by one token costs the others at the model server: a client's p99 with and without twenty times another's quota beside it.

    python -m bench.serving.flood [--rounds 6] [--requests 300] [--quota 200] [--connections 20] [--endless]

A model server of its own on core 0, clients on core 1. Everybody's quota is `--quota` requests a second; the well-behaved client asks
50 times a second, single rows of finished features. In every second round another token asks for twenty times its quota (with
--endless: as fast as it is answered). Rounds alternate, so that both meet the same machine. Promised: at most double. On a machine that
others use, take many rounds.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from bench.limits import TIMES, asked, judged, parser
from bench.serving.load import CLIENT_CORE, SERVER_CORE
from bench.tracking.wire import AnswerError, Wire
from flyball.governance import Caller, Role, TokenWish
from flyball.testing.governance import open_token_service
from flyball.testing.model_server import ServerProcess
from flyball.testing.serving_home import ServingHome

PATH = "/predict/late.vector"
BODY = {"rows": [{
    "trips.line": "L1", "trips.station": "S1", "trips.distance": 5.0, "sky.temperature": 1.0, "sky.wind": 2.0, "punctuality.late": 0.5,
    "punctuality.landed": 3, "calendar.hour": 4, "calendar.far": False,
}]}  # fmt: skip
OWNER = Caller(Role.OWNER, "owner", principal="owner")


@dataclass(frozen=True)
class Flood:
    """Who asks, how often a second in all, and over how many connections; 0 is without a pause."""

    url: str
    token: str
    per_second: float
    connections: int


def flood(plan: Flood, go: Event, *, answered: Any, refused: Any) -> None:
    """Ask while `go` is set, and count what comes of it."""
    pace = plan.connections / plan.per_second if plan.per_second else 0.0

    def one() -> None:
        wire = Wire(plan.url, plan.token)
        request = wire.request("POST", PATH, body=BODY)
        while True:
            go.wait()
            begun = time.perf_counter()
            counted = answered
            try:
                wire.send(request)
            except (AnswerError, OSError):
                counted = refused
            with counted.get_lock():
                counted.value += 1
            time.sleep(max(0.0, pace - (time.perf_counter() - begun)))

    for _ in range(plan.connections):
        threading.Thread(target=one, daemon=True).start()
    threading.Event().wait()


def served(place: Path) -> ServingHome:
    """A home whose model costs little: what is measured is the door."""
    home = ServingHome.trips(place)
    home.add_linear(1, intercept=0.0)
    home.keep(home.plan(1))
    return home


def pinned(server: ServerProcess) -> None:
    """The server has a core of its own, and the clients have the other."""
    if (os.cpu_count() or 1) > 1:
        for thread in Path(f"/proc/{server.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {SERVER_CORE})
        os.sched_setaffinity(0, {CLIENT_CORE})


def main() -> None:
    """Measure, print and judge."""
    arguments = parser(__doc__)
    arguments.add_argument("--quota", type=float, default=200.0, help="requests a second that each caller gets")
    arguments.add_argument("--connections", type=int, default=TIMES)
    given = arguments.parse_args()
    os.environ["FLYBALL_RATE_LIMIT_PREDICT"] = f"{given.quota:g}/{given.quota:g}"
    with tempfile.TemporaryDirectory() as place, ServerProcess(served(Path(place)).path) as server:
        tokens = open_token_service(server.home)
        good, bad = (tokens.create(TokenWish(name=name, role=Role.EDITOR), by=OWNER).secret for name in ("good", "flood"))
        pinned(server)
        time.sleep(1.0)  # the server looks at the tokens four times a second
        url = f"http://127.0.0.1:{server.port}"
        wire = Wire(url, good)
        request = wire.request("POST", PATH, body=BODY)
        asked(wire, request, number=100)
        go, answered, refused = multiprocessing.Event(), multiprocessing.Value("l", 0), multiprocessing.Value("l", 0)
        plan = Flood(url, bad, 0.0 if given.endless else TIMES * given.quota, given.connections)
        process = multiprocessing.Process(target=flood, args=(plan, go), kwargs={"answered": answered, "refused": refused}, daemon=True)
        process.start()
        counts = {"answered": answered, "refused": refused}
        verdict = judged(lambda: asked(wire, request, number=given.requests), go, rounds=given.rounds, counts=counts)
        process.terminate()
    sys.exit(verdict)


if __name__ == "__main__":
    main()
