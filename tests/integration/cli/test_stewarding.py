"""Contracts, held versions and quarantined rows on a terminal, as a person meets them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flyball.cli.main import app

PROJECT = """\
import flyball as fb

visits = fb.Dataset("visits", fb.files("visits"), key="visit", event_time="came_at", known_after="1h")
project = fb.Project("visits", datasets=[visits])
"""


def visits(first: int, last: int, *, minutes: str = "{n}.5", month: int = 1) -> str:
    return "".join(f"v{n},2025-{month:02}-{1 + n % 28:02}T09:00Z,{minutes.format(n=n % 7)},{'ab'[n % 2]}\n" for n in range(first, last))


def write(place: Path, name: str, *, rows: str) -> None:
    (place / "visits" / name).write_text(f"visit,came_at,minutes,door\n{rows}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with 200 visits, of which two came with a word for a number."""
    for variable in ("FLYBALL_URL", "FLYBALL_HOME", "FLYBALL_PROJECT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.py").write_text(PROJECT)
    (tmp_path / "visits").mkdir()
    write(tmp_path, "a.csv", rows=visits(0, 200))
    assert call("ingest").exit_code == 0
    write(tmp_path, "b.csv", rows=visits(200, 240, month=3) + visits(240, 242, minutes="=2+2", month=3))
    assert call("ingest").exit_code == 0
    return tmp_path


def call(*words: str, code: int | None = None) -> Result:
    found = CliRunner().invoke(app, list(words))
    assert code is None or found.exit_code == code, (found.exit_code, found.stdout, found.stderr)
    return found


def test_a_contract_is_written_once_and_changed_when_a_person_says_so(place: Path) -> None:
    path = place / "contracts" / "visits.yaml"
    assert "is written" in call("contract", "infer", "visits", code=0).stdout
    text = path.read_text().replace("minimum: 0.5", "minimum: 0.5  # nobody stays shorter").replace("  door:", "  # Two of them.\n  door:")
    path.write_text(text)
    assert "nothing is to be changed" in call("contract", "infer", "visits", code=0).stdout
    write(place, "c.csv", rows=visits(300, 330, minutes="1{n}").replace(",b", ",c"))
    asked = call("contract", "infer", "visits", code=0)
    assert "+    categories: [a, b, c]" in asked.stdout
    assert "Nothing was written" in asked.stdout
    assert path.read_text() == text
    call("contract", "infer", "visits", "--only", "door", "--write", code=0)
    assert "categories: [a, b, c]" in path.read_text()
    assert "maximum: 6.5" in path.read_text()
    call("contract", "infer", "visits", "--yes", code=0)
    assert "maximum: 16" in path.read_text()
    assert "minimum: 0.5  # nobody stays shorter" in path.read_text()
    assert "  # Two of them.\n  door:" in path.read_text()
    assert "no column 'doors'. Did you mean 'door'?" in call("contract", "infer", "visits", "--only", "doors", code=2).stderr


def test_the_projects_contract_judges_and_is_compared_with_the_one_that_judged(place: Path) -> None:
    call("contract", "infer", "visits", "--write", code=0)
    path = place / "contracts" / "visits.yaml"
    path.write_text(path.read_text().replace("maximum: 6.5", "maximum: 4\n    values: quarantine"))
    assert "+    values: quarantine" in call("contract", "diff", "visits", code=0).stdout
    tried = call("contract", "check", "visits", code=7)
    assert "quarantine  minutes.maximum" in tried.stdout
    assert "minutes.maximum" in tried.stderr
    call("ingest")
    assert "is the one that judged version 3" in call("contract", "diff", "visits", code=0).stdout
    assert json.loads(call("contract", "show", "visits", "--json", code=0).stdout)["columns"]["minutes"]["maximum"] == 4
    assert "maximum: 6.5" in call("contract", "show", "visits", "--version", "1", code=0).stdout
    other = place / "other.yaml"
    other.write_text(path.read_text().replace("values: quarantine", "values: warn"))
    assert "warn        minutes.maximum" in call("contract", "check", "visits", "--in", str(other), code=0).stdout
    path.write_text(path.read_text().replace("type: number", "type: numbr"))
    assert "line 12: columns.minutes.type: Invalid enum value 'numbr'" in call("contract", "check", "visits", code=2).stderr


