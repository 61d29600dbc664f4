"""How near the machine's limit one model server is: an echo, a server that is written by hand and keeps nothing, and ours, in one run.

Each server is pinned to core 0 and asked from core 1: single rows at one and at 32 connections, and a thousand rows at four. Ours is the
whole process, with its token, validation, metrics, routing and durable journal. Figures are of the server's own processor time, so that
a neighbour on the core does not count; what the clock on the wall says is printed beside them.

Run ``python -m bench.serving.single [--short]``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from bench.serving.load import CLIENT_CORE, Figures, load, median_of, memory_mb, on_core, request
from bench.serving.peers import PATIENCE_SECONDS, first_answer, free_port, running
from bench.serving.singleservers import ENDPOINT, prepare

Found: TypeAlias = dict[tuple[str, str], list[Figures]]
Started: TypeAlias = Mapping[str, tuple[float, float]]
ROUNDS, SECONDS = 5, 1.0
LOADS: Mapping[str, tuple[int, int]] = {"single, 1 connection": (1, 1), "single, 32 connections": (32, 1), "1,000 rows": (4, 1000)}
ONE, MANY, BULK = LOADS
OURS = ("bare", "ours", "child")
KINDS = ("echo", "by hand", "Starlette", *OURS)
OF_ECHO, OF_ECHO_P50, OF_HAND, OF_STARLETTE, OF_JOURNAL = 0.40, 2.0, 0.65, 5.0, 0.15
MOST_MB, MOST_SECONDS = 120, 2.0


@contextmanager
def served(kind: str, place: Path) -> Iterator[tuple[int, int]]:
    """A server of that kind: its port and process id."""
    port = free_port()
    own = place / kind
    command = [sys.executable, "-m", "bench.serving.singleservers", kind, str(place), str(port)]
    if kind in {"ours", "child"}:
        command = [sys.executable, "-m", "flyball.predict", "--home", str(own), "--port", str(port), "--plan", str(own / "plan.json")]
    with running(command, {"POLARS_MAX_THREADS": "1"}, log=place / f"{kind}.log") as pid:
        yield port, pid


def bodies(rows: Sequence[Mapping[str, object]], size: int) -> list[bytes]:
    """Bodies of requests of so many rows."""
    return [json.dumps({"rows": rows[start : start + size]}).encode() for start in range(0, min(len(rows) - size, 512 * size), size)]


def requests(kind: str, place: Path, *, port: int, asked: Sequence[bytes]) -> list[bytes]:
    """What that server is asked."""
    home = place / kind
    head = [f"authorization: Bearer {(home / 'token').read_text().strip()}"] if (home / "token").exists() else []
    return [request(port, f"/predict/{ENDPOINT}", body=body, head=head) for body in asked]


def measure(place: Path, kinds: Sequence[str], *, rounds: int) -> tuple[Found, Started]:
    """Rounds of all servers in turn, so that a busy moment hits all alike; and of each its first answer and its memory."""
    import uvloop

    rows = prepare(place)
    asked = {size: bodies(rows, size) for _, size in LOADS.values()}
    found: Found = {(kind, name): [] for name in LOADS for kind in kinds}
    servers: dict[str, tuple[int, int]] = {}
    started: dict[str, tuple[float, float]] = {}
    with ExitStack() as stack:
        for kind in kinds:
            servers[kind] = port, pid = stack.enter_context(served(kind, place))
            started[kind] = (_first(kind, place, port=port, asked=asked[1]), memory_mb(pid))
        for turn in range(rounds + 1):
            for (kind, name), rounds_found in found.items():
                (connections, size), (port, pid) = LOADS[name], servers[kind]
                given = requests(kind, place, port=port, asked=asked[size])
                one = uvloop.run(load(port, pid, requests=given, connections=connections, seconds=SECONDS if turn else 0.3))
                if turn:
                    rounds_found.append(one)
    return found, started


def _first(kind: str, place: Path, *, port: int, asked: Sequence[bytes]) -> float:
    from time import perf_counter, sleep

    begun = perf_counter()
    while kind in OURS and not (place / kind / "token").exists():
        if perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError((place / f"{kind}.log").read_text(errors="replace")[-1500:])
        sleep(0.01)
    made = perf_counter() - begun
    return made + first_answer(port, requests(kind, place, port=port, asked=asked)[0], log=place / f"{kind}.log")


def main(arguments: Sequence[str]) -> int:
    """Measure, print, judge."""
    on_core(CLIENT_CORE)
    short = "--short" in arguments
    kinds = [name for name in arguments if name in KINDS] or KINDS
    with tempfile.TemporaryDirectory() as place:
        found, started = measure(Path(place), kinds, rounds=1 if short else ROUNDS)
    for (kind, name), rounds in found.items():
        rate, wall, p50, p99 = (median_of(rounds, figure) for figure in ("per_core_second", "per_second", "p50_ms", "p99_ms"))
        print(f"{kind:10} {name:24} {rate:8,.0f} per core second   {wall:8,.0f}/s on the wall   p50 {p50:7.3f} ms, p99 {p99:7.3f} ms")
    for kind, (seconds, megabytes) in started.items():
        print(f"{kind:10} first answer {seconds:5.2f} s, {megabytes:5.0f} MB")
    if not set(KINDS) <= set(kinds):
        return 0
    verdicts = judged(found, started)
    for sentence, kept in verdicts:
        print(sentence if kept else f"{sentence}: TOO SLOW")
    return 0 if all(kept for _, kept in verdicts) else 1


def judged(found: Found, started: Started) -> list[tuple[str, bool]]:
    """The limits, and whether each is kept."""
    rate = {key: median_of(rounds, "per_core_second") for key, rounds in found.items()}
    p50 = median_of(found["ours", ONE], "p50_ms") / median_of(found["echo", ONE], "p50_ms")
    echo, hand = rate["ours", MANY] / rate["echo", MANY], rate["ours", BULK] / rate["by hand", BULK]
    child, journal = rate["child", MANY] / rate["Starlette", MANY], 1 - rate["ours", MANY] / rate["bare", MANY]
    seconds, megabytes = started["ours"]
    return [
        (f"single rows: {echo:.1%} of an echo; at least {OF_ECHO:.0%}", echo >= OF_ECHO),
        (f"one connection: p50 is {p50:.2f} times the echo's; at most {OF_ECHO_P50:g}", p50 <= OF_ECHO_P50),
        (f"1,000 rows: {hand:.2f} of the server that is written by hand; at least {OF_HAND:g}", hand >= OF_HAND),
        (f"the pipeline itself: {child:.1f} times Starlette around it; at least {OF_STARLETTE:g}", child >= OF_STARLETTE),
        (f"the journal takes {journal:.1%}; at most {OF_JOURNAL:.0%}", journal <= OF_JOURNAL),
        (f"first answer {seconds:.1f} s; at most {MOST_SECONDS:g}", seconds <= MOST_SECONDS),
        (f"{megabytes:.0f} MB; at most {MOST_MB}", megabytes <= MOST_MB),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
