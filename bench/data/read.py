"""Reading files as a source does, against Polars' own scan of the same files: cells as text in both, every row collected.

    python -m bench.data.read [--rows 1_000_000] [--rounds 5]

The files are the year of flights of examples/flights as CSV and as Parquet, one per month, repeated until there are `--rows` rows. The
source proves besides that what it read is what it found (SHA-256), that rows are whole, and that the text is text. Rounds alternate, so
that both meet the same machine; the figure is the median of the rounds' ratios.
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


def seconds(call: Callable[[], int]) -> tuple[float, int]:
    """How long it took, and how many rows there were."""
    began = time.perf_counter()
    rows = call()
    return time.perf_counter() - began, rows


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
            pattern, ours, theirs, rows = f"*.{form}", [], [], 0
            read(place, pattern=pattern), scan(place, pattern=pattern)  # both have met the files, and the reader of Parquet runs
            for _ in range(given.rounds):
                took, rows = seconds(partial(read, place, pattern=pattern))
                other, same = seconds(partial(scan, place, pattern=pattern))
                assert rows == same
                ours.append(took)
                theirs.append(other)
            ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
            verdict = "ok" if ratio <= limit else "TOO SLOW"
            slow = slow or ratio > limit
            print(
                f"{form:8} {rows:,} rows, {sizes[form] >> 20} MB: source {statistics.median(ours):.2f} s, "
                f"Polars' scan {statistics.median(theirs):.2f} s, ratio {ratio:.2f} (at most {limit}) {verdict}"
            )
    print(f"largest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
