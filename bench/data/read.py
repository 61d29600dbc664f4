"""Reading files as a source does, against Polars' own scan of the same files: cells as text in both, every row collected.

    python -m bench.data.read [--rows 1_000_000] [--rounds 5]

The files are the year of flights of examples/flights as CSV and as Parquet, one per month, repeated until there are `--rows` rows. The
source proves besides that what it read is what it found (SHA-256), that rows are whole, and that the text is text. Rounds alternate, so
that both meet the same machine; figures are medians of the rounds' ratios. Text is judged by processor time, which other programs of a
busy machine disturb less; Parquet, which another process reads for us, by the clock.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

import polars as pl

from flyball.data.declared.files import files
from flyball.data.sources.files import FileParts
from flyball.data.sources.port import Seen, Surroundings

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights" / "data" / "flights"
NULLS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]
LIMITS = {"csv": 2.0, "csv.gz": 2.0, "parquet": 6.0}


def read(place: Path, *, pattern: str) -> int:
    """All rows by way of the source: found, read, proved unchanged."""
    with FileParts(files(pattern), Surroundings(root=place, scratch=place / "scratch")) as source:
        rows = sum(frame.height for part in source.find(Seen()) for frame in source.read(part))
        source.check_unchanged()
    return rows


def scan(place: Path, *, pattern: str) -> int:
    """All rows by Polars alone."""
    paths = sorted(place.glob(pattern))
    if pattern.endswith("parquet"):
        return sum(pl.scan_parquet(path).collect().height for path in paths)
    return sum(pl.scan_csv(path, infer_schema=False, null_values=NULLS).collect().height for path in paths)


@dataclass(frozen=True)
class Took:
    """What a call took: by the clock on the wall, and of this process's processors; and how many rows it gave."""

    seconds: float
    busy: float
    rows: int


def timed(call: Callable[[], int]) -> Took:
    """What the call took."""
    began, busy = time.perf_counter(), time.process_time()
    rows = call()
    return Took(time.perf_counter() - began, time.process_time() - busy, rows)


def prepare(place: Path, *, rows: int) -> Mapping[str, int]:
    """The flights, repeated, in each form; the bytes of each."""
    written = 0
    months = [pl.read_parquet(path) for path in sorted(FLIGHTS.glob("*.parquet"))]
    while written < rows:
        for month in months:
            name = f"{written:09}"
            month.write_csv(place / f"{name}.csv")
            month.write_parquet(place / f"{name}.parquet")
            (place / f"{name}.csv.gz").write_bytes(gzip.compress((place / f"{name}.csv").read_bytes(), 6))
            written += month.height
    return {form: sum(path.stat().st_size for path in place.glob(f"*.{form}")) for form in LIMITS}


def main() -> None:
    """Prints one line per form; ends with 1 when one is over its limit."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sizes = prepare(place, rows=given.rows)
        for form, limit in LIMITS.items():
            pattern = f"*.{form}"
            read(place, pattern=pattern), scan(place, pattern=pattern)  # both have met the files, and the reader of Parquet runs
            ours, theirs = [], []
            for _ in range(given.rounds):
                ours.append(timed(partial(read, place, pattern=pattern)))
                theirs.append(timed(partial(scan, place, pattern=pattern)))
            assert {took.rows for took in ours} == {took.rows for took in theirs}
            wall = statistics.median(mine.seconds / other.seconds for mine, other in zip(ours, theirs, strict=True))
            busy = statistics.median(mine.busy / other.busy for mine, other in zip(ours, theirs, strict=True))
            ratio = wall if form == "parquet" else busy  # the reader of Parquet is another process
            slow = slow or ratio > limit
            print(
                f"{form:8} {ours[0].rows:,} rows, {sizes[form] >> 20} MB: source {statistics.median(took.seconds for took in ours):.2f} s, "
                f"Polars' scan {statistics.median(took.seconds for took in theirs):.2f} s; ratio {wall:.2f} by the clock, "
                f"{busy:.2f} by processor time; {ratio:.2f}, at most {limit}: {'ok' if ratio <= limit else 'TOO SLOW'}"
            )
    print(f"largest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
