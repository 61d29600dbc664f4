"""What logging costs in the store itself, what a metric point takes on the disk, and how fast a long history comes back.

    python -m bench.tracking.points [--points 10000000] [--rounds 5] [--processes 32] [--entries 1000]

No server and no HTTP: these are the shares of the store. Each figure stands beside its limit; one beyond it ends with 1. Bytes per point
are measured on `--points` points, by runs of 10 metrics with 10,000 steps, and on points of short runs that are logged one at a time, and
told for a hundred million.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.ids import RandomIds
from flyball.core.rand import SeededRandom
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking, open_tracking

TIMER = MonotonicTimer()
HUNDRED_MILLION, GIGABYTES = 100_000_000, 4.0
KEYS, STEPS = 10, 10_000
WRITERS = Path(__file__).parents[2] / "tests" / "integration" / "tracking" / "many_loggers.py"


class Limits:
    """Figures beside their limits, and whether one was passed."""

    def __init__(self) -> None:
        self.passed = True

    def tell(self, what: str, found: float, *, unit: str, limit: float) -> None:
        """One line."""
        kept = found <= limit
        self.passed &= kept
        print(f"{what:<52}{found:>10.3f} {unit:<5} limit {limit:>8.3f}   {'ok' if kept else 'BEYOND'}", flush=True)


def opened(place: Path) -> tuple[Database, Tracking]:
    """A fresh home's tracking."""
    database = Database.open(place / "home.db")
    clock, ids = WallClock(), RandomIds()
    recorder = Recorder(SqlEventLog(database), clock=clock, ids=ids)
    return database, open_tracking(database, clock=clock, ids=ids, random=SeededRandom(0), recorder=recorder)


def milliseconds(work: Callable[[int], object], count: int, *, rounds: int) -> float:
    """For one call: the median over the rounds; every call gets a number of its own. Prints what of it was this process's own work."""
    found, busy = [], []
    for turn in range(rounds):
        begun, times = TIMER.seconds(), os.times()
        for number in range(turn * count, (turn + 1) * count):
            work(number)
        found.append((TIMER.seconds() - begun) / count * 1000)
        busy.append((os.times().user + os.times().system - times.user - times.system) / count * 1000)
    print(f"    {statistics.median(busy):.3f} ms of CPU")
    return statistics.median(found)


def points(number: int, keys: Sequence[str]) -> list[Metric]:
    """A batch of a thousand, the `number`-th: each key at as many steps as fit."""
    steps = 1000 // len(keys)
    draw = SeededRandom(number)
    noise = draw.uniform("noise")
    return [
        Metric(key=key, value=1 / (step + 1) + noise * step * 1e-6, time_ms=1_700_000_000_000 + step * 37 + number % 5, step=step)
        for step in range(number * steps, (number + 1) * steps)
        for key in keys
    ]


def logging(limits: Limits, place: Path, *, rounds: int) -> None:
    """Single points and batches, to one run each."""
    database, tracking = opened(place)
    runs = [tracking.runs.create("0").head.id for _ in range(3)]
    single = milliseconds(lambda at: tracking.runs.log_metric(runs[0], Metric(key="a", value=at, time_ms=at, step=at)), 1000, rounds=rounds)
    limits.tell("log_metric", single, unit="ms", limit=0.25)
    for what, run, keys in (("one key", runs[1], ["loss"]), ("a thousand keys", runs[2], [f"m{at}" for at in range(1000)])):
        batches = [points(at, keys) for at in range(rounds * 20)]
        tracking.runs.log_batch(run, metrics=batches[0])  # the keys get their numbers once
        found = milliseconds(_Batches(tracking, run, batches=batches).log, 20, rounds=rounds)
        limits.tell(f"log_batch of 1,000, {what}", found, unit="ms", limit=4.0)
    database.close()


class _Batches:
    """Batches to one run, by their number."""

    def __init__(self, tracking: Tracking, run: str, *, batches: Sequence[Sequence[Metric]]) -> None:
        self._tracking, self._run, self._batches = tracking, run, batches

    def log(self, number: int) -> None:
        """Log the batch."""
        self._tracking.runs.log_batch(self._run, metrics=self._batches[number])


