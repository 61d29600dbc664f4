"""PostgreSQL as a source: what its types become, and what it may do while it is read; no password is told, nothing is changed."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import polars as pl
import psycopg
import pytest

from flyball.core.errors import FlyballError
from flyball.data.declared.sql import sql
from flyball.data.errors import ColumnTypeError, SourceDeniedError, SourceEmptyError
from flyball.data.model import TIME
from flyball.data.sourceerrors import (
    DatabaseDeniedError,
    DatabaseDriverError,
    DatabaseLostError,
    DatabasePlaceError,
    DatabaseQueryError,
    DatabaseSlowError,
    OverlapError,
    WatermarkColumnError,
)
from tests.integration.data.pulling import pull
from tests.postgres import PATIENCE_SECONDS, PostgresServer

WORDS: LiteralString = """
    2::smallint small, 7::bigint big, 1.5::real r, 2.25::float8 f, 12345678.125::numeric n, 'NaN'::numeric nan, true yes, 'x'::text t,
    'y'::varchar(5) v, 'é'::char(2) c, date '2013-01-02' d, timestamp '2013-01-02 03:04:05.678901' naive,
    timestamptz '2013-01-02 03:04:05+02' zoned, '{"a":1}'::json j, '{"a": 1}'::jsonb jb, 'ok'::mood m,
    'c0ffee00-0000-4000-8000-000000000001'::uuid u, null::int nothing, 'infinity'::timestamptz never, '-infinity'::date ever
