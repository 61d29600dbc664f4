"""Searches for whole runs: a listed mix over 20,000 and a million runs, beside what SQLite takes to read the same page.

python -m bench.tracking.search [--runs 1000000] [--place DIRECTORY]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from bench.tracking import corpus
from flyball.core.clock import MonotonicTimer
from flyball.storage.database import Database
from flyball.tracking.keys import Keys
from flyball.tracking.runrows import runs_numbered
from flyball.tracking.search import Kind, parse_filter, parse_order
from flyball.tracking.search.asking import asking
from flyball.tracking.search.runs import RunQuery, search_runs

PAGE, ROUNDS, DEEP = 100, 3, 20  # runs, repetitions, how many pages deep a deep page lies
LIMITS_MS = {20_000: 15.0, 1_000_000: 100.0}  # at the 95th percentile
LIKE_LIMIT_MS = 3_000.0  # a text sought anywhere in a text that no index holds
TIMER = MonotonicTimer()

# fmt: off
MIX: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ()),
    ("", ("metrics.loss ASC",)),
    ("", ("metrics.accuracy DESC",)),
    ("", ("metrics.epoch DESC",)),
    ("", ("params.lr ASC",)),
    ("", ("params.optimizer DESC",)),
    ("", ("tags.team ASC", "metrics.auc DESC")),
    ("", ("attributes.start_time ASC",)),
    ("", ("attributes.end_time DESC",)),
    ("", ("attributes.run_name ASC",)),
    ("", ("attributes.status ASC",)),
    ("", ("attributes.user_id ASC",)),
    ("metrics.accuracy > 0.9", ()),
    ("metrics.accuracy < 0.55", ()),
    ("metrics.accuracy > 0.9", ("metrics.accuracy DESC",)),
    ("metrics.loss < 0.05 AND metrics.auc > 0.9", ("metrics.loss ASC",)),
    ("params.model = 'xgboost'", ()),
    ("params.seed = '1234'", ()),
    ("params.data_version = 'v3'", ()),
    ("params.lr LIKE '0.01%'", ("metrics.loss ASC",)),
    ("params.model = 'xgboost' AND params.optimizer = 'adam'", ("metrics.auc DESC",)),
    ("params.depth IS NULL", ()),
    ("tags.team = 'risk'", ()),
    ("tags.release = 'r1'", ("metrics.accuracy DESC",)),
    ("tags.mlflow.runName LIKE 'amber-jetty-5%'", ()),
    ("attributes.status = 'FAILED'", ()),
    ("attributes.status = 'RUNNING'", ("metrics.loss ASC",)),
    ("attributes.run_name LIKE 'fjord-heron-1%'", ()),
    ("start_time > 1700000500000 AND start_time < 1700000600000", ("metrics.auc ASC",)),
    ("params.model = 'xgboost' AND metrics.auc > 0.9", ("metrics.loss ASC",)),
    ("tags.team = 'risk' AND params.optimizer = 'adam' AND metrics.epoch > 45", ("metrics.seconds ASC",)),
    ("status = 'FAILED' AND params.depth = '7' AND metrics.auc > 0.8", ("metrics.auc DESC",)),
)
ANYWHERE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("params.note LIKE '%trial 777%'", ()),
    ("params.note LIKE '%nothing like it%'", ()),
    ("attributes.run_name ILIKE '%FJORD-heron%'", ("metrics.loss ASC",)),
)
# fmt: on


@dataclass(frozen=True)
class Searched:
    """One search on one page, in milliseconds."""

    what: str
    milliseconds: float
    found: int


def scopes(runs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The experiments that are searched: the big one, a middling one, and all that there are."""
    homes = sorted({int(home) for home in corpus.experiments(runs)})
    yield "one of 40 %", (corpus.BIG,)
    yield "one of few", (5,)
    yield f"all {len(homes):,}", tuple(homes)


def measured(connection: Connection, keys: Keys, *, query: RunQuery) -> tuple[float, int, str | None]:
    """The median time of one page of whole runs."""
    times = list[float]()
    numbers, token = tuple[int, ...](), None
    for _ in range(ROUNDS):
        begin = TIMER.seconds()
        with asking(connection) as own:
            numbers, token = search_runs(own, query)
        runs_numbered(connection, keys, numbers=numbers)
        times.append((TIMER.seconds() - begin) * 1000)
    return statistics.median(times), len(numbers), token


