"""Hot writes are kept when they return, whole or not at all, by as many callers at once as there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from flyball.storage.database import Database
from flyball.storage.servererrors import CommitUnknownError
from flyball.tracking._postgreshot import PostgresWrites
from flyball.tracking._sql import latest_metrics, run_params, run_tags
from flyball.tracking.errors import RunDeletedError, RunNotFoundError
from flyball.tracking.hot import Cursor, HotWrites
from flyball.tracking.hotengines import hot_writes
from flyball.tracking.keys import Keys
from flyball.tracking.logged import Write, entries, write
from flyball.tracking.trackedrun import Metric
from tests.databases import Databases, PostgresDatabases, opened
from tests.postgres import PATIENCE_SECONDS

RUN = (
    'INSERT INTO tracked_runs (id, experiment, name, "user", status, lifecycle, start_ms, artifact_uri, points)'
    " VALUES (:run, 0, 'n', 'u', 'running', 'active', 0, '', 0)"
)


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with opened(databases, tmp_path) as database:
        yield database


@pytest.fixture
def hot(database: Database) -> HotWrites:
    with database.write() as connection:
        connection.execute(sa.text(RUN), [{"run": "a"}, {"run": "b"}])
    return hot_writes(database)


def points(database: Database, run: str) -> int:
    with database.read() as connection:
        found: int = connection.execute(sa.text("SELECT points FROM tracked_runs WHERE id = :run"), {"run": run}).scalar_one()
    return found


def add(cursor: Cursor, run: str, *, count: int = 1) -> int:
    cursor.execute("UPDATE tracked_runs SET points = points + ? WHERE id = ? RETURNING points", (count, run))
    found: int = cursor.fetchone()[0]
    return found


def test_what_an_act_returns_comes_after_its_writes_are_kept(database: Database, hot: HotWrites) -> None:
    assert hot.run(lambda cursor: add(cursor, "a")) == 1
    assert hot.run(lambda cursor: add(cursor, "a", count=2**40)) == 2**40 + 1
    assert (points(database, "a"), points(database, "b")) == (2**40 + 1, 0)


def test_an_error_of_ours_passes_and_the_next_act_is_as_before(database: Database, hot: HotWrites) -> None:
    def refuse(_: Cursor) -> None:
        raise RunNotFoundError("c")

    for _ in range(2):
        with pytest.raises(RunNotFoundError):
            hot.run(refuse)
        hot.run(lambda cursor: add(cursor, "a"))
    assert points(database, "a") == 2


def test_a_statement_that_fails_takes_its_act_back_and_no_other(database: Database, hot: HotWrites) -> None:
    def wrong(cursor: Cursor) -> None:
        add(cursor, "a", count=100)
        cursor.execute("SELECT nonsense FROM tracked_runs WHERE id = ?", ("a",))
        cursor.fetchall()

    with ThreadPoolExecutor(4) as pool:
        right = [pool.submit(hot.run, lambda cursor: add(cursor, "a")) for _ in range(20)]
        with pytest.raises(Exception, match="nonsense"):
            pool.submit(hot.run, wrong).result()
        right += [pool.submit(hot.run, lambda cursor: add(cursor, "a")) for _ in range(20)]
        assert sorted(each.result() for each in right) == list(range(1, 41))
    assert points(database, "a") == 40


def test_it_joins_the_open_transaction(database: Database, hot: HotWrites) -> None:
    def both() -> None:
        with database.write():
            hot.run(lambda cursor: add(cursor, "a"))
            assert points(database, "a") == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        both()
    assert points(database, "a") == 0


def test_many_callers_on_one_run_lose_nothing_and_the_latest_is_the_latest(database: Database, hot: HotWrites) -> None:
    keys = Keys(database)

    def log(caller: int) -> None:
        for step in range(20):
            metrics = [Metric(key=f"k{number}", value=caller + number / 10, step=step, time_ms=caller) for number in range(5)]
            logged = entries(keys, metrics=metrics, params={f"p{caller}": "1", "same": "s"}, tags={"t": str(step), f"t{caller}": "x"})
            hot.run(Write("a", logged))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))
    assert points(database, "a") == 8 * 20 * 5
    with database.read() as connection:
        latest = connection.execute(sa.text("SELECT step, time_ms, value FROM latest_metrics ORDER BY value")).all()
        waiting = connection.execute(sa.text("SELECT sum(length(records)) FROM metric_points")).scalar_one()
        packed = connection.execute(sa.text("SELECT sum(points) FROM metric_chunks")).scalar_one()
        tables = (run_params, run_tags)
        counts = [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables]
    assert latest == [(19, 7, 7 + number / 10) for number in range(5)]
    assert waiting // 28 + packed == 8 * 20 * 5
    assert counts == [9, 9]


def test_nan_and_infinities_are_kept(database: Database, hot: HotWrites) -> None:
    keys = Keys(database)
    odd = {"nan": float("nan"), "up": float("inf"), "down": float("-inf"), "tiny": 5e-324, "exact": 0.1 + 0.2}
    logged = entries(keys, metrics=[Metric(key=key, value=value, time_ms=-1, step=-(2**63)) for key, value in odd.items()])
    hot.run(lambda cursor: write(cursor, "a", logged=logged))
    with database.read() as connection:
        rows = connection.execute(sa.text("SELECT n.name, m.is_nan, m.value, m.step FROM latest_metrics m JOIN names n ON n.id = m.key"))
        found = {row.name: (row.is_nan, row.value, row.step) for row in rows}
    expected = {key: (0, value, -(2**63)) for key, value in odd.items()} | {"nan": (1, 0.0, -(2**63))}
    assert found == expected


def test_metrics_and_tags_alone_are_the_same_by_either_way(database: Database, hot: HotWrites) -> None:
    keys = Keys(database)
    values = [float("nan"), 3.0, float("inf"), 2.0, float("-inf"), float("nan")]
    metrics = [Metric(key=f"k{number % 2}", value=value, step=number % 3, time_ms=number) for number, value in enumerate(values)]
    tags = {"mlflow.runName": "called", "long": "x" * 200, "é": "ü"}
    logged = entries(keys, metrics=metrics, tags=tags)
    hot.run(lambda cursor: write(cursor, "a", logged=logged))
    for _ in range(2):
        hot.run(Write("b", logged))

    def told(table: sa.Table) -> list[tuple[object, ...]]:
        with database.read() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.run, table.c.key)).all()
        first = min(row.run for row in rows)
        by_run = [[row[1:] for row in rows if (row.run == first) is wanted] for wanted in (True, False)]
        assert by_run[0] == by_run[1]
        return [tuple(row) for row in by_run[0]]

    assert len(told(latest_metrics)) == 2
    assert len(told(run_tags)) == 3
    with database.read() as connection:
        runs = connection.execute(sa.text("SELECT name, points FROM tracked_runs ORDER BY id")).all()
    assert runs == [("called", 6), ("called", 12)]


def test_what_cannot_be_logged_says_why_and_packing_keeps_all(database: Database, hot: HotWrites) -> None:
    keys = Keys(database)
    logged = entries(keys, metrics=[Metric(key="k", value=1.0, time_ms=number, step=number) for number in range(1000)])
    with pytest.raises(RunNotFoundError):
        hot.run(Write("nowhere", logged))
    with database.write() as connection:
        connection.execute(sa.text("UPDATE tracked_runs SET lifecycle = 'deleted' WHERE id = 'b'"))
    with pytest.raises(RunDeletedError):
        hot.run(Write("b", logged))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: hot.run(Write("a", logged)), range(20)))
    with database.read() as connection:
        packed = connection.execute(sa.text("SELECT sum(points), count(*) FROM metric_chunks")).one()
        waiting = connection.execute(sa.text("SELECT sum(length(records)) FROM metric_points")).scalar_one()
    assert points(database, "a") == 20_000
    assert waiting == 28 * (20_000 - 16_384 // 1000 * 1000 - 1000)
    assert packed[0] == 1000  # the same thousand over and over: a point that is logged twice is one


def test_of_two_that_lock_each_other_out_both_are_done(postgres_databases: PostgresDatabases, tmp_path: Path) -> None:
    with opened(postgres_databases, tmp_path) as database:
        with database.write() as connection:
            connection.execute(sa.text(RUN), [{"run": "a"}, {"run": "b"}])
        hot, both = PostgresWrites(database), threading.Barrier(2, timeout=PATIENCE_SECONDS)

        def act(first: str, second: str) -> None:
            tries = []

            def crossed(cursor: Cursor) -> None:
                tries.append(first)
                add(cursor, first)
                if len(tries) == 1:
                    both.wait()
                add(cursor, second)

            hot.run(crossed)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(act, "ab", "ba"))
        assert (points(database, "a"), points(database, "b")) == (2, 2)


def test_a_connection_that_breaks_at_the_commit_leaves_it_open_and_one_before_does_not(
    postgres_databases: PostgresDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(postgres_databases, tmp_path) as database:
        with database.write() as connection:
            connection.execute(sa.text(RUN), {"run": "a"})
        commit = psycopg.Connection.commit

        def broken(connection: psycopg.Connection[tuple[object, ...]]) -> None:  # the network's doing
            monkeypatch.setattr(psycopg.Connection, "commit", commit)
            connection.pgconn.finish()
            commit(connection)

        monkeypatch.setattr(psycopg.Connection, "commit", broken)
        with pytest.raises(CommitUnknownError):
            PostgresWrites(database).run(lambda cursor: add(cursor, "a"))
        assert points(database, "a") == 0
        assert PostgresWrites(database).run(lambda cursor: add(cursor, "a")) == 1
