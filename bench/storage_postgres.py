"""What turns and hot writes cost on PostgreSQL, each beside the bare driver on the same server in the same run.

python -m bench.storage_postgres [--quick]   (from the repository)
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import sqlalchemy as sa

from bench.storage import TIMER, per_second, tell
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database, open_database
from flyball.tracking.hotengines import hot_writes
from flyball.tracking.keys import Keys
from flyball.tracking.logged import Write, entries
from flyball.tracking.trackedrun import Metric
from tests.postgres import PostgresServer, binaries, serving

START = datetime(2013, 1, 1, tzinfo=UTC)
CLIENTS = 8
RUN = (
    'INSERT INTO tracked_runs (id, experiment, name, "user", status, lifecycle, start_ms, artifact_uri, points)'
    " VALUES (:run, 0, 'n', 'u', 'running', 'active', 0, '', 0)"
)


def bare(server: PostgresServer, name: str, *, count: int) -> float:
    """One row per commit by the driver alone."""
    with psycopg.connect(server.url(name), autocommit=True) as raw:
        return per_second(lambda number: raw.execute("INSERT INTO timer_fires VALUES (%s, 1)", [f"b{number}"], prepare=True), count)


def events(database: Database, count: int, *, limit: float) -> None:
    """One event per transaction with a turn."""
    log = SqlEventLog(database)
    rate = per_second(lambda number: log.append(Event(EventId(f"e{number}"), "a.b", "s", START)), count)
    tell("events, each a turn", rate, limit=limit, peer="one insert by the driver")


def metrics(database: Database, count: int, *, limit: float) -> None:
    """One metric per call by one and by eight callers, and a thousand per call."""
    keys, hot = Keys(database), hot_writes(database)
    with database.write() as connection:
        connection.execute(sa.text(RUN), [{"run": f"r{number}"} for number in range(CLIENTS)])

    def log(run: str, numbers: range) -> None:
        points = [Metric(key=f"k{number % 10}", value=float(number), time_ms=number, step=number) for number in numbers]
        hot.run(Write(run, entries(keys, metrics=points)))

    tell("metrics, 1 caller", per_second(lambda n: log("r0", range(n, n + 1)), count), limit=limit, peer="one insert by the driver")

    def many(turn: int) -> None:
        def own(caller: int) -> None:
            for number in range(count // CLIENTS):
                log(f"r{caller}", range(turn * count + number, turn * count + number + 1))

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(own, range(CLIENTS)))

    tell("metrics, 8 callers", per_second(many, 1) * (count // CLIENTS * CLIENTS), limit=limit, peer="one insert by the driver")
    rate = 1000 * per_second(lambda n: log("r0", range(1000 * n, 1000 * (n + 1))), max(count // 50, 1))
    tell("metrics by the thousand", rate, limit=limit, peer="one insert by the driver")


def main(count: int) -> int:
    """Print one line per figure."""
    programs = binaries()
    if programs is None:
        print("there is no PostgreSQL on this machine")
        return 1
    with serving(programs, {}) as server:  # its disk is not made light of
        name = server.create()
        database = open_database(server.url(name))
        begin = TIMER.seconds()
        limit = bare(server, name, count=count)
        free = per_second(lambda _: _empty(database), count)
        tell("empty transactions with a turn", free, limit=limit, peer="one insert by the driver")
        events(database, count, limit=limit)
        metrics(database, count, limit=limit)
        print(f"{TIMER.seconds() - begin:.0f} s in all")
        database.close()
    return 0


def _empty(database: Database) -> None:
    with database.write():
        pass


if __name__ == "__main__":
    sys.exit(main(100 if "--quick" in sys.argv else 1000))