"""
VALUES = {
    "small": 2, "big": 7, "r": 1.5, "f": 2.25, "n": 12345678.125, "nan": None, "yes": True, "t": "x", "v": "y", "c": "é ",
    "d": date(2013, 1, 2), "naive": datetime(2013, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "zoned": datetime(2013, 1, 2, 1, 4, 5, tzinfo=UTC),
    "j": '{"a":1}', "jb": '{"a": 1}', "m": "ok", "u": "c0ffee00-0000-4000-8000-000000000001", "nothing": None, "never": None, "ever": None,
}  # fmt: skip
SCHEMA = {
    "small": pl.Int64(), "big": pl.Int64(), "r": pl.Float64(), "f": pl.Float64(), "n": pl.Float64(), "nan": pl.Float64(),
    "yes": pl.Boolean(), "t": pl.String(), "v": pl.String(), "c": pl.String(), "d": pl.Date(), "naive": TIME, "zoned": TIME,
    "j": pl.String(), "jb": pl.String(), "m": pl.String(), "u": pl.String(), "nothing": pl.Int64(), "never": TIME, "ever": pl.Date(),
}  # fmt: skip


class _Shop:
    """A database of the test's own, as the source's variable names it and as the test writes to it."""

    def __init__(self, server: PostgresServer, place: Path) -> None:
        self.server, self.place, self.name = server, place, server.create()
        self.environment: Mapping[str, str] = {"SHOP": server.url(self.name)}

    def execute(self, *words: LiteralString) -> None:
        with self.server.connect(self.name) as connection:
            for word in words:
                connection.execute(word)


@pytest.fixture
def shop(postgres: PostgresServer, tmp_path: Path) -> Iterator[_Shop]:
    made = _Shop(postgres, tmp_path)
    yield made
    postgres.drop(made.name)


def test_types_become_the_six_kinds(shop: _Shop) -> None:
    shop.execute("CREATE TYPE mood AS ENUM ('ok')", "CREATE TABLE kinds AS SELECT" + WORDS)
    found = pull(sql("SHOP", table="kinds"), shop.place, environment=shop.environment).rows
    assert dict(found.schema) == SCHEMA
    assert found.row(0, named=True) == VALUES


def test_sqlalchemy_gives_the_same_values(shop: _Shop) -> None:
    words = WORDS.replace(", 'infinity'::timestamptz never, '-infinity'::date ever", "")  # psycopg cannot say them
    shop.execute("CREATE TYPE mood AS ENUM ('ok')", "CREATE TABLE kinds AS SELECT" + words)
    url = {"SHOP": shop.environment["SHOP"].replace("postgresql://", "postgresql+psycopg://")}
    row = pull(sql("SHOP", table="kinds"), shop.place, environment=url).rows.row(0, named=True)
    assert row == {name: value for name, value in VALUES.items() if name in row} | {"j": '{"a": 1}'}


@pytest.mark.parametrize(
    "words",
    [
        "'ab'::bytea",
        "array[1]",
        "interval '1 day'",
        "time '10:00'",
        "12.5::money",
        "point(1,2)",
        "'10.0.0.1'::inet",
        "int4range(1,2)",
        "row(1,2)",
    ],
)
def test_what_a_dataset_cannot_hold_is_refused_by_its_column(shop: _Shop, words: str) -> None:
    with pytest.raises(ColumnTypeError, match="Column 'odd'"):
        pull(sql("SHOP", query=f"SELECT 1 AS fine, {words} AS odd"), shop.place, environment=shop.environment)


def test_an_empty_table_says_so_at_first_and_nothing_later(shop: _Shop) -> None:
    source = sql("SHOP", table="sales", watermark="id")
    shop.execute("CREATE TABLE sales (id int)")
    with pytest.raises(SourceEmptyError, match="no rows yet"):
        pull(source, shop.place, environment=shop.environment)
    shop.execute("INSERT INTO sales VALUES (1)")
    seen = pull(source, shop.place, environment=shop.environment).seen
    shop.execute("DELETE FROM sales")
    assert pull(source, shop.place, seen=seen, environment=shop.environment).rows.is_empty()


def test_a_table_that_vanishes_is_named(shop: _Shop) -> None:
    with pytest.raises(DatabasePlaceError, match="SHOP: sales"):
        pull(sql("SHOP", table="sales"), shop.place, environment=shop.environment)


def test_a_column_that_changes_its_type_is_read_as_it_is(shop: _Shop) -> None:
    source = sql("SHOP", table="sales", watermark="id", overlap=0)
    shop.execute("CREATE TABLE sales AS SELECT 1 id, 5 amount")
    seen = pull(source, shop.place, environment=shop.environment).seen
    shop.execute("ALTER TABLE sales ALTER amount TYPE text", "INSERT INTO sales VALUES (2, 'six')")
    again = pull(source, shop.place, seen=seen, environment=shop.environment).rows
    assert again.rows() == [(1, "5"), (2, "six")]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        pytest.param("DELETE FROM sales RETURNING id", DatabaseQueryError, id="delete"),
        pytest.param("WITH gone AS (DELETE FROM sales RETURNING id) SELECT * FROM gone", DatabaseQueryError, id="with"),
        pytest.param("SELECT nextval('counter')", DatabaseQueryError, id="function"),
        pytest.param("SELECT 1) AS x; DROP TABLE sales; SELECT * FROM (SELECT 1", DatabaseQueryError, id="parenthesis"),
        pytest.param("SELECT id FORM sales", DatabaseQueryError, id="misspelt"),
        pytest.param("SELECT 1 AS a, 2 AS a", FlyballError, id="twice"),
        pytest.param("SELECT 1 / (id - 1) FROM sales", DatabaseQueryError, id="zero"),
    ],
)
def test_what_cannot_be_answered_changes_nothing(shop: _Shop, query: str, error: type[FlyballError]) -> None:
    shop.execute("CREATE TABLE sales AS SELECT 1 id", "CREATE SEQUENCE counter")
    with pytest.raises(error, match="SHOP"):
        pull(sql("SHOP", query=query), shop.place, environment=shop.environment)
    assert pull(sql("SHOP", table="sales"), shop.place, environment=shop.environment).rows.rows() == [(1,)]
    assert list((shop.place / "scratch").iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_query_that_takes_too_long_is_stopped(shop: _Shop, scheme: str) -> None:
    url = {"SHOP": shop.environment["SHOP"].replace("postgresql", scheme)}
    with pytest.raises(DatabaseSlowError, match="timeout of 300ms"):
        pull(sql("SHOP", query="SELECT pg_sleep(600)::text", timeout="300ms"), shop.place, environment=url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_connection_that_is_killed_half_way_leaves_nothing(shop: _Shop, scheme: str) -> None:
    shop.execute("CREATE TABLE sales AS SELECT generate_series(1, 200000) id, repeat('x', 200) t")
    url = {"SHOP": shop.environment["SHOP"].replace("postgresql", scheme)}
    slow = sql("SHOP", query="SELECT id, t, CASE WHEN id % 1000 = 0 THEN pg_sleep(0.2)::text END s FROM sales")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pull, slow, shop.place, environment=url)
        with shop.server.connect(shop.name) as connection:
            for _ in range(PATIENCE_SECONDS * 20):
                if connection.execute(_KILL).fetchall():
                    break
                threading.Event().wait(0.05)
        with pytest.raises(DatabaseLostError, match="Nothing was recorded"):
            reading.result(PATIENCE_SECONDS)
    assert list((shop.place / "scratch").iterdir()) == []


_KILL: LiteralString = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'
"""


