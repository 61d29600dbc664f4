"""Tables and queries of SQLite and PostgreSQL keep the laws of sources, by every driver that reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from flyball.data.declared.source import Source
from flyball.data.declared.sql import SqlSource, sql
from flyball.data.sources._sqlsource import SqlRows
from flyball.data.sources.port import OpenSource, Surroundings
from flyball.testing.sources import OpenSourceSuite, Rows
from tests.postgres import PostgresServer

TABLE = 'CREATE TABLE IF NOT EXISTS "rows" (id text, at text, text text)'


class _SqlSuite(OpenSourceSuite):
    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        assert isinstance(source, SqlSource)
        return SqlRows(source, surroundings)


class TestTableOfSqlite(_SqlSuite):
    def declare(self, place: Path) -> Source:
        del place
        return sql("shop.db", table="rows")

    def add(self, place: Path, rows: Rows) -> None:
        with closing(sqlite3.connect(place / "shop.db")) as connection, connection:
            connection.execute(TABLE)
            connection.executemany('INSERT INTO "rows" VALUES (:id, :at, :text)', rows)

    def change(self, place: Path) -> None:
        with closing(sqlite3.connect(place / "shop.db")) as connection, connection:
            connection.execute("UPDATE \"rows\" SET id = 'c1' WHERE id = 'a1'")


class TestQueryOfSqlite(TestTableOfSqlite):
    def declare(self, place: Path) -> Source:
        del place
        return sql("shop.db", query='SELECT id, at, text FROM "rows" -- all of them')


class TestWatermarkOfSqlite(TestTableOfSqlite):
    def declare(self, place: Path) -> Source:
        del place
        return sql("shop.db", table="rows", watermark="at")


class TestSqliteByUrl(TestTableOfSqlite):
    def declare(self, place: Path) -> Source:
        del place
        return sql("SHOP", table="rows", watermark="at", overlap="2d")

    def environment(self, place: Path) -> Mapping[str, str]:
        return {"SHOP": f"sqlite:///{place / 'shop.db'}"}


class TestSqliteBySqlAlchemy(TestTableOfSqlite):
    def declare(self, place: Path) -> Source:
        del place
        return sql("SHOP", table="rows")

    def environment(self, place: Path) -> Mapping[str, str]:
        return {"SHOP": f"sqlite+pysqlite:///{place / 'shop.db'}"}


class TestTableOfPostgresql(_SqlSuite):
    scheme = "postgresql"
    time = "timestamptz"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: PostgresServer) -> Iterator[None]:
        database = postgres.create()
        self.url = postgres.url(database)
        yield
        postgres.drop(database)

    def declare(self, place: Path) -> Source:
        del place
        return sql("SHOP", table="public.rows")

    def environment(self, place: Path) -> Mapping[str, str]:
        del place
        return {"SHOP": self.url.replace("postgresql://", f"{self.scheme}://")}

    def add(self, place: Path, rows: Rows) -> None:
        del place
        with psycopg.connect(self.url) as connection:
            connection.execute(TABLE.replace("at text", f"at {self.time}"))
            for row in rows:
                connection.execute('INSERT INTO "rows" VALUES (%(id)s, %(at)s, %(text)s)', dict(row))

    def change(self, place: Path) -> None:
        del place
        with psycopg.connect(self.url) as connection:
            connection.execute("UPDATE \"rows\" SET text = 'changed' || clock_timestamp() WHERE id = 'a1'")


class TestWatermarkOfPostgresql(TestTableOfPostgresql):
    def declare(self, place: Path) -> Source:
        del place
        return sql("SHOP", query="SELECT id, at, text FROM rows;", watermark="at")


class TestNaiveWatermarkOfPostgresql(TestTableOfPostgresql):
    scheme = "postgres"
    time = "timestamp"

    def declare(self, place: Path) -> Source:
        del place
        return sql("SHOP", table="rows", watermark="at", overlap="3h")


class TestPostgresqlBySqlAlchemy(TestTableOfPostgresql):
    scheme = "postgresql+psycopg"


class TestWatermarkOfPostgresqlBySqlAlchemy(TestWatermarkOfPostgresql):
    scheme = "postgresql+psycopg"
