"""What doors are told of a home's datasets, against what was done in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flyball as fb
from flyball.app.datadesk import DataDesk, desk_of
from flyball.app.dataplane import AsideRows, Readmit, Versions
from flyball.app.deed import Deed
from flyball.app.home import Home
from flyball.core.clock import VirtualClock, parse_time
from flyball.core.errors import FlyballError
from flyball.pipelines import InlineExecutor

SALES = fb.Dataset("sales", fb.files("sales"), key="id", event_time="sold_at")
OTHER = fb.Dataset("other", fb.files("other", every="1h"), key="id", event_time="sold_at")
ADA = Deed("user:ada", "seen")
CONTRACT = """\
dataset: sales
columns:
  id: {type: text, nullable: false}
  sold_at: {type: time, nullable: false}
  amount: {type: number, nullable: false, maximum: 100}
checks:
  - {kind: freshness, name: fresh, maximum_age: 10d}
  - {kind: volume, name: enough, minimum: 20}
"""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(parse_time("2013-02-01T00:00:00Z", what="now"))


@pytest.fixture
def desk(tmp_path: Path, clock: VirtualClock) -> Iterator[DataDesk]:
    (tmp_path / "sales").mkdir()
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "sales.yaml").write_text(CONTRACT)
    with Home.open(tmp_path / "home", clock=clock, executor=InlineExecutor(), actor="system") as home:
        yield desk_of(home, {"sales": SALES, "other": OTHER}, root=tmp_path)


def bring(desk: DataDesk, name: str, *, rows: list[str]) -> Any:
    assert desk.root is not None
    (desk.root / "sales" / name).write_text("\n".join(["id,sold_at,amount", *rows, ""]))
    return desk.data.ingest(SALES, root=desk.root, history=timedelta(days=60), cause=None)


def rows(first: int, last: int, *, amount: str = "{n}") -> list[str]:
    return [f"s{n},2013-01-{1 + n % 28:02}T00:00Z,{amount.format(n=n)}" for n in range(first, last)]


def told(desk: DataDesk, name: str = "sales") -> Any:
    found = desk.list_datasets()
    json.dumps(found)
    return next(dataset for dataset in found["datasets"] if dataset["name"] == name)


def test_a_declared_dataset_is_told_before_its_first_version(desk: DataDesk) -> None:
    found = told(desk)
    assert (found["version"], found["health"], found["reasons"]) == (None, "empty", ["no version is accepted"])
    assert (found["source"], found["key"], found["event_time"], found["known"]) == ("sales", ["id"], "sold_at", "at sold_at")
    assert found["freshness"] == {"event_seconds": None, "ingest_seconds": None}
    assert desk.get_dataset("sales", Versions())["versions"] == []
    assert desk.list_results("sales", 10) == {"checks": []}
    assert desk.list_quarantine("sales", AsideRows()) == {"rows": [], "next": None}
    assert desk.get_contract("sales")["text"] == CONTRACT


def test_health_is_the_worst_of_what_is_found(desk: DataDesk, clock: VirtualClock) -> None:
    bring(desk, "a.csv", rows=rows(0, 60))
    found = told(desk)
    assert (found["health"], found["reasons"], found["accepted"]) == ("ok", [], 1)
    assert found["freshness"] == {"event_seconds": 4 * 86400.0, "ingest_seconds": 0.0}
    bring(desk, "b.csv", rows=[*rows(60, 99), *rows(100, 101, amount="x"), *rows(200, 203)])
    found = told(desk)
    assert found["health"] == "warn"
    assert found["reasons"] == ["2 checks of the latest version failed: amount.type, amount.maximum", "1 row waits in quarantine"]
    clock.advance_to(parse_time("2013-03-01T00:00:00Z", what="now"))
    found = told(desk)
    assert (found["health"], found["reasons"][0]) == ("stale", "the newest event is 32d old, and fresh allows 10d")
    bring(desk, "c.csv", rows=rows(300, 305))
    found = told(desk)
    assert (found["health"], found["held"], found["state"], found["accepted"], found["version"]) == ("held", [3], "held", 2, 3)
    assert found["reasons"][0] == "version 3 waits for a person"


def test_a_contract_that_cannot_be_read_is_told(desk: DataDesk) -> None:
    bring(desk, "a.csv", rows=rows(0, 60))
    assert desk.root is not None
    (desk.root / "contracts" / "sales.yaml").write_text("dataset: sale\n")
    found = told(desk)
    assert found["health"] == "warn"
    assert "cannot be used" in found["reasons"][0]


def test_the_evidence_on_a_held_version_is_whole(desk: DataDesk) -> None:
    bring(desk, "a.csv", rows=rows(0, 60))
    bring(desk, "b.csv", rows=[*rows(60, 65), "bad,never,1"])
    found = desk.get_version("sales", 2)
    json.dumps(found)
    assert found["version"]["state"] == "held"
    assert "enough" in found["version"]["failed"]
    (enough,) = [result for result in found["results"] if result["check"] == "enough"]
    assert (enough["severity"], enough["passed"], enough["kind"]) == ("hold", False, "volume")
    assert found["version"]["files"][0]["name"] == "b.csv"
    assert (found["parent"], found["difference"]["from"], found["difference"]["to"]) == (1, 1, 2)
    assert found["quarantine"]["reasons"] == [["sold_at is no time", 1]]
    assert found["quarantine"]["examples"][0]["cells"]["sold_at"] == "never"
    assert found["contract"]["dataset"] == "sales"
    assert found["profile"]["rows"] == 5


def test_a_person_decides_and_it_stands_in_the_events(desk: DataDesk) -> None:
    heard: list[str] = []
    desk = DataDesk(desk.data, desk.decisions, desk.clock, desk.declared, desk.root, lambda: heard.append("changed"))
    bring(desk, "a.csv", rows=rows(0, 60))
    bring(desk, "b.csv", rows=rows(60, 65))
    assert desk.release("sales", 2, deed=ADA)["version"]["state"] == "accepted"
    assert told(desk)["accepted"] == 2
    bring(desk, "c.csv", rows=rows(70, 75))
    assert desk.reject("sales", 3, deed=ADA)["version"]["state"] == "rejected"
    assert heard == ["changed", "changed"]
    versions = desk.get_dataset("sales", Versions(limit=2))
    assert [version["number"] for version in versions["versions"]] == [3, 2]
    assert versions["next"] == 2
    assert [version["number"] for version in desk.get_dataset("sales", Versions(before=2))["versions"]] == [1]
    assert desk.get_difference("sales", 1, after=2)["rows"] == [60, 65]


def test_results_are_told_over_time(desk: DataDesk) -> None:
    for number in range(3):
        bring(desk, f"{number}.csv", rows=rows(number * 30, number * 30 + 30, amount=str(50 * number + 1)))
    found = {check["check"]: check for check in desk.list_results("sales", 2)["checks"]}
    maximum = found["amount.maximum"]
    assert [(point["version"], point["passed"], point["broken"]) for point in maximum["results"]] == [(2, True, 0), (3, False, 30)]
    assert (maximum["severity"], maximum["column"]) == ("warn", "amount")


def test_rows_are_repaired_and_readmitted(desk: DataDesk) -> None:
    bring(desk, "a.csv", rows=[*rows(0, 60), "s60,2013-01-05T00:00Z,much"])
    (row,) = desk.list_quarantine("sales", AsideRows(version=1, state="waiting"))["rows"]
    assert row["reasons"] == ["amount is no number: much"]
    assert desk.repair("sales", [(row["id"], {"amount": 5})], deed=ADA)["rows"] == [{"id": row["id"], "reasons": []}]
    done = desk.readmit("sales", Readmit(), deed=ADA)
    assert (done["readmitted"], done["left"], done["version"]["source"]) == (1, [], "readmitted")
    # One row is too few for the contract's volume: what a person takes back is judged as a whole like any other version.
    assert done["version"]["state"] == "held"
    (row,) = desk.list_quarantine("sales", AsideRows())["rows"]
    assert (row["state"], row["readmitted"], row["actor"], row["why"]) == ("readmitted", 2, "user:ada", "seen")
    desk.reject("sales", 2, deed=ADA)
    assert desk.list_quarantine("sales", AsideRows())["rows"][0]["state"] == "repaired"
    assert told(desk)["waiting"] == 1


@pytest.mark.parametrize("name", ["nothing", "", "sales@1", "../sales"])
def test_an_unknown_dataset_is_named(desk: DataDesk, name: str) -> None:
    bring(desk, "a.csv", rows=rows(0, 60))
    asked: list[Any] = [
        lambda: desk.get_dataset(name, Versions()), lambda: desk.get_version(name, 1), lambda: desk.get_contract(name),
        lambda: desk.list_erasures(name),
        lambda: desk.list_results(name, 1), lambda: desk.list_quarantine(name, AsideRows()), lambda: desk.release(name, 1, deed=ADA),
        lambda: desk.repair(name, [], deed=ADA), lambda: desk.readmit(name, Readmit(), deed=ADA),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(FlyballError, match="There is no dataset"):
            ask()
    with pytest.raises(FlyballError, match="has no version 7"):
        desk.get_version("sales", 7)
    with pytest.raises(FlyballError, match="waiting, repaired, readmitted"):
        desk.list_quarantine("sales", AsideRows(state="gone"))


def test_a_home_without_a_project_can_be_looked_at(desk: DataDesk) -> None:
    bring(desk, "a.csv", rows=rows(0, 60))
    bare = DataDesk(desk.data, desk.decisions, desk.clock)
    found = bare.list_datasets()["datasets"]
    assert [(dataset["name"], dataset["source"], dataset["key"]) for dataset in found] == [("sales", "sales", ["id"])]
    assert bare.get_contract("sales")["contract"]["dataset"] == "sales"
