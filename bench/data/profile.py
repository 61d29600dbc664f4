"""What a profile of a million rows of twenty columns costs, against the sketches of `datasketches` fed by hand, and against whylogs.

    python -m bench.data.profile [--rows 1000000] [--rounds 3] [--whylogs PYTHON]

By hand means: per column nulls and extremes by Polars, quantiles by KLL (k = 800) from arrays, cardinality by HyperLogLog value by value,
the most frequent texts by `frequent_strings_sketch` from counts, for chunks of 100,000 rows; "without cardinality" leaves out the
HyperLogLog. Promised: at most 1.5 times the same sketches by hand. Rounds alternate. whylogs runs where its environment is
(bench/peers/whylogs.lock), in a process of its own, once, on the same Parquet file.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import datasketches  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from flyball.data.profiles import Sketcher

CHUNK = 100_000
MOST = 1.5
PEER = """
import sys, time, pandas as pd, whylogs
frame = pd.read_parquet(sys.argv[1])
begun = time.perf_counter()
view = whylogs.log(frame).view()
print(time.perf_counter() - begun, len(view.serialize()))
"""


def table(rows: int) -> pl.DataFrame:
    """Twenty columns: eight of noise, four of small integers, four of categories, an id, a name, a flag and a time."""
    draw = np.random.default_rng(0)
    noise = {f"noise_{place}": draw.normal(size=rows) for place in range(8)}
    whole = {f"whole_{place}": draw.integers(0, 10 ** (place + 1), rows) for place in range(4)}
    kinds = {f"kind_{place}": pl.Series(draw.integers(0, 5 * 10**place, rows)).cast(pl.String) + "-kind" for place in range(4)}
    frame = pl.DataFrame({**noise, **whole, **kinds, "id": np.arange(rows), "flag": draw.random(rows) < 0.3})
    time_ = pl.from_epoch(pl.col("id"), time_unit="s").dt.replace_time_zone("UTC")
    return frame.with_columns(name=pl.format("user-{}", pl.col("id")), at=time_)


def ours(frame: pl.DataFrame) -> int:
    """Fed by chunks, encoded and summarised; the bytes."""
    sketcher = Sketcher(frame.schema)
    for start in range(0, frame.height, CHUNK):
        sketcher.add(frame.slice(start, CHUNK))
    sketcher.summary()
    return len(sketcher.encode())


def by_hand(frame: pl.DataFrame, *, cardinality: bool) -> int:
    """The same by the loop that one writes."""
    size = 0
    for name, dtype in frame.schema.items():
        quantiles, distinct = datasketches.kll_doubles_sketch(800), datasketches.hll_sketch(12)
        frequent = datasketches.frequent_strings_sketch(9)
        for start in range(0, frame.height, CHUNK):
            values = frame[name].slice(start, CHUNK)
            _ = values.null_count(), values.min(), values.max()
            if dtype in {pl.String, pl.Boolean}:
                counted = values.cast(pl.String).value_counts()
                texts = counted[name].to_list()
                for text, count in zip(texts, counted["count"].to_list(), strict=True):
                    frequent.update(text, count)
                quantiles.update(np.array(values.cast(pl.String).str.len_chars().to_numpy(), dtype=np.float64))
            else:
                _ = values.dtype.is_numeric() and (values.mean(), values.std())
                numbers = np.array(values.to_physical().cast(pl.Float64).to_numpy())  # it takes no array that is read-only
                quantiles.update(numbers)
                texts = numbers.tolist() if cardinality else []
            for value in texts if cardinality else ():
                distinct.update(value)
        size += len(quantiles.serialize()) + len(frequent.serialize()) + len(distinct.serialize_compact())
    return size


def seconds(work: Callable[[], int]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peer(frame: pl.DataFrame, python: Path) -> float | None:
    """The seconds that whylogs takes for a frame in memory, or None where it has no environment."""
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory() as place:
        frame.write_parquet(Path(place) / "table.parquet")
        done = subprocess.run([str(python), "-c", PEER, str(Path(place) / "table.parquet")], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"whylogs failed: {done.stderr.strip().splitlines()[-1]}")
        return None
    return float(done.stdout.split()[-2])


def main() -> None:
    """Measure, and print one line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whylogs", type=Path, default=Path(__file__).parents[2] / ".venv-peers/whylogs/bin/python")
    given = parser.parse_args()
    frame = table(given.rows)
    found: dict[str, list[float]] = {"a profile": [], "the same sketches by hand": [], "by hand without cardinality": []}
    for _ in range(given.rounds):
        found["a profile"].append(seconds(lambda: ours(frame)))
        found["the same sketches by hand"].append(seconds(lambda: by_hand(frame, cardinality=True)))
        found["by hand without cardinality"].append(seconds(lambda: by_hand(frame, cardinality=False)))
    medians = {name: statistics.median(times) for name, times in found.items()}
    profile, hand, lean = medians.values()
    for name, median in medians.items():
        print(f"{name}, {given.rows:,} rows x {frame.width}: {median:.2f} s")
    print(f"a profile takes {profile / hand:.2f} times the same sketches by hand, promised at most {MOST:g}")
    print(f"a profile takes {profile / lean:.2f} times those without cardinality")
    other = peer(frame, given.whylogs)
    if other is None:
        print("whylogs: not here; its environment is made from bench/peers/whylogs.lock")
    else:
        print(f"whylogs: {other:.1f} s, {other / profile:.0f} times ours")
    sys.exit(int(profile > MOST * hand))


if __name__ == "__main__":
    main()
