"""Rows of keys are erased from everything, as a person does it on a terminal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from flyball.app.location import LOCK
from flyball.cli.main import app
from flyball.storage.homelock import HomeLock

PROJECT = """\
import flyball as fb

visits = fb.Dataset("visits", fb.files("visits"), key="visit", event_time="came_at", known_after="1h")
bills = fb.Dataset("bills", fb.files("bills"), key="visit", event_time="at")
rooms = fb.Dataset("rooms", fb.files("rooms"), key=["floor", "room"], event_time="at")
project = fb.Project("visits", datasets=[visits, bills, rooms])
"""
ONE, TWO = "visitor-aa-0007", "visitor-aa-0011"


def name(number: int) -> str:
    return f"visitor-aa-{number:04}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of three datasets, one with rows in quarantine, twice ingested."""
    for variable in ("FLYBALL_URL", "FLYBALL_HOME", "FLYBALL_PROJECT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.py").write_text(PROJECT)
    write("visits/a.csv", "visit,came_at,minutes", *(f"{name(n)},2025-01-{1 + n % 28:02}T09:00Z,{n % 7}.5" for n in range(200)))
    write("bills/a.csv", "visit,at,sum", *(f"{name(n)},2025-01-{1 + n % 28:02}T10:00Z,{n}" for n in range(100)))
    write("rooms/a.csv", "floor,room,at,beds", *(f"{n // 10},{n % 10},2025-01-{1 + n % 28:02}T10:00Z,{n % 3}" for n in range(100)))
    assert call("ingest").exit_code == 0
    again = (f"{name(n)},2025-03-{1 + n % 28:02}T09:00Z,{n % 7}.5" for n in range(300, 330))
    write("visits/b.csv", "visit,came_at,minutes", *again, f"{ONE},2025-03-01T09:00Z,much", f"{name(12)},2025-03-01T09:00Z,much")
    assert call("ingest").exit_code == 0
    return tmp_path


def write(path: str, *lines: str) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("\n".join(lines) + "\n")


def call(*words: str, code: int | None = None) -> Result:
    found = CliRunner().invoke(app, list(words))
    assert code is None or found.exit_code == code, (found.exit_code, found.stdout, found.stderr, found.exception)
    return found


def holding(home: Path, text: str) -> list[str]:
    """The files of the home in which the text stands, compressed columns of Parquet files and packed rows of the database with them."""
    return [
        str(path.relative_to(home))
        for path in sorted(home.rglob("*"))
        if path.is_file() and any(text.encode() in part for part in parts(path))
    ]


