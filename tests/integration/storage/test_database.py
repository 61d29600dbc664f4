"""Transactions are whole, nest, and keep threads apart; what is no database is said to be none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.storage.database import Database
from flyball.storage.errors import DatabaseCorruptError, StorageFailedError
from flyball.storage.schema import Json, UtcTime, timer_fires
from tests.databases import Databases, opened


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    with opened(databases, tmp_path) as database:
        yield database


def _put(connection: sa.Connection, name: str) -> None:
    connection.execute(sa.text("INSERT INTO timer_fires VALUES (:name, 1)"), {"name": name})


def _names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(timer_fires.c.name).order_by(timer_fires.c.name)).scalars())


def _put_and_fail(database: Database, name: str) -> None:
    with database.write() as connection:
        _put(connection, name)
        raise ZeroDivisionError


def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _put_and_fail(database, "a")
    assert _names(database) == []


def test_an_inner_block_joins_the_outer(database: Database) -> None:
    with database.write() as outer:
        with database.write() as inner:
            assert inner is outer
            _put(inner, "inner")
        _put(outer, "outer")
        assert _names(database) == ["inner", "outer"]
    assert _names(database) == ["inner", "outer"]


def test_an_outer_block_that_raises_takes_the_inner_with_it(database: Database) -> None:
    def both() -> None:
        with database.write():
            with database.write() as inner:
                _put(inner, "inner")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        both()
    assert _names(database) == []


def test_an_inner_block_that_raises_takes_back_its_own_writes_only(database: Database) -> None:
    with database.write() as outer:
        _put(outer, "outer")
        with pytest.raises(ZeroDivisionError):
            _put_and_fail(database, "inner")
    assert _names(database) == ["outer"]


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(database: Database) -> None:
    wrote, looked = threading.Event(), threading.Event()

    def write() -> None:
        with database.write() as connection:
            _put(connection, "a")
            wrote.set()
            assert looked.wait(60)

    thread = threading.Thread(target=write)
    thread.start()
    assert wrote.wait(60)
    assert _names(database) == []
    with database.read():
        assert _names(database) == []
        looked.set()
        thread.join()
        assert _names(database) == []
    assert _names(database) == ["a"]


def test_a_write_inside_a_read_is_a_transaction_of_its_own(database: Database) -> None:
    with database.read():
        assert _names(database) == []
        with database.write() as connection:
            _put(connection, "a")
            assert _names(database) == ["a"]
        assert _names(database) == []
    assert _names(database) == ["a"]


def test_writers_of_one_process_take_turns(database: Database) -> None:
    def write(number: int) -> None:
        for turn in range(20):
            with database.write() as connection:
                count = connection.execute(sa.select(sa.func.count()).select_from(timer_fires)).scalar_one()
                _put(connection, f"{count:03}-{number}-{turn}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [int(name[:3]) for name in _names(database)] == list(range(80))


def test_it_works_after_a_failed_block_and_closes_twice(database: Database) -> None:
    with database.write() as connection:
        _put(connection, "b")
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        _put(connection, "b")
    assert _names(database) == ["b"]
    database.close()
    database.close()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    path.write_text("a letter to my mother, which is long enough to be taken for something else" * 20)
    before = path.read_bytes()
    with pytest.raises(DatabaseCorruptError, match="no database"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_directory_in_the_place_of_the_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "home.db").mkdir()
    with pytest.raises(StorageFailedError, match=r"home\.db"):
        Database.open(tmp_path / "home.db")


def test_odd_characters_in_the_path_are_only_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b%20?x=1#é" / "home.db"
    Database.open(path).close()
    assert path.exists()


def test_column_types_say_what_they_keep() -> None:
    assert isinstance(UtcTime().impl, sa.BigInteger)
    assert isinstance(Json().impl, sa.Text)