def test_an_export_is_repaired_in_a_spreadsheet_and_taken(place: Path) -> None:
    listed = call("quarantine", "list", "visits", code=0).stdout.splitlines()
    assert [line.split("  ", 1)[1] for line in listed] == [
        "waiting  b.csv row 41: minutes is no number: =2+2",
        "waiting  b.csv row 42: minutes is no number: =2+2",
    ]
    call("quarantine", "export", "visits", "--out", "aside.csv", code=0)
    rows = list(csv.DictReader(io.StringIO((place / "aside.csv").read_text())))
    assert {row["minutes"] for row in rows} == {"'=2+2"}
    assert "No cell of the file differs" in call("quarantine", "repair", "visits", "--from", "aside.csv", code=0).stdout
    (place / "aside.csv").write_text((place / "aside.csv").read_text().replace("'=2+2", "4"))
    said = call("quarantine", "repair", "visits", "--from", "aside.csv", "--why", "sums", code=0).stdout
    assert said == "2 rows repaired; the contract would take 2. Next: flyball quarantine readmit visits\n"
    assert "2 rows taken into version 3 of visits." in call("quarantine", "readmit", "visits", code=0).stdout
    assert call("quarantine", "readmit", "visits", code=0).stdout == "No row was taken.\n"
    shown = json.loads(call("quarantine", "show", "visits", listed[0].split()[0], code=0).stdout)
    assert (shown["state"], shown["readmitted"], shown["why"], shown["repaired"]["minutes"]) == ("readmitted", 3, "", "4")
    assert "242" in call("query", "select count(*) from visits", code=0).stdout


def test_one_row_is_repaired_by_hand(place: Path) -> None:
    row = call("quarantine", "list", "visits", "--json", code=0)
    row_id = json.loads(row.stdout)[1]["id"]
    said = call("quarantine", "repair", "visits", row_id, "--set", "minutes=long", "--set", "door=", code=0).stdout
    assert f"{row_id} is left: minutes is no number: long" in said
    assert "door is missing" in said
    for words in (
        ["repair", "visits"],
        ["repair", "visits", row_id],
        ["repair", "visits", "--set", "a=b"],
        ["repair", "visits", row_id, "--set", "x"],
    ):
        assert "quarantine repair DATASET ROW --set" in call("quarantine", *words, code=2).stderr
    assert "Did you mean 'minutes'" in call("quarantine", "repair", "visits", row_id, "--set", "minute=1", code=2).stderr
    assert "flyball quarantine list visits" in call("quarantine", "show", "visits", "9-9-x", code=4).stderr
    (place / "bad.csv").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in call("quarantine", "repair", "visits", "--from", "bad.csv", code=2).stderr
    (place / "bad.csv").write_text("visit\nv1\n")
    assert "no column 'id'" in call("quarantine", "repair", "visits", "--from", "bad.csv", code=2).stderr


def test_a_held_version_is_seen_on_one_page_and_released(place: Path) -> None:
    write(place, "c.csv", rows=visits(300, 320, minutes="\x1b[31m?") + visits(320, 340, minutes="1{n}").replace(",b", ",c"))
    assert "flyball held visits@3" in call("ingest", code=7).stderr
    assert "visits@3  20 of 40 rows broke the contract" in call("held", code=0).stdout
    page = call("held", "visits@3", code=0).stdout
    assert "visits@3 is held, read " in page
    assert "40 rows read: 20 new, 20 set aside, 0 known already" in page
    assert "20  minutes is no number" in page
    assert "warn        minutes.maximum: 20 of 40 rows" in page
    assert "door: " in page
    assert "Take it as it is: flyball release visits@3" in page
    assert "\x1b" not in page
    assert json.loads(call("held", "visits@3", "--json", code=0).stdout)["parent"] == 2
    assert "is held" in call("quarantine", "readmit", "visits", code=7).stderr
    assert call("release", "visits@3", "--why", "long visits", code=0).stdout == "Version 3 of visits is accepted with 20 new rows.\n"
    assert "is accepted and cannot become" in call("release", "visits@3", code=7).stderr
    assert call("held", code=0).stdout == "No version is held.\n"


def test_a_held_version_is_rejected(place: Path) -> None:
    write(place, "c.csv", rows=visits(300, 320, minutes="?"))
    call("ingest", code=7)
    assert "none of its rows are used" in call("reject", "visits@3", code=0).stdout
    assert "is rejected" in call("accept", "visits@3", code=7).stderr
    for name in ("visits", "visits@", "@3", "visits@x", "visits@3@4", "visits@" + "9" * 40):
        assert "names no version" in call("release", name, code=2).stderr
    assert "has no version 9" in call("release", "visits@9", code=4).stderr
    assert "There is no dataset 'visit'" in call("release", "visit@9", code=2).stderr
