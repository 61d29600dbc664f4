"""A SQLite file may hold anything, be anything and change at any time: rows, or an error that says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.app.sources import open_source
from flyball.core.errors import FlyballError
from flyball.data.declared.sql import SqlSource, sql
from flyball.data.errors import ColumnTypeError, DatasetError, SourceEmptyError
from flyball.data.sourceerrors import (
    DatabasePlaceError,
    DatabaseQueryError,
    DatabaseSlowError,
    DatabaseVariableError,
    WatermarkColumnError,
)
from flyball.data.sources.port import Seen, Surroundings
from flyball.data.sources.spool import CHUNK_ROWS
from tests.integration.data.pulling import pull


def _make(place: Path, columns: str, *, rows: Sequence[Sequence[Any]] = ()) -> None:
    with closing(sqlite3.connect(place / "shop.db")) as connection, connection:
        if columns:
            connection.execute(f"CREATE TABLE IF NOT EXISTS sales ({columns})")
        for row in rows:
            connection.execute(f"INSERT INTO sales VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  question marks only


def _execute(place: Path, text: str) -> None:
    with closing(sqlite3.connect(place / "shop.db")) as connection, connection:
        connection.execute(text)


WAYS = [pytest.param(sql("shop.db", table="sales"), id="table"), pytest.param(sql("shop.db", query="SELECT * FROM sales;"), id="query")]


@pytest.mark.parametrize("source", WAYS)
def test_values_come_as_they_are_stored(source: SqlSource, tmp_path: Path) -> None:
    _make(tmp_path, "id integer, x real, t text, n", rows=[(1, 1.5, "a", None), (2, None, 'é"€', None), (None, float("inf"), "", None)])
    found = pull(source, tmp_path).rows
    assert dict(found.schema) == {"id": pl.Int64(), "x": pl.Float64(), "t": pl.String(), "n": pl.Null()} or found["n"].null_count() == 3
    assert found.select("id", "x", "t").rows() == [(1, 1.5, "a"), (2, None, 'é"€'), (None, None, "")]


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize(
    ("late", "expected"),
    [(0.5, pl.Float64()), ("x", pl.String()), (2**62, pl.Int64())],
    ids=["number", "text", "whole"],
)
def test_a_column_that_is_of_another_kind_after_many_rows_is_read(
    source: SqlSource, late: object, expected: pl.DataType, tmp_path: Path
) -> None:
    _make(tmp_path, "a", rows=[(number,) for number in range(20_000)])
    _make(tmp_path, "a", rows=[(late,)])
    found = pull(source, tmp_path).rows
    assert found.schema["a"] == expected
    assert found.height == 20_001
    assert found["a"][-1] == late


@pytest.mark.parametrize("source", WAYS)
def test_nulls_before_the_first_value_hide_no_type(source: SqlSource, tmp_path: Path) -> None:
    _make(tmp_path, "a", rows=[(None,)] * 20_000 + [("x",)])
    found = pull(source, tmp_path).rows
    assert (found["a"].null_count(), found["a"][-1]) == (20_000, "x")


@pytest.mark.parametrize("source", WAYS)
def test_bytes_are_refused_by_their_column(source: SqlSource, tmp_path: Path) -> None:
    _make(tmp_path, "id, picture", rows=[(1, b"x")])
    with pytest.raises(ColumnTypeError, match="picture"):
        pull(source, tmp_path)


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize("early", [1, 20_000], ids=["first-rows", "later"])
def test_text_that_is_not_utf8_is_refused(source: SqlSource, early: int, tmp_path: Path) -> None:
    _make(tmp_path, "t text", rows=[("fine",)] * early)
    _execute(tmp_path, "INSERT INTO sales VALUES (CAST(x'fffe41' AS text))")
    with pytest.raises(DatabaseQueryError, match=r"(?i)utf-?8"):
        pull(source, tmp_path)


@pytest.mark.parametrize("source", WAYS)
def test_an_empty_table_says_so_at_first_and_nothing_later(source: SqlSource, tmp_path: Path) -> None:
    _make(tmp_path, "id integer")
    with pytest.raises(SourceEmptyError, match="no rows yet"):
        pull(source, tmp_path)
    _make(tmp_path, "id integer", rows=[(1,)])
    first = pull(source, tmp_path)
    _execute(tmp_path, "DELETE FROM sales")
    assert pull(source, tmp_path, seen=first.seen).rows.is_empty()


@pytest.mark.parametrize("source", WAYS)
def test_a_table_that_vanishes_is_named(source: SqlSource, tmp_path: Path) -> None:
    _make(tmp_path, "id integer", rows=[(1,)])
    seen = pull(source, tmp_path).seen
    _execute(tmp_path, "DROP TABLE sales")
    with pytest.raises(DatabasePlaceError, match="sales"):
        pull(source, tmp_path, seen=seen)


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100], ids=["absent", "empty", "other"])
def test_a_file_that_is_no_database_is_named(source: SqlSource, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "shop.db").write_bytes(content)
    with pytest.raises(FlyballError, match=r"shop\.db"):
        pull(source, tmp_path)
    assert content is not None or not (tmp_path / "shop.db").exists()


def test_many_rows_come_in_bounded_frames(tmp_path: Path) -> None:
    counted = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 200000)"
    _execute(tmp_path, "CREATE TABLE sales AS " + counted + " SELECT n, 'x' t FROM r")  # noqa: S608  our own words
    with open_source(sql("shop.db", table="sales"), Surroundings(root=tmp_path, scratch=tmp_path / "scratch")) as source:
        heights = [frame.height for frame in source.read(source.find(Seen())[0])]
    assert sum(heights) == 200_000
    assert max(heights) <= CHUNK_ROWS + (1 << 14)


def test_a_query_that_never_ends_is_stopped(tmp_path: Path) -> None:
    _make(tmp_path, "id integer")
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
    with pytest.raises(DatabaseSlowError, match="timeout of 200ms"):
        pull(sql("shop.db", query=endless, timeout="200ms"), tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("DELETE FROM sales", id="delete"),
        pytest.param("SELECT 1; DROP TABLE sales", id="two"),
        pytest.param("SELECT 1) AS x; DROP TABLE sales; --", id="parenthesis"),
        pytest.param("SELECT id FORM sales", id="misspelt"),
        pytest.param("INSERT INTO sales VALUES (2) RETURNING id", id="returning"),
    ],
)
def test_what_is_no_query_changes_nothing(query: str, tmp_path: Path) -> None:
    _make(tmp_path, "id integer", rows=[(1,)])
    with pytest.raises(DatabaseQueryError):
        pull(sql("shop.db", query=query), tmp_path)
    assert pull(sql("shop.db", table="sales"), tmp_path).rows.rows() == [(1,)]


@pytest.mark.parametrize("table", ['sales"; DROP TABLE sales; --', "sales' OR 1=1", "(SELECT 1)", "../sales"])
def test_names_are_names_whatever_stands_in_them(table: str, tmp_path: Path) -> None:
    _make(tmp_path, "id integer", rows=[(1,)])
    with pytest.raises(FlyballError, match=r"shop\.db"):
        pull(sql("shop.db", table=table), tmp_path)
    with pytest.raises(WatermarkColumnError):
        pull(sql("shop.db", table="sales", watermark='id" IS NULL OR 1=1 --'), tmp_path)
    assert pull(sql("shop.db", table="sales"), tmp_path).rows.height == 1


def test_a_misspelt_watermark_is_no_text(tmp_path: Path) -> None:
    _make(tmp_path, "id integer, updated_at text", rows=[(1, "2013-01-01 00:00:00")])
    with pytest.raises(WatermarkColumnError, match="'update_at'"):
        pull(sql("shop.db", table="sales", watermark="update_at"), tmp_path)


def test_times_as_text_are_read_again_from_an_hour_below(tmp_path: Path) -> None:
    source = sql("shop.db", table="sales", watermark="at")
    _make(tmp_path, "id integer, at text", rows=[(n, f"2013-01-01 {n:02}:00:00.123+05:30") for n in range(10)])
    seen = pull(source, tmp_path).seen
    assert pull(source, tmp_path, seen=seen).rows.is_empty()
    late = [(20, "2013-01-01 08:00:00.200+05:30"), (21, "2013-01-01 09:00:00.123+05:30"), (22, "2013-01-01 07:59:00.000+05:30")]
    _make(tmp_path, "", rows=late)
    again = pull(source, tmp_path, seen=seen)
    assert again.rows["id"].to_list() == [8, 20, 9, 21]
    assert pull(source, tmp_path, seen=again.seen).rows.is_empty()


def test_rows_without_a_watermark_are_read_each_time(tmp_path: Path) -> None:
    source = sql("shop.db", table="sales", watermark="n", overlap=0)
    _make(tmp_path, "id integer, n integer", rows=[(1, None), (2, None)])
    first = pull(source, tmp_path)
    assert first.rows["id"].to_list() == [1, 2]
    assert pull(source, tmp_path, seen=first.seen).rows.is_empty()
    _make(tmp_path, "", rows=[(3, 5), (4, None)])
    second = pull(source, tmp_path, seen=first.seen)
    assert second.rows["id"].to_list() == [1, 2, 4, 3]
    _make(tmp_path, "", rows=[(5, None), (6, 5), (7, 4)])
    assert pull(source, tmp_path, seen=second.seen).rows["id"].to_list() == [1, 2, 4, 5, 3, 6]


def test_another_question_is_asked_from_the_beginning(tmp_path: Path) -> None:
    _make(tmp_path, "id integer, n integer", rows=[(n, n) for n in range(5000)])
    seen = pull(sql("shop.db", table="sales", watermark="n"), tmp_path).seen
    assert pull(sql("shop.db", query="SELECT n FROM sales", watermark="n"), tmp_path, seen=seen).rows.height == 5000


@pytest.mark.parametrize(
    ("environment", "match"),
    [({}, "is not set"), ({"SHOP": "  "}, "is not set"), ({"SHOP": "hunter2"}, "holds no URL")],
    ids=["absent", "blank", "other"],
)
def test_a_variable_without_a_url_is_named(environment: dict[str, str], match: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseVariableError, match=f"SHOP {match}") as caught:
        pull(sql("SHOP", table="sales"), tmp_path, environment=environment)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="neither"),
        pytest.param({"table": "a", "query": "b"}, id="both"),
        pytest.param({"table": " "}, id="blank"),
        pytest.param({"query": ""}, id="empty"),
        pytest.param({"table": "a\0"}, id="nul"),
        pytest.param({"table": "a", "wattermark": "b"}, id="misspelt"),
        pytest.param({"table": "a", "timeout": "0s"}, id="no-time"),
    ],
)
def test_declarations_that_can_never_be_right_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(DatasetError):
        sql("shop.db", **options)


def test_a_url_in_a_project_is_refused_without_repeating_it() -> None:
    with pytest.raises(DatasetError) as caught:
        sql("postgresql://me:hunter2@host/db", table="a")
    assert "hunter2" not in str(caught.value)
