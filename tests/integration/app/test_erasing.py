"""Erasing against journals, answers, decisions, cached steps, kills and another eraser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from flyball.app.deed import Deed
from flyball.app.erasing.service import Eraser
from flyball.app.home import Home
from flyball.app.liverows import open_live
from flyball.app.location import PREDICTIONS
from flyball.app.predictionlog import open_log
from flyball.cli.main import app
from flyball.core.errors import HeldError
from flyball.data import Dataset, files
from flyball.data.declared.tables import parquet
from flyball.data.erasure.errors import ErasurePendingError
from flyball.data.erasure.keys import Keys
from flyball.data.quarantine._sqlstore import SqlDecisions
from flyball.data.quarantine.model import Look, Wanted, Word
from flyball.data.quarantine.service import Quarantine
from flyball.pipelines import InlineExecutor
from flyball.serving.record import Answered, encode
from flyball.storage._localjournal import LocalJournal
from tests.integration.cli.orders import write_project

VISITS = Dataset("visits", files("visits"), key="visit", event_time="came_at", known_after="1h")
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
GONE, STAYS = "visitor-zz-0007", "visitor-zz-0008"
DEED = Deed("user:ada", "they asked")
KILLS = 6


@contextmanager
def opened(place: Path) -> Iterator[Home]:
    with Home.open(place / ".flyball", executor=InlineExecutor()) as home:
        yield home


def eraser(home: Home, place: Path) -> Eraser:
    return Eraser(home, {"visits": VISITS}, place, {"stay": "visits"})


def keys(*names: str) -> Keys:
    return Keys.of("visits", ["visit"], rows=[[name] for name in names])


def write(place: Path, name: str, *rows: str) -> None:
    (place / "visits").mkdir(exist_ok=True)
    (place / "visits" / name).write_text("\n".join(["visit,came_at,minutes", *rows, ""]))


def visits(first: int, last: int) -> list[str]:
    return [f"visitor-zz-{n:04},2025-01-{1 + n % 28:02}T09:00Z,{n % 7}.5" for n in range(first, last)]


def ingest(home: Home, place: Path) -> None:
    home.data.ingest(VISITS, root=place, history=None, cause=None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with 200 visits."""
    write(tmp_path, "a.csv", *visits(0, 200))
    with opened(tmp_path) as home:
        ingest(home, tmp_path)
    return tmp_path


def holding(place: Path, text: str) -> list[str]:
    """The home's files in which the text stands, within Parquet too."""
    found = []
    for path in sorted((place / ".flyball").rglob("*")):
        if path.is_file():
            parts = [path.read_bytes(), *([repr(pl.read_parquet(path).rows()).encode()] if path.suffix == ".parquet" else [])]
            found += [str(path)] if any(text.encode() in part for part in parts) else []
    return found


def answered(key: str, *, request: bool) -> bytes:
    columns: dict[str, list[Any]] = {"visit": [key], "minutes": [1.0]} if request else {"minutes": [1.0]}
    return encode(
        Answered(
            endpoint="stay" if not request else "other", model="stay", version=1, route="champion", time=1_700_000_000_000_000,
            features_digest="f", ids=[f"p-{key}"], keys=[key], request=columns, features={}, value_times={}, scores=[0.5], seconds=[0.1],
            task="binary",
        )
    )  # fmt: skip


def test_what_was_pushed_and_answered_goes_from_tables_and_journals(place: Path) -> None:
    with opened(place) as home:
        live = open_live(home, root=place, environment={})
        for number, key in enumerate((GONE, STAYS)):
            row = {"visit": key, "came_at": f"2025-05-0{number + 1}T09:00:00Z", "minutes": 3.5}
            live.accept(VISITS, [row, {**row, "minutes": "much"}], key=f"push-{number}", at=NOON)
            live.apply(VISITS)
            live.accept(VISITS, [{**row, "minutes": 4.5, "came_at": "2025-05-09T09:00:00Z"}], key=None, at=NOON)  # it waits
        live.close()
        journal = LocalJournal.write(home.path / PREDICTIONS)
        journal.append(
            answered(GONE, request=True), answered(STAYS, request=True), answered(GONE, request=False), f"no record of {GONE}".encode()
        )
        open_log(home.path, home.tables, stores=home.stores).ship()
        journal.append(answered(GONE, request=True), answered(STAYS, request=False))
        journal.close()
    assert len(holding(place, GONE)) > 3
    with opened(place) as home:
        found = eraser(home, place).erase("visits", keys(GONE), deed=DEED)
    assert found["verified"]["clean"], found["verified"]
    assert holding(place, GONE) == []
    assert {table["table"].split(".")[0] for table in found["tables"]} == {"dataset", "quarantine", "predictions", "predictions-set-aside"}
    with opened(place) as home:
        log = open_log(home.path, home.tables, stores=home.stores)
        assert log.find(f"p-{STAYS}") is not None
        assert log.find(f"p-{GONE}") is None
        assert home.data.history(VISITS)["visit"].to_list().count(STAYS) == 3
        live = open_live(home, root=place, environment={})
        again = live.accept(
            VISITS, [{"visit": key, "came_at": "2025-06-01T09:00:00Z", "minutes": 1.5} for key in (GONE, STAYS)], key=None, at=NOON
        )
        assert (again.accepted, [row["row"] for row in again.quarantined]) == (1, [1])
        live.apply(VISITS)
        live.close()
    assert holding(place, GONE) == []


