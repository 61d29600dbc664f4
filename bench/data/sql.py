"""How fast a table of a database comes into scratch: our sources against plain `polars.read_database` and against SQLAlchemy by hand.

    python -m bench.data.sql [--rows 1000000] [--rounds 3]

Six columns: a whole number, a number, a decimal, a text, a boolean and a time with zone. PostgreSQL is a server of the benchmark's own,
SQLite a file. "Into scratch" is a whole `find`: asked, checked, written as Arrow and digested, with the position of a watermark where it
says so. The peers end with a frame in memory. Rounds alternate. Promised: no slower than `read_database` over ADBC by more than half.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc_postgresql  # type: ignore[import-untyped]  # it ships no marker
import adbc_driver_sqlite.dbapi as adbc_sqlite
import polars as pl
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[2]))  # `make bench` runs it as a file

from flyball.app.sources import open_source
from flyball.data.declared.sql import SqlSource, sql
from flyball.data.sources.port import Seen, Surroundings
from tests.postgres import binaries, serving

MOST = 1.5
POSTGRESQL = """
    CREATE TABLE sales AS SELECT n AS id, n / 7.0::float8 AS price, (n % 1000) / 100.0 AS paid, 'customer-' || (n % 5000) AS customer,
    n % 3 = 0 AS returned, timestamptz '2013-01-01Z' + n * interval '1 second' AS at FROM generate_series(1, {rows}) n
"""
SQLITE = """
    CREATE TABLE sales AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT {rows})
    SELECT n AS id, n / 7.0 AS price, (n % 1000) / 100.0 AS paid, 'customer-' || (n % 5000) AS customer, n % 3 = 0 AS returned,
    datetime(1356998400 + n, 'unixepoch') AS at FROM c
"""
QUERY = "SELECT * FROM sales"


def ours(source: SqlSource, place: Path, *, environment: Mapping[str, str], rows: int) -> None:
    """A whole `find`."""
    with open_source(source, Surroundings(root=place, scratch=place / "scratch", environment=environment)) as opened:
        assert opened.find(Seen())[0].size_bytes > rows


def by_sqlalchemy(url: str, *, rows: int) -> None:
    """Polars over a SQLAlchemy connection, as most people write it."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        assert pl.read_database(QUERY, connection).height == rows


def by_adbc(connection: Any, *, rows: int) -> None:
    """Polars over an ADBC connection."""
    with closing(connection) as opened:
        assert pl.read_database(QUERY, opened).height == rows


def measure(ways: Mapping[str, Callable[[], None]], *, rounds: int, rows: int) -> dict[str, float]:
    """Seconds of each way, the median of rounds that alternate."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    for name, seconds in medians.items():
        print(f"{name:44} {seconds:6.2f} s {rows / seconds:12,.0f} rows/s")
    return medians


def sqlite_ways(place: Path, rows: int) -> dict[str, Callable[[], None]]:
    """SQLite by each way."""
    file = place / "sales.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(SQLITE.format(rows=rows))
    return {
        "sqlite: into scratch": lambda: ours(sql("sales.db", table="sales"), place, environment={}, rows=rows),
        "sqlite: into scratch, a query, row by row": lambda: ours(sql("sales.db", query=QUERY), place, environment={}, rows=rows),
        "sqlite: read_database over ADBC": lambda: by_adbc(adbc_sqlite.connect(f"file:{file}"), rows=rows),
        "sqlite: read_database over SQLAlchemy": lambda: by_sqlalchemy(f"sqlite:///{file}", rows=rows),
    }


def postgresql_ways(url: str, place: Path, *, rows: int) -> dict[str, Callable[[], None]]:
    """PostgreSQL by each way."""
    by_psycopg = url.replace("postgresql", "postgresql+psycopg")
    mine, others = {"SALES": url}, {"SALES": by_psycopg}
    marked = sql("SALES", table="sales", watermark="at")
    return {
        "postgresql: into scratch": lambda: ours(sql("SALES", table="sales"), place, environment=mine, rows=rows),
        "postgresql: into scratch by a watermark": lambda: ours(marked, place, environment=mine, rows=rows),
        "postgresql: into scratch by SQLAlchemy": lambda: ours(sql("SALES", table="sales"), place, environment=others, rows=rows),
        "postgresql: read_database over ADBC": lambda: by_adbc(adbc_postgresql.connect(url), rows=rows),
        "postgresql: read_database over SQLAlchemy": lambda: by_sqlalchemy(by_psycopg, rows=rows),
    }


def main() -> None:
    """Print each way, and end with 1 where a promise is broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    late = False
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found = measure(sqlite_ways(place, given.rows), rounds=given.rounds, rows=given.rows)
        late |= found["sqlite: into scratch"] > MOST * found["sqlite: read_database over ADBC"]
        if (programs := binaries()) is None:
            print("postgresql: there is none on this machine")
        else:
            with serving(programs, {"fsync": "off"}) as server:
                with server.connect() as connection:
                    connection.execute(POSTGRESQL.format(rows=given.rows).encode())
                ways = postgresql_ways(server.url("postgres"), place, rows=given.rows)
                found = measure(ways, rounds=given.rounds, rows=given.rows)
            late |= found["postgresql: into scratch"] > MOST * found["postgresql: read_database over ADBC"]
    print(f"most memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    if late:
        sys.exit("TOO SLOW: more than half slower than read_database over ADBC")


if __name__ == "__main__":
    main()