def parts(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield pl.read_parquet(path).write_csv().encode()
    if path.suffix == ".db":
        with sqlite3.connect(path) as connection:
            yield "\n".join(connection.iterdump()).encode()


def test_rows_of_keys_leave_every_file_of_the_home_and_nothing_else_does(place: Path) -> None:
    home = place / ".flyball"
    assert len(holding(home, ONE)) >= 3
    before = len(holding(home, name(12)))
    seen = json.loads(call("erase", "visits", "--key", ONE, "--key", TWO, "--dry-run", "--json", code=0).stdout)
    assert (seen["rows"], seen["datasets"], seen["versions"]) == (5, ["bills", "visits"], {"bills@1": 2, "visits@1": 2})
    assert len(holding(home, ONE)) >= 3
    told = call("erase", "visits", "--key", ONE, "--key", TWO, "--why", "they asked", "--yes", code=0).stdout
    assert told.startswith("5 rows of 2 keys erased from bills, visits.")
    assert holding(home, ONE) == holding(home, TWO) == []
    assert holding(home, name(12))
    assert before
    (certificate,) = json.loads(call("erase", "visits", "--list", code=0).stdout)
    assert (certificate["why"], certificate["verified"]["clean"], certificate["keys"]) == ("they asked", True, 2)
    assert {found["table"].split(".")[0] for found in certificate["tables"]} == {"dataset", "quarantine"}
    assert {found["version"] for found in certificate["remade"]} >= {"visits@1", "bills@1"}
    assert {found["what"] for found in certificate["remade"]} >= {"profile", "sketches"}


@pytest.mark.usefixtures("place")
def test_versions_stay_readable_and_their_counts_stay_facts() -> None:
    call("erase", "visits", "--key", ONE, "--yes", code=0)
    assert "v" in call("ls", "datasets", code=0).stdout
    assert call("profile", "visits@1", code=0).exit_code == 0
    assert call("quarantine", "list", "visits", code=0).stdout.count("b.csv") == 1
    assert call("held", "visits@2", code=0).exit_code == 0


def test_erased_keys_are_refused_until_somebody_allows_them(place: Path) -> None:
    home = place / ".flyball"
    call("erase", "visits", "--key", ONE, "--yes", code=0)
    write(
        "visits/c.csv",
        "visit,came_at,minutes",
        f"{ONE},2025-04-01T09:00Z,2.5",
        f"{ONE},2025-04-02T09:00Z,much",
        f"{name(900)},2025-04-01T09:00Z,2.5",
    )
    write("bills/c.csv", "visit,at,sum", f"{ONE},2025-04-01T09:00Z,2", *(f"{name(n)},2025-04-01T09:00Z,2" for n in range(900, 920)))
    call("ingest", "visits", code=0)
    call("ingest", code=0)
    assert "erased: rows of this key" in call("quarantine", "list", "visits", code=0).stdout
    assert holding(home, ONE) == []
    assert "1 key of" in call("erase", "visits", "--key", ONE, "--allow", code=0).stdout
    write("bills/d.csv", "visit,at,sum", f"{ONE},2025-05-01T09:00Z,2")
    call("ingest", "bills", code=0)
    assert holding(home, ONE)
    call("erase", "visits", "--key", ONE, "--yes", code=0)
    assert holding(home, ONE) == []
    assert [found["done"] for found in json.loads(call("erase", "visits", "--list", code=0).stdout)] == [True, True]


@pytest.mark.usefixtures("place")
def test_keys_of_several_columns_and_unknown_ones() -> None:
    found = json.loads(call("erase", "rooms", "--key", "3,7", "--key", "99,99", "--yes", "--json", code=0).stdout)
    assert (found["found"]["rows"], found["datasets"], found["verified"]["clean"]) == (1, ["rooms"], True)
    again = json.loads(call("erase", "rooms", "--key", "3,7", "--key", "99,99", "--yes", "--json", code=0).stdout)
    assert (again["found"]["rows"], again["verified"]["clean"]) == (0, True)


def test_keys_of_a_file_huge_ones_too(place: Path) -> None:
    write("keys.csv", "visit,note", *(f"{name(n)},x" for n in range(100, 110)), *(f"nobody-{n},y" for n in range(100_000)))
    found = json.loads(call("erase", "visits", "--keys", "keys.csv", "--yes", "--json", code=0).stdout)
    assert (found["keys"], found["found"]["rows"], found["verified"]["clean"]) == (100_010, 10, True)
    assert holding(place / ".flyball", name(105)) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["visits"], 2, "one of the two"),
        (["visits", "--key", ""], 2, "none of them empty"),
        (["rooms", "--key", "3"], 2, "a key has 2 values"),
        (["visits", "--keys", "project.py"], 2, "no column 'visit'"),
        (["visits", "--keys", "nowhere.csv"], 2, "is no file"),
        (["vistis", "--key", "a"], 2, "visits"),
    ],
    ids=["neither", "empty", "too few", "no column", "no file", "no dataset"],
)
def test_what_is_wrong_is_said_and_nothing_changes(place: Path, words: list[str], code: int, said: str) -> None:
    assert said in call("erase", *words, "--yes", code=code).stderr
    assert holding(place / ".flyball", ONE)


def test_nothing_is_erased_without_a_yes(place: Path) -> None:
    assert call("erase", "visits", "--key", ONE).exit_code != 0
    assert holding(place / ".flyball", ONE)


def test_a_home_that_somebody_runs_is_left_alone(place: Path) -> None:
    home = place / ".flyball"
    with HomeLock.acquire(home / LOCK, "flyball up"):
        assert "flyball up" in call("erase", "visits", "--key", ONE, "--yes", code=3).stderr
        assert "flyball up" in call("erase", "visits", "--key", ONE, "--allow", code=3).stderr
    assert holding(home, ONE)
    assert json.loads(call("erase", "visits", "--list", code=0).stdout) == []