def test_pushes_of_what_nobody_declares_are_not_passed_over(place: Path) -> None:
    with opened(place) as home:
        live = open_live(home, root=place, environment={})
        live.accept(VISITS, [{"visit": GONE, "came_at": "2025-06-01T09:00:00Z", "minutes": 1.5}], key=None, at=NOON)
        live.close()
        with pytest.raises(ErasurePendingError, match="1 pushes"):
            Eraser(home).erase("visits", keys(GONE), deed=DEED)
        assert eraser(home, place).erase("visits", keys(GONE), deed=DEED)["found"]["rows"] == 2
    assert holding(place, GONE) == []


def test_rows_that_were_repaired_and_readmitted_go_with_their_decisions(place: Path) -> None:
    write(
        place,
        "b.csv",
        *visits(300, 330),
        "wrong,2025-04-01T09:00Z,much",
        f"{STAYS},2025-04-01T09:00Z,much",
        f"{GONE},2025-04-01T09:00Z,much",
    )
    with opened(place) as home:
        ingest(home, place)
        found = Quarantine(data=home.data, decisions=SqlDecisions(home.stores.database), clock=home.stores.clock, root=place)
        ids = {row.cells["visit"]: row.id for row in found.list("visits", Look()).rows}
        found.repair(
            VISITS, {ids["wrong"]: {"visit": GONE}, ids[STAYS]: {"minutes": "2"}, ids[GONE]: {"minutes": "3"}}, word=Word("user:ada")
        )
        found.readmit(VISITS, Wanted(ids=[ids[GONE], ids[STAYS]]), word=Word("user:ada"))
        certificate = eraser(home, place).erase("visits", keys(GONE), deed=DEED)
        assert certificate["decisions"] == 2
        assert [row.cells["visit"] for row in found.list("visits", Look()).rows] == [STAYS]
    assert holding(place, GONE) == []


def test_cached_steps_and_snapshots_go_and_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project = write_project(tmp_path)
    for name in ("orders.csv", "outcomes.csv"):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("\no", "\norder-zz-"))
    command = ["backtest", str(project), "--policy", "declared"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert holding(tmp_path, "order-zz-150")
    with opened(tmp_path) as home:
        found = Eraser(home).erase("orders", Keys.of("orders", ["id"], rows=[["order-zz-7"], ["order-zz-150"]]), deed=DEED)
        assert (found["datasets"], found["verified"]["clean"]) == (["orders", "outcomes"], True), found["verified"]
        assert found["found"]["versions"] == {"orders@1": 2, "outcomes@1": 2}
        assert found["steps"] > 0
        assert len(found["blobs"]) > 2
        assert holding(tmp_path, "order-zz-150") == []
        assert home.data.scan("orders").select("id").collect()["id"].is_in(["order-zz-7", "order-zz-150"]).sum() == 0
    assert CliRunner().invoke(app, command).exit_code == 0
    assert holding(tmp_path, "order-zz-150") == []


def test_of_two_erasers_one_is_told_who_the_other_is(place: Path) -> None:
    def erase(number: int) -> str:
        with opened(place) as home:
            try:
                with home.own(f"eraser {number}"):
                    return str(eraser(home, place).erase("visits", keys(f"visitor-zz-{number:04}"), deed=DEED)["job"])
            except HeldError as error:
                return str(error)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(erase, range(1, 5)))
    assert all(len(text) == 34 or "eraser" in text for text in told)
    assert any(len(text) == 34 for text in told)


def erase_all(place: Path) -> None:
    """What a process does that is killed."""
    with opened(place) as home:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        eraser(home, place).erase("visits", keys(*(f"visitor-zz-{n:04}" for n in range(0, 150, 3))), deed=DEED)


def test_killed_at_any_moment_it_ends_when_asked_again(place: Path) -> None:
    write(place, "b.csv", *visits(300, 330), "visitor-zz-0003,2025-04-01T09:00Z,much")
    with opened(place) as home:
        ingest(home, place)
    chance = np.random.default_rng(0)
    script = f"import sys, runpy; from pathlib import Path; runpy.run_path({__file__!r})['erase_all'](Path(sys.argv[1]))"
    for _ in range(KILLS):
        with subprocess.Popen([sys.executable, "-c", script, str(place)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.4))
            process.kill()
    erase_all(place)
    with opened(place) as home:
        certificates = eraser(home, place).list_certificates("visits")
        assert all(found["done"] and found["verified"]["clean"] for found in certificates)
        assert sum(found["found"]["rows"] for found in certificates) == 51
        assert sorted(home.data.history(VISITS)["visit"]) == sorted(
            f"visitor-zz-{n:04}" for n in [*range(200), *range(300, 330)] if n % 3 or n >= 150
        )
    assert holding(place, "visitor-zz-0003") == []


def test_rows_in_a_table_of_others_are_told_and_not_touched(tmp_path: Path) -> None:
    lake = Dataset("lake", parquet("lake"), key="visit", event_time="came_at")
    (tmp_path / "lake").mkdir()
    frame = pl.DataFrame({"visit": [GONE, STAYS], "came_at": [NOON, NOON], "minutes": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "lake" / "a.parquet")
    with opened(tmp_path) as home:
        home.data.ingest(lake, root=tmp_path, history=None, cause=None)
        found = Eraser(home, {"lake": lake}, tmp_path).erase("lake", Keys.of("lake", ["visit"], rows=[[GONE]]), deed=DEED)
        assert not found["verified"]["clean"]
        assert [(place["dataset"], place["rows"]) for place in found["verified"]["elsewhere"]] == [("lake", 1)]
        assert any("not ours" in left["why"] for left in found["left"])
        assert pl.read_parquet(tmp_path / "lake" / "a.parquet").equals(frame)
        unknown = Eraser(home, {"lake": lake}, tmp_path).erase("lake", Keys.of("lake", ["visit"], rows=[["nobody"]]), deed=DEED)
        assert unknown["verified"]["clean"]
