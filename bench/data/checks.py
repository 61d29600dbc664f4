"""What checking a table of ten columns costs: ours, one fused Polars pass written by hand, Great Expectations and pandera.

    python -m bench.data.checks [--rows 5000000] [--rounds 3] [--checks 20 200] [--peers .venv-peers] [--bytes 0]

Each contender is a process of its own over the same Parquet file; the whole process is timed, and what passes inside of the checks
beside it, with the peak of its memory. Ours and the fused pass alternate. Promised: at most 1.5 times the fused pass, and each
uniqueness or key check at most one pass more, which is measured with one of each. `--bytes 5e9` makes a table of that size in memory
and checks it, keys as well, under 1 GB. Peers run once, where their environments are (`python -m tools.clients peers`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from bench.data.checkpeers import EXPECTATIONS, PANDERA_PANDAS, PANDERA_POLARS
from flyball.data import Dataset, files
from flyball.data.contracts import Column, Context, Contract, check_scan
from flyball.data.contracts.model import AggregateCheck, Check, KeyCheck, RowCheck, UniqueCheck
from flyball.data.values import ColumnType

MOST = 1.5
MOST_MB = 1024
CHUNK = 500_000
CITIES = [f"city-{number}" for number in range(20)]
PEERS = {
    "Great Expectations": ("expectations", EXPECTATIONS),
    "pandera on Polars": ("pandera", PANDERA_POLARS),
    "pandera on pandas": ("pandera", PANDERA_PANDAS),
}
KEEPING = {**os.environ, "GX_ANALYTICS_ENABLED": "false", "PYTHONWARNINGS": "ignore"}


def chunk(first: int, rows: int) -> pl.DataFrame:
    """Ten columns of `rows` rows; the same for the same first row."""
    draw = np.random.default_rng(first)
    number = np.arange(first, first + rows)
    return pl.DataFrame(
        {
            "id": number,
            "at": pl.Series(number * 1_000_000).cast(pl.Datetime("us", "UTC")),
            "amount": draw.random(rows) * 1000,
            "price": draw.random(rows) * 500,
            "discount": draw.random(rows),
            "quantity": draw.integers(1, 51, rows),
            "city": pl.Series(CITIES).gather(draw.integers(0, 20, rows)),
            "code": _codes(draw, rows),
            "member": draw.random(rows) < 0.5,
            "note": pl.Series("note", ["fine", "late", None, "to be called back"]).gather(draw.integers(0, 4, rows)),
        }
    )


def _codes(draw: np.random.Generator, rows: int) -> pl.Series:
    return pl.DataFrame({"code": draw.integers(1000, 9999, rows)}).select(pl.format("AB-{}", "code").alias("code")).to_series()


def write(place: Path, rows: int) -> None:
    """The table as one Parquet file, written chunk by chunk."""
    parts = place.with_suffix(".parts")
    parts.mkdir()
    for first in range(0, rows, CHUNK):
        chunk(first, min(CHUNK, rows - first)).write_parquet(parts / f"{first:012}.parquet", row_group_size=CHUNK // 2, compression="lz4")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(place, row_group_size=CHUNK // 2, compression="lz4")
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()


def listed(number: int) -> list[list[Any]]:
    """So many checks, all of which the table keeps: twenty kinds, then the same with other bounds."""
    found: list[list[Any]] = []
    for turn in range(-(-number // 20)):
        found += [["not-null", name] for name in ("id", "at", "amount", "price", "quantity", "city", "code")] if not turn else [
            ["between", "id", -turn, 10**9 + turn], ["between", "amount", -5.0 - turn, 2000.0], ["between", "price", -5.0, 900.0 + turn],
            ["between", "discount", -0.5, 2.0 + turn], ["between", "quantity", -turn, 200], ["in", "city", [*CITIES, f"more-{turn}"]],
            ["length", "city", 1, 30 + turn],
        ]  # fmt: skip
        found += [
            ["between", "amount", 0.0 - turn, 1000.0], ["between", "price", 0.0, 500.0 + turn], ["between", "discount", 0.0, 1.0 + turn],
            ["between", "quantity", 1 - turn, 50], ["in", "city", [*CITIES, f"other-{turn}"]],
            ["matches", "code", f"^AB-[0-9]{{4,{turn + 5}}}$"],
            ["length", "note", 1, 40 + turn], ["length", "code", 7, 7 + turn], ["mean", "amount", 400.0 - turn, 600.0],
            ["mean", "discount", 0.4, 0.6 + turn], ["maximum", "quantity", 1, 50 + turn], ["maximum", "price", 0.0, 500.0 + turn],
            ["between", "id", 0 - turn, 10**9],
        ]  # fmt: skip
    return found[:number]


def fused(place: str, checks: list[list[Any]]) -> int:
    """What one writes by hand for speed: every check a count or an aggregate of one lazy select."""
    made: dict[str, Callable[..., pl.Expr]] = {
        "not-null": lambda c: pl.col(c).null_count() == 0,
        "between": lambda c, low, high: (~pl.col(c).is_between(low, high)).sum() == 0,
        "in": lambda c, values: (~pl.col(c).is_in(values)).sum() == 0,
        "matches": lambda c, pattern: (~pl.col(c).str.contains(pattern)).sum() == 0,
        "length": lambda c, low, high: (~pl.col(c).str.len_chars().is_between(low, high)).sum() == 0,
        "mean": lambda c, low, high: pl.col(c).mean().is_between(low, high),
        "maximum": lambda c, low, high: pl.col(c).max().is_between(low, high),
    }
    kept = [made[kind](*rest).alias(str(number)) for number, (kind, *rest) in enumerate(checks)]
    return sum(not value for value in pl.scan_parquet(place).select(kept).collect(engine="streaming").row(0))


def ours(place: str, checks: list[list[Any]], *, keys: bool = False) -> int:
    """The same by a contract, with keys and uniqueness where asked."""
    types = {"id": ColumnType.INTEGER, "at": ColumnType.TIME, "quantity": ColumnType.INTEGER, "member": ColumnType.BOOLEAN}
    types |= dict.fromkeys(("amount", "price", "discount"), ColumnType.NUMBER) | dict.fromkeys(("city", "code", "note"), ColumnType.TEXT)
    columns = {name: Column(type=kind, nullable=True) for name, kind in types.items()}
    made = [_check(number, check) for number, check in enumerate(checks)]
    if keys:
        made += [UniqueCheck(name="unique", columns=("id",)), KeyCheck(name="key", columns=("city",), dataset="cities")]
    dataset = Dataset("orders", files("orders.parquet"), key="id", event_time="at")
    contract = Contract(dataset="orders", columns=columns, checks=tuple(made))
    context = Context(now=datetime(2026, 1, 1, tzinfo=UTC), others={"cities": pl.LazyFrame({"city": CITIES})})
    report = check_scan(dataset, contract, scan=pl.scan_parquet(place), context=context)
    return sum(not outcome.passed for outcome in report.outcomes)


def _check(number: int, check: list[Any]) -> Check:
    kind, column, *rest = check
    name = f"{number} {kind} {column}"
    if kind in {"mean", "maximum"}:
        function = {"mean": "mean", "maximum": "max"}[kind]
        return AggregateCheck(name=name, expression=f"{function}({column})", minimum=rest[0], maximum=rest[1])
    texts: dict[str, Callable[..., str]] = {
        "not-null": lambda: f"{column} is not null",
        "between": lambda low, high: f"{column} between {low} and {high}",
        "in": lambda values: f"{column} in ({', '.join(repr(value) for value in values)})",
        "matches": lambda pattern: f"{column} matches '{pattern}'",
        "length": lambda low, high: f"length({column}) between {low} and {high}",
    }
    return RowCheck(name=name, expression=texts[kind](*rest))


def inside(who: str, place: str, *, checks: list[list[Any]]) -> None:
    """One contender of ours in this process: prints seconds, MB, broken checks."""
    begun = time.perf_counter()
    broken = {"fused": fused, "ours": ours, "keys": lambda *given: ours(*given, keys=True)}[who](place, checks)
    print(json.dumps([time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, broken]))


def timed(command: list[str]) -> tuple[float, float, float, int] | None:
    """Seconds of the whole process and inside of the checks, MB at its peak, broken checks; None where it fails."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=KEEPING, cwd=Path(__file__).parents[2])
    whole = time.perf_counter() - begun
    if done.returncode:
        print(f"failed: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")
        return None
    seconds, megabytes, broken = json.loads(done.stdout.strip().splitlines()[-1])
    return whole, seconds, megabytes, broken