def reading(limits: Limits, place: Path, *, rounds: int) -> None:
    """A history of a million points: whole by pages of 25,000, and sampled."""
    database, tracking = opened(place)
    run = tracking.runs.create("0").head.id
    for number in range(1000):
        tracking.runs.log_batch(run, metrics=points(number, ["loss"]))

    def page(_: int) -> None:
        token, seen = None, 0
        while True:
            found, token = tracking.metrics.history_columns(run, "loss", max_results=25_000, token=token)
            seen += len(found)
            if token is None:
                break
        assert seen == 1_000_000

    limits.tell("history of 1M points, by pages, as arrays", milliseconds(page, 1, rounds=rounds) / 1000, unit="s", limit=1.0)
    limits.tell(
        "interval of 1M points", milliseconds(lambda _: tracking.metrics.interval([run], "loss"), 1, rounds=rounds), unit="ms", limit=40.0
    )
    database.close()


def size(place: Path) -> int:
    """Bytes on the disk of a home that is closed, beyond those of an empty one."""
    with tempfile.TemporaryDirectory() as empty:
        Database.open(Path(empty) / "home.db").close()
        return _bytes(place) - _bytes(Path(empty))


def _bytes(place: Path) -> int:
    return sum(file.stat().st_size for file in place.iterdir() if file.name.startswith("home.db"))


def disk(limits: Limits, place: Path, *, wanted: int) -> None:
    """Bytes per point, as logged by training loops."""
    database, tracking = opened(place)
    keys = [f"m{at}" for at in range(KEYS)]
    begun = TIMER.seconds()
    runs = max(1, wanted // (KEYS * STEPS))
    for _ in range(runs):
        run = tracking.runs.create("0").head.id
        for number in range(KEYS * STEPS // 1000):
            tracking.runs.log_batch(run, metrics=points(number, keys))
    logged = runs * KEYS * STEPS
    seconds = TIMER.seconds() - begun
    database.close()
    each = size(place) / logged
    print(f"{logged:,} points in {seconds:.0f} s, {each:.1f} bytes each")
    limits.tell("100M points of long runs", each * HUNDRED_MILLION / 2**30, unit="GiB", limit=GIGABYTES)


def short_runs(limits: Limits, place: Path, *, wanted: int) -> None:
    """Bytes per point where each comes alone, to runs of a thousand points that never end."""
    database, tracking = opened(place)
    runs = [tracking.runs.create("0").head.id for _ in range(max(1, wanted // 1000))]
    for step in range(1000):
        for run in runs:
            tracking.runs.log_metric(run, Metric(key="loss", value=1 / (step + 1), time_ms=1_700_000_000_000 + step * 37, step=step))
    database.close()
    each = size(place) / (1000 * len(runs))
    limits.tell("100M points, each logged alone to runs of 1,000", each * HUNDRED_MILLION / 2**30, unit="GiB", limit=GIGABYTES)


def processes(limits: Limits, place: Path, *, count: int, entries: int) -> None:
    """Many processes on one home."""
    begun = TIMER.seconds()
    done = subprocess.run([sys.executable, str(WRITERS), f"sqlite:///{place / 'home.db'}", str(count), str(entries)], check=False)
    print(f"{count} processes with {entries:,} entries each: {TIMER.seconds() - begun:.1f} s")
    limits.tell("processes that failed", done.returncode, unit="", limit=0)
    database = Database.open(place / "home.db")
    with database.read() as connection:
        kept = connection.exec_driver_sql("SELECT sum(points) FROM tracked_runs").scalar_one()
    database.close()
    limits.tell("points that were lost", count * (entries // 2 + entries // 2 // 50 * 48) - kept, unit="", limit=0)


def main() -> None:
    """Measure all, and end with 1 where a limit was passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--entries", type=int, default=1000)
    given = parser.parse_args()
    limits = Limits()
    steps: tuple[Callable[[Path], None], ...] = (
        lambda place: logging(limits, place, rounds=given.rounds),
        lambda place: reading(limits, place, rounds=given.rounds),
        lambda place: processes(limits, place, count=given.processes, entries=given.entries),
        lambda place: short_runs(limits, place, wanted=given.points // 100),
        lambda place: disk(limits, place, wanted=given.points),
    )
    for step in steps:
        with tempfile.TemporaryDirectory() as place:
            step(Path(place))
    sys.exit(0 if limits.passed else 1)


if __name__ == "__main__":
    main()