def searched(
    connection: Connection, keys: Keys, *, mix: Sequence[tuple[str, tuple[str, ...]]], homes: tuple[int, ...]
) -> Iterator[Searched]:
    """Each search of the mix: its first page, and a deep one where it has so many."""
    for asked, order in mix:
        clauses, ordered = parse_filter(asked, of=Kind.RUN), parse_order(order, of=Kind.RUN)
        query = RunQuery(experiments=homes, clauses=clauses, order=ordered, limit=PAGE)
        milliseconds, found, _ = measured(connection, keys, query=query)
        yield Searched(f"{asked or 'all'} | {', '.join(order) or 'newest'}", milliseconds, found)
        with asking(connection) as own:
            _, deep = search_runs(own, RunQuery(experiments=homes, clauses=clauses, order=ordered, limit=PAGE * DEEP))
        if deep is not None:
            deeper = RunQuery(experiments=homes, clauses=clauses, order=ordered, limit=PAGE, token=deep)
            milliseconds, found, _ = measured(connection, keys, query=deeper)
            yield Searched(f"{asked or 'all'} | {', '.join(order) or 'newest'} | page {DEEP + 1}", milliseconds, found)


def floor(connection: Connection) -> float:
    """What SQLite takes for the rows of a page whose runs are known, with nothing made of them."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    numbers = [row[0] for row in raw.execute("SELECT number FROM tracked_runs ORDER BY number DESC LIMIT ?", (PAGE,)).fetchall()]
    marks = ",".join("?" * len(numbers))
    times = []
    for _ in range(ROUNDS * 5):
        begin = TIMER.seconds()
        for table, column in (("tracked_runs", "number"), ("run_params", "run"), ("run_tags", "run"), ("latest_metrics", "run")):
            raw.execute(f"SELECT * FROM {table} WHERE {column} IN ({marks})", numbers).fetchall()  # noqa: S608  our own words
        times.append((TIMER.seconds() - begin) * 1000)
    return statistics.median(times)


@contextmanager
def reading(path: Path) -> Iterator[tuple[Connection, Keys]]:
    """A read transaction on the built database."""
    database = Database.open(path)
    try:
        with database.read() as connection:
            yield connection, Keys(database)
    finally:
        database.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of them do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def tell(name: str, results: Sequence[Searched], *, limit: float, rows: float) -> bool:
    """One line a search that is slow, one for all; whether the limit is kept."""
    times = [result.milliseconds for result in results]
    for result in sorted(results, key=lambda each: -each.milliseconds)[:5]:
        print(f"    {result.milliseconds:>8.1f} ms  {result.found:>3} runs  {result.what}")
    high = percentile(times, 0.95)
    middle = percentile(times, 0.5)
    print(f"{name:<32}{len(times):>4} pages   p50 {middle:>6.1f} ms   p95 {high:>6.1f} ms   {high / limit:>5.2f} of {limit:g} ms", end="")
    print(f"   p50: {middle / rows:.1f} times the bare rows, {rows:.1f} ms{'' if high <= limit else '   TOO SLOW'}")
    return high <= limit


def bench(place: Path, runs: int) -> bool:
    """All scopes on so many runs; whether every limit is kept."""
    begin = TIMER.seconds()
    path = corpus.build(place, runs)
    print(f"{runs:,} runs, {path.stat().st_size / 1e6:,.0f} MB, built in {TIMER.seconds() - begin:.0f} s")
    mixed: list[Searched] = []
    sought: list[Searched] = []
    with reading(path) as (connection, keys):
        rows = floor(connection)
        for name, homes in scopes(runs):
            results = list(searched(connection, keys, mix=MIX, homes=homes))
            tell(f"  {name}", results, limit=LIMITS_MS[runs], rows=rows)
            mixed += results
            sought += searched(connection, keys, mix=ANYWHERE, homes=homes)
        kept = [
            tell(f"{runs:,} runs, the mix", mixed, limit=LIMITS_MS[runs], rows=rows),
            tell(f"{runs:,} runs, texts anywhere", sought, limit=LIKE_LIMIT_MS, rows=rows),
        ]
    return all(kept)


def main() -> int:
    """20,000 runs, or a million where they are asked for; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs", type=int, choices=sorted(LIMITS_MS), default=20_000, help="a million are 1.4 GB and take two minutes to build"
    )
    parser.add_argument("--place", type=Path, help="where built databases are kept, and found again")
    options = parser.parse_args()
    if options.place is not None:
        options.place.mkdir(parents=True, exist_ok=True)
        return 0 if bench(options.place, options.runs) else 1
    with tempfile.TemporaryDirectory() as place:
        return 0 if bench(Path(place), options.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
