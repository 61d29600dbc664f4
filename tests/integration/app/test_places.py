"""A home whose database is a server's: it is found again, and never mistaken for an empty one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flyball.app.location import TABLES_URL, find_home
from flyball.app.places import DATABASE_URL, ElsewhereError, Places
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds
from flyball.storage.events import EventQuery
from flyball.storage.tableerrors import TablesUrlError
from tests.databases import PostgresDatabases


def opened(home: Path) -> Stores:
    return Stores.at_home(home, clock=WallClock(), ids=RandomIds())


def recorded(home: Path) -> list[str]:
    stores = opened(home)
    try:
        return [event.type for event in stores.journal.log.list(EventQuery())]
    finally:
        stores.close()


def record(home: Path, kind: str) -> None:
    stores = opened(home)
    stores.journal.recorder.record(kind, "model/late")
    stores.close()


def test_a_home_s_database_is_a_file_of_its_own_where_nothing_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    home = tmp_path / "home"
    record(home, "x")
    assert (home / "flyball.db").is_file()
    assert recorded(home) == ["x"]


def test_a_home_on_a_server_is_found_and_opened_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_databases: PostgresDatabases
) -> None:
    monkeypatch.setenv(DATABASE_URL, postgres_databases.url(tmp_path))
    home = tmp_path / ".flyball"
    record(home, "x")
    assert not (home / "flyball.db").exists()
    assert recorded(home) == ["x"]
    assert find_home(None, tmp_path) == home
    assert "password" not in (home / "places.json").read_text()


def test_a_home_on_a_server_is_not_opened_as_an_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_databases: PostgresDatabases
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv(DATABASE_URL, postgres_databases.url(tmp_path))
    record(home, "x")
    monkeypatch.delenv(DATABASE_URL)
    with pytest.raises(ElsewhereError, match=f"but {DATABASE_URL} is not set"):
        opened(home)
    assert not (home / "flyball.db").exists()


def test_a_home_in_a_file_is_not_opened_on_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_databases: PostgresDatabases
) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    home = tmp_path / "home"
    record(home, "x")
    monkeypatch.setenv(DATABASE_URL, postgres_databases.url(tmp_path))
    with pytest.raises(ElsewhereError, match="lies in its directory"):
        opened(home)


def test_a_password_is_not_remembered() -> None:
    told = Places("postgresql://ada:secret@db.example/flyball?sslmode=require", "s3://bucket/home?endpoint=http://localhost").told()
    assert told == Places("postgresql://ada@db.example/flyball", "s3://bucket/home")


def test_tables_lie_where_they_are_said_to_and_are_not_looked_for_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv(TABLES_URL, f"file:{tmp_path / 'elsewhere'}")
    record(home, "x")
    places = Places.of(home, {TABLES_URL: f"file:{tmp_path / 'elsewhere'}"})
    assert places.open_tables(home).append("t", pl.DataFrame({"a": [1]}), job="j") == 0
    assert (tmp_path / "elsewhere" / "t").is_dir()
    monkeypatch.delenv(TABLES_URL)
    with pytest.raises(ElsewhereError, match=f"but {TABLES_URL} is not set"):
        opened(home)


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/home", "s3://bucket", "ftp://bucket/home", "s3://bucket/../home", "nothing"])
def test_a_url_that_names_no_place_for_tables_is_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(TablesUrlError, match="FLYBALL_TABLES_URL cannot be used") as caught:
        Places(tables=url).open_tables(tmp_path)
    assert "secret" not in str(caught.value)