def said(run: tuple[float, ...]) -> str:
    """What `timed` found, in words."""
    whole, seconds, megabytes, broken = run
    return f"{whole:.2f} s, {seconds:.2f} s in the checks, {megabytes:,.0f} MB, {broken:.0f} broken"


def of_ours(who: str, place: Path, *, checks: list[list[Any]]) -> tuple[float, float, float, int]:
    """One of ours in a process of its own."""
    found = timed([sys.executable, "-m", "bench.data.checks", "--inside", who, "--table", str(place), "--listed", json.dumps(checks)])
    if found is None:
        sys.exit(f"{who} failed")
    return found


def compare(place: Path, number: int, *, rounds: int, peers: Path) -> bool:
    """Print one line for each contender; whether ours keeps what is promised."""
    checks = listed(number)
    runs: dict[str, list[tuple[float, float, float, int]]] = {"fused": [], "ours": [], "keys": []}
    for _ in range(rounds):
        for who, found in runs.items():
            found.append(of_ours(who, place, checks=checks))
    middle = {who: tuple(statistics.median(run[part] for run in found) for part in range(4)) for who, found in runs.items()}
    names = {"fused": "one fused pass by hand", "ours": "ours", "keys": "ours, one uniqueness and one key more"}
    for who, run_of in middle.items():
        print(f"{number} checks, {names[who]}: {said(run_of)}")
    ratio, within = middle["ours"][0] / middle["fused"][0], middle["ours"][1] / middle["fused"][1]
    print(f"{number} checks: ours takes {ratio:.2f} times the fused pass ({within:.2f} in the checks), promised at most {MOST:g}")
    more = (middle["keys"][1] - middle["ours"][1]) / middle["fused"][1]
    print(f"{number} checks: one uniqueness and one key check take {more:.2f} fused passes more, promised at most 2")
    for name, (environment, script) in PEERS.items():
        python = peers / environment / "bin/python"
        if not python.exists():
            print(f"{name}: not here; its environment is made by: python -m tools.clients peers")
            continue
        run = timed([str(python), "-c", script, str(place), json.dumps(checks)])
        if run is not None:
            times = run[0] / middle["ours"][0]
            print(f"{number} checks, {name}: {said(run)}; {times:.1f} times ours")
    return ratio <= MOST