@pytest.fixture
def locked(shop: _Shop) -> Iterator[_Shop]:
    """A role that has a password, which the server asks for."""
    rules = shop.server.place / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    shop.execute("CREATE ROLE locked LOGIN PASSWORD 'right'", "SELECT pg_reload_conf()", "CREATE TABLE sales AS SELECT 1 id")
    yield shop
    rules.write_text(before)
    shop.execute("DROP ROLE locked", "SELECT pg_reload_conf()")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize(
    "password", ["hunter2-wrong", "hun%ter2/wrong#?&@:x", "hunter2 é'\"wrong", ""], ids=["plain", "signs", "letters", "none"]
)
def test_a_wrong_password_is_never_told(locked: _Shop, caplog: pytest.LogCaptureFixture, scheme: str, password: str) -> None:
    caplog.set_level(logging.DEBUG)
    url = locked.environment["SHOP"].replace("postgresql://flyball@", f"{scheme}://locked:{quote(password, safe='')}@")
    with pytest.raises(SourceDeniedError, match="SHOP: sales does not let us read") as caught:
        pull(sql("SHOP", table="sales"), locked.place, environment={"SHOP": url})
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not any(secret and secret in told for secret in (password, quote(password, safe=""), password[:6]))


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "mysql", "nosuchdatabase"])
@pytest.mark.parametrize(
    "after", ["127.0.0.1:1/db", "127.0.0.1:1/db?bogus=1", "ho st:x/db", "[::1/db"], ids=["refused", "option", "host", "brackets"]
)
def test_a_url_that_leads_nowhere_keeps_its_password(tmp_path: Path, scheme: str, after: str) -> None:
    for password in ("hunter2", "hun%zzter2", "hun/ter2#"):
        with pytest.raises((DatabaseDeniedError, DatabaseDriverError)) as caught:
            pull(sql("SHOP", table="sales"), tmp_path, environment={"SHOP": f"{scheme}://me:{password}@{after}"})
        assert "ter2" not in "".join(traceback.format_exception(caught.value)).replace("test_", "")


def test_rows_that_are_committed_late_are_read_within_the_overlap(shop: _Shop) -> None:
    source = sql("SHOP", table="sales", watermark="at", overlap="1h")
    shop.execute("CREATE TABLE sales (id int, at timestamptz)", "INSERT INTO sales VALUES (1, '2013-01-01 12:00Z')")
    with shop.server.connect(shop.name) as slow:
        slow.execute("BEGIN")
        slow.execute("INSERT INTO sales VALUES (2, '2013-01-01 11:30Z'), (3, '2013-01-01 10:30Z')")
        first = pull(source, shop.place, environment=shop.environment)
        slow.execute("COMMIT")
    second = pull(source, shop.place, seen=first.seen, environment=shop.environment)
    assert (first.rows["id"].to_list(), second.rows["id"].to_list()) == ([1], [2, 1])  # 3 lies below the overlap


def _insert(number: LiteralString, value: LiteralString) -> LiteralString:
    return "INSERT INTO sales VALUES (" + number + ", " + value + ")"  # noqa: S608  our own words


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date", "bigint", "numeric", "float8"])
def test_watermarks_at_the_edge_are_read_again_and_nulls_always(shop: _Shop, kind: LiteralString) -> None:
    value: LiteralString = "'2013-01-03'" if kind.startswith(("time", "date")) else "3"
    overlap: str | int = "0s" if kind.startswith(("time", "date")) else 0
    source = sql("SHOP", table="sales", watermark="at", overlap=overlap)
    shop.execute("CREATE TABLE sales (id int, at " + kind + ")", _insert("1", value), "INSERT INTO sales VALUES (2, null)")
    first = pull(source, shop.place, environment=shop.environment)
    assert pull(source, shop.place, seen=first.seen, environment=shop.environment).rows.is_empty()
    shop.execute(_insert("3", value), "INSERT INTO sales VALUES (4, null)")
    second = pull(source, shop.place, seen=first.seen, environment=shop.environment)
    assert sorted(second.rows["id"]) == [1, 2, 3, 4]
    assert pull(source, shop.place, seen=second.seen, environment=shop.environment).rows.is_empty()


def test_a_session_that_is_elsewhere_changes_no_time(shop: _Shop) -> None:
    source = sql("SHOP", table="sales", watermark="at", overlap="0s")
    shop.execute("CREATE TABLE sales (id int, at timestamp)", "INSERT INTO sales VALUES (1, '2013-01-01 12:00')")
    with psycopg.connect(shop.environment["SHOP"], autocommit=True) as connection:
        connection.execute("ALTER ROLE flyball IN DATABASE " + shop.name + " SET timezone = 'Pacific/Auckland'")
    for scheme in ("postgresql", "postgresql+psycopg"):
        url = {"SHOP": shop.environment["SHOP"].replace("postgresql", scheme)}
        found = pull(source, shop.place, environment=url)
        assert found.rows["at"].to_list() == [datetime(2013, 1, 1, 12, tzinfo=UTC)]
        assert pull(source, shop.place, seen=found.seen, environment=url).rows.is_empty()


@pytest.mark.parametrize(
    ("watermark", "overlap", "error"),
    [("t", None, WatermarkColumnError), ("yes", None, WatermarkColumnError), ("id", "1h", OverlapError), ("at", 5, OverlapError)],
    ids=["text", "boolean", "time-of-number", "number-of-time"],
)
def test_watermarks_that_cannot_be_are_named(shop: _Shop, watermark: str, overlap: str | int | None, error: type[FlyballError]) -> None:
    query = "SELECT 1 AS id, 'a' AS t, true AS yes, now() AS at"
    options = {"overlap": overlap} if overlap is not None else {}
    with pytest.raises(error, match="SHOP"):
        pull(sql("SHOP", query=query, watermark=watermark, **options), shop.place, environment=shop.environment)  # type: ignore[arg-type]  # the case
