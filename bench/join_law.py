"""The join law and windows on a year of flights' size, against Polars' as-of join and against the law walked row by row.

Run ``python bench/join_law.py``: each line is the median of nine (loops: of three) in this very run, and a ratio to its peer. Where known
time follows event time the as-of join gives the same rows, which is checked; with late corrections it does not, and has no line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import TypeVar

import numpy as np
import polars as pl

from flyball.kernels import (
    Operation,
    boundaries,
    known_until,
    last_boundary,
    look_up,
    plan_windows,
    rank_rows,
    window_aggregate,
    winner_timeline,
)
from flyball.kernels.arrays import Floats, Ints

Result = TypeVar("Result")
ROWS, ENTITIES, HOUR, HOURS = 336_776, 16, 3_600_000_000, 365 * 24
LOOPED = 300
LIMIT_SECONDS = 1.0


def timed(work: Callable[[], Result], *, times: int = 9) -> tuple[float, Result]:
    """The median seconds of `times` runs, and the last result."""
    seconds, results = [], []
    for _ in range(times):
        start = perf_counter()
        results.append(work())
        seconds.append(perf_counter() - start)
    return median(seconds), results[-1]


def readable(seconds: float) -> str:
    """The length in the largest unit of which there is at least one."""
    unit, scale = next(((unit, scale) for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)) if seconds * scale >= 1), ("ns", 1e9))
    return f"{seconds * scale:.1f} {unit}"


def report(what: str, seconds: float, *, peer: str = "", than: float = 0.0) -> None:
    """One line: what took how long, and how many times the peer's time."""
    against = f"   {seconds / than:8.4f} x {peer} ({readable(than)})" if peer else ""
    print(f"{what:<52}{readable(seconds):>10}{against}")


class Year:
    """A year of rows that are known ten minutes after their event, and as many queries, half an hour off the full one."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.event: Ints = np.sort(rng.integers(0, HOURS * 60, ROWS)) * (HOUR // 60)
        self.entity: Ints = rng.integers(0, ENTITIES, ROWS)
        self.arrival: Ints = np.arange(ROWS)
        self.key = self.arrival
        self.known = self.event + HOUR // 6
        self.delay: Floats = np.round(rng.gamma(1.0, 20.0, ROWS), 1)
        self.asked_entity: Ints = rng.integers(0, ENTITIES, ROWS)
        self.asked_time: Ints = np.sort(rng.integers(0, HOURS * 60, ROWS)) * (HOUR // 60) + HOUR // 2

    def corrected(self, share: float = 0.01) -> Year:
        """The same year in which a share of the rows is corrected a day later and moved an hour back."""
        year, again = Year(), np.random.default_rng(1).integers(0, ROWS, int(share * ROWS))
        year.key, year.entity = np.append(self.key, again), np.append(self.entity, self.entity[again])
        year.event, year.known = np.append(self.event, self.event[again] - HOUR), np.append(self.known, self.known[again] + 24 * HOUR)
        year.arrival = np.arange(len(year.key))
        return year

    def join(self) -> Ints:
        """Everything from the raw columns to the row of each query."""
        until = known_until(self.key, self.known, arrival=self.arrival)
        line = winner_timeline(self.entity, self.event, known=self.known, until=until, arrival=self.arrival)
        return look_up(line, self.event, entity=self.asked_entity, time=self.asked_time)

    def as_of(self) -> Ints:
        """The same by Polars, which is right only where known time follows event time."""
        left = pl.DataFrame({"entity": self.asked_entity, "time": self.asked_time})
        right = pl.DataFrame({"entity": self.entity, "time": np.maximum(self.event, self.known), "row": self.arrival})
        joined = left.join_asof(right.sort("time"), on="time", by="entity", check_sortedness=False)
        return joined["row"].fill_null(-1).to_numpy()

    def walk(self, queries: int) -> list[int]:
        """The law row by row, for the first queries only."""
        until = known_until(self.key, self.known, arrival=self.arrival)
        found = []
        for entity, time in zip(self.asked_entity[:queries], self.asked_time[:queries], strict=True):
            rows = np.flatnonzero((self.entity == entity) & (self.event <= time) & (self.known <= time) & (time < until))
            found.append(max(rows.tolist(), key=lambda row: (self.event[row], self.known[row], self.arrival[row]), default=-1))
        return found


def bench_join(year: Year) -> None:
    """The rows found are those of both peers, and the times stand beside theirs."""
    ours, rows = timed(year.join)
    peer, theirs = timed(year.as_of)
    assert (rows == theirs).all()
    loop, walked = timed(lambda: year.walk(LOOPED), times=3)
    assert rows[:LOOPED].tolist() == walked
    report("join law, known in the order of events", ours, peer="polars join_asof", than=peer)
    report("  per query", ours / ROWS, peer="row by row", than=loop / LOOPED)
    line = winner_timeline(year.entity, year.event, known=year.known, until=np.full(ROWS, 2**62), arrival=year.arrival)
    report("  one query against a built timeline", timed(lambda: look_up(line, year.event, entity=np.array([3]), time=np.array([HOUR])))[0])
    late, rows = timed(year.corrected().join)
    report("join law, 1 % corrected a day later", late, peer="the ordered year", than=ours)


def bench_windows(year: Year) -> None:
    """Seven days before every hour of every entity that has rows: each row counts at 168 boundaries."""
    until = known_until(year.key, year.known, arrival=year.arrival)
    rank = rank_rows(year.event, year.known, arrival=year.arrival)
    entity, time = np.repeat(np.arange(ENTITIES), HOURS), np.tile(np.arange(HOURS) * HOUR, ENTITIES)

    def plan() -> tuple[Ints, object]:
        asked, index = boundaries(entity, last_boundary(time, HOUR))
        return index, plan_windows(asked, year.entity, event=year.event, known=year.known, until=until, over=168 * HOUR)

    report(f"windows: plan {ENTITIES * HOURS:,} boundaries, {ROWS:,} rows", timed(plan)[0])
    asked, _ = boundaries(entity, last_boundary(time, HOUR))
    windows = plan_windows(asked, year.entity, event=year.event, known=year.known, until=until, over=168 * HOUR)

    def walk() -> list[float]:
        picked = slice(-LOOPED, None)
        return [
            float(year.delay[(year.entity == one) & (year.known <= end) & (end < until) & (year.event > end - 168 * HOUR)].sum())
            for one, end in zip(asked.entity[picked], asked.time[picked], strict=True)
        ]

    loop, sums = timed(walk, times=3)
    operations: tuple[Operation, ...] = ("count", "mean", "min", "last")
    for name, values in (("whole numbers", np.round(year.delay)), ("any numbers", year.delay)):
        for op in operations:
            seconds, _ = timed(partial(window_aggregate, windows, op, values=values, rank=rank))
            report(f"  {op} of {name}", seconds, peer="the limit", than=LIMIT_SECONDS)
    seconds, found = timed(lambda: window_aggregate(windows, "sum", values=year.delay, rank=rank))
    assert np.allclose(found[-LOOPED:], sums)
    report("  sum per boundary", seconds / len(asked.time), peer="row by row", than=loop / LOOPED)


if __name__ == "__main__":
    bench_join(Year())
    bench_windows(Year())