def large(folder: Path, size: float) -> bool:
    """Whether a table of so many bytes in memory is checked, keys with it, under 1 GB."""
    rows = int(size / (chunk(0, 100_000).estimated_size() / 100_000))
    place = folder / "large.parquet"
    write(place, rows)
    found = of_ours("keys", place, checks=listed(20))
    sizes = f"{size / 1e9:.1f} GB in memory, {place.stat().st_size / 1e9:.1f} GB as Parquet"
    print(f"{rows:,} rows, {sizes}: {said(found)}, promised at most {MOST_MB:,} MB")
    return found[2] <= MOST_MB


def main() -> None:
    """Measure, and print one line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checks", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--peers", type=Path, default=Path(__file__).parents[2] / ".venv-peers")
    parser.add_argument("--bytes", type=float, default=0)
    parser.add_argument("--inside", choices=["fused", "ours", "keys"], help=argparse.SUPPRESS)
    parser.add_argument("--table", help=argparse.SUPPRESS)
    parser.add_argument("--listed", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.inside, given.table, checks=json.loads(given.listed))
        return
    with tempfile.TemporaryDirectory(prefix="flyball-checks-") as folder:
        kept = True
        if given.rows:
            place = Path(folder) / "orders.parquet"
            write(place, given.rows)
            for number in given.checks:
                kept &= compare(place, number, rounds=given.rounds, peers=given.peers)
        if given.bytes:
            kept &= large(Path(folder), given.bytes)
    sys.exit(int(not kept))


if __name__ == "__main__":
    main()
