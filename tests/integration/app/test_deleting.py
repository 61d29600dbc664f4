"""Of a deleted project no byte is left: not in its home, not in its database, not among its blobs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flyball.app.deleting import check_project, delete_project, projects_of
from flyball.app.home import Home
from flyball.app.location import LOCK, find_home
from flyball.app.places import BLOBS_URL, DATABASE_URL
from flyball.core.errors import FlyballError, HeldError, UnknownNameError
from flyball.storage.homelock import HomeLock
from tests.databases import Databases, PostgresDatabases
from tests.s3 import KEY, SECRET, S3Server, serving_s3

MARK = "a-word-that-stands-nowhere-else"
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


def filled(home: Path) -> None:
    """A home with the mark in rows, blobs and files."""
    with Home.open(home) as opened:
        opened.blobs.put(MARK.encode())
        opened.stores.journal.recorder.record("note.made", MARK, data={"said": MARK})
    for place in ("tables/rows/part.parquet", "journal/rows/1.log", "keys/key", "logs/control.log", "backtests/flights/never/report.json"):
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text(MARK)


def left(*places: Path) -> list[Path]:
    """The files with content below the places."""
    return [path for place in places for path in place.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_home_of_one_directory(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home)
    (tmp_path / "flights.py").write_text("the user's own")
    remains = delete_project(home, "flights")
    assert (remains.blobs, remains.blob_bytes) == (1, len(MARK))
    assert remains.home_bytes > 0
    assert not home.exists()
    assert left(tmp_path) == [tmp_path / "flights.py"]


@pytest.mark.parametrize("blobs", ["file", "s3"])
def test_a_home_whose_parts_lie_elsewhere(
    databases: Databases, blobs: str, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.create_bucket(f"bucket-{next(_NUMBERS)}")
    urls = {"file": f"file:{tmp_path}/blobs", "s3": f"s3://{bucket.name}/home?endpoint={s3.endpoint}&region=us-east-1"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv(BLOBS_URL, urls[blobs])
    (tmp_path / "elsewhere").mkdir()
    url = databases.url(tmp_path / "elsewhere")
    monkeypatch.setenv(DATABASE_URL, url)
    home = tmp_path / "home"
    filled(home)
    assert left(tmp_path / "blobs", s3.root / bucket.name)
    delete_project(home, "flights")
    assert left(tmp_path, s3.root / bucket.name) == []
    assert not home.exists()
    if isinstance(databases, PostgresDatabases):
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        assert sa.inspect(engine).get_table_names() == []
        engine.dispose()


def test_it_waits_for_nobody_and_takes_nothing_from_who_runs(tmp_path: Path) -> None:
    filled(tmp_path / "home")
    with HomeLock.acquire(tmp_path / "home" / LOCK, "flyball up"), pytest.raises(HeldError, match="flyball up"):
        delete_project(tmp_path / "home", "flights")
    with Home.open(tmp_path / "home") as opened:
        assert len(list(opened.blobs.list())) == 1


def test_another_projects_home_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home)
    with pytest.raises(UnknownNameError, match="flights"):
        delete_project(home, "flight")
    assert projects_of(home) == ("flights",)
    (home / "serving").mkdir()
    (home / "serving" / "tokens.json").write_text(json.dumps({"project": "planes", "tokens": []}))
    assert projects_of(home) == ("planes",)
    assert projects_of(tmp_path) == ("default",)
    check_project(home, "planes")


def test_a_deletion_that_was_broken_off_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    filled(home)
    with monkeypatch.context() as broken:
        broken.setattr("shutil.rmtree", _fail)
        with pytest.raises(FlyballError):
            delete_project(home, "flights")
    assert find_home(home, tmp_path) == home
    delete_project(home, "flights")
    assert left(tmp_path) == []


def _fail(*_: object) -> None:
    raise OSError(5, "the disk is tired")
