"""How soon a query over 50 million rows starts to answer, as a whole process, beside DuckDB alone over the same files.

python -m bench.data.query [--rows 50000000] [--quick]

`flyball query` starts Python, opens the home, finds the version's files and runs the query in a confined process; the limit starts
Python, imports DuckDB and reads the files. First answer: the time to the first line of output.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from flyball.core.clock import MonotonicTimer
from flyball.core.ids import Digest
from flyball.data._sqlstore import SqlVersions
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, DatasetVersion, VersionState
from flyball.storage._delta import DeltaTables
from flyball.storage.database import Database

START = datetime(2024, 1, 1, tzinfo=UTC)
CHUNK = 2_500_000
TURNS = 5
TIMER = MonotonicTimer()
QUERIES = {
    "the first rows": "select * from trips limit 10",
    "a group's means": "select city, count(*) as n, avg(fare) as fare from trips group by city order by n desc limit 10",
    "one key": "select * from trips where trip = 31415926",
    "a stretch of time": "select count(*), sum(fare) from trips where started between '2024-02-01' and '2024-02-08'",
}
ALONE = """
import sys, duckdb
connection = duckdb.connect()
connection.execute("create view trips as select trip, city, fare, started from read_parquet(" + repr(sys.argv[2:]) + ")")
connection.execute("copy (" + sys.argv[1] + ") to '/dev/stdout' (format csv, header false)")
"""


def build(home: Path, rows: int) -> list[str]:
    """A home with a dataset of so many trips in one accepted version; the files of its table."""
    tables, table = DeltaTables(home / "tables"), "dataset.trips.00000000"
    for first in range(0, rows, CHUNK):
        last = min(rows, first + CHUNK)
        numbers = pl.int_range(first, last, eager=True)
        started = START + pl.Series(numbers * 200_000).cast(pl.Duration("us"))
        frame = pl.DataFrame(
            {
                "trip": numbers, "city": (numbers * 7919 % 97).cast(pl.String), "fare": (numbers * 104729 % 10_000) / 100.0,
                "started": started, EVENT_TIME: started, KNOWN_TIME: started, ARRIVAL: numbers,
            }
        ).with_columns(pl.col("started", EVENT_TIME, KNOWN_TIME).cast(pl.Datetime("us", "UTC")))  # fmt: skip
        tables.append(table, frame, job=f"bench-{first}")
    digest = Digest("0" * 64)
    version = DatasetVersion(
        dataset="trips", number=1, digest=digest, state=VersionState.ACCEPTED, rows=rows, added=rows, quarantined=0, duplicates=0,
        table=table, table_version=tables.latest(table), first_arrival=0, last_arrival=rows - 1, files=(), contract=digest, profile=None,
        earliest_event_time=START, latest_event_time=START + timedelta(days=1), ingested_at=START, cause=None, event=None, key=("trip",),
        corrections=0,
    )  # fmt: skip
    database = Database.open(home / "flyball.db")
    SqlVersions(database).create(version)
    database.close()
    return tables.files(table)


def first_line(command: list[str]) -> tuple[float, float]:
    """Seconds to the first line after the header, and to the end."""
    begin = TIMER.seconds()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = TIMER.seconds() - begin
        process.stdout.read()
    if process.returncode:
        sys.exit(f"{command[:3]} failed")
    return first, TIMER.seconds() - begin


def main() -> None:
    """Build, ask in turns, print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    arguments = parser.parse_args()
    rows = arguments.rows // 10 if arguments.quick else arguments.rows
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = build(home, rows)
        size = sum(Path(file).stat().st_size for file in files)
        print(f"{rows:,} rows, {size / 1e9:.2f} GB in {len(files)} files; medians of {TURNS}; limit: first answer after 1 s")
        flyball = str(Path(sys.executable).with_name("flyball"))
        for what, sql in QUERIES.items():
            ours, alone = [], []
            for _ in range(TURNS):
                ours.append(first_line([flyball, "query", sql, "--home", folder]))
                alone.append(first_line([sys.executable, "-c", ALONE, sql, *files]))
            mine, theirs = (statistics.median(first for first, _ in times) for times in (ours, alone))
            print(f"{what:<20} flyball query {mine:6.2f} s   DuckDB alone {theirs:6.2f} s   {mine / theirs:5.2f}x")


if __name__ == "__main__":
    main()
