"""`flyball verify` on a terminal: offline, in words or as JSON, and with an exit code that a script can ask."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flyball.cli.main import app
from flyball.testing.registry_home import open_registry_home


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with open_registry_home(tmp_path) as home:
        home.version()
        home.models.set_alias("churn", "best", number=1)
    return tmp_path


def verify(place: Path, version: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["verify", version, "--home", str(place), *options])


@pytest.mark.parametrize("version", ["models:/churn/1", "models:/churn@best", "models:/churn/latest"])
def test_a_version_that_nobody_touched_is_verified(place: Path, version: str) -> None:
    result = verify(place, version)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "models:/churn/1: verified"
    assert lines[4].split() == ["contents", "passed", "3", "files", "with", "7,018", "bytes", "have", "their", "digests"]


def test_a_script_reads_the_report(place: Path) -> None:
    report = json.loads(verify(place, "models:/churn/1", "--json").stdout)
    assert (report["model"], report["version"], report["verdict"]) == ("churn", 1, "verified")
    assert {"name", "outcome", "found"} == set(report["checks"][0])


def test_a_changed_byte_is_exit_6_and_named(place: Path) -> None:
    with closing(sqlite3.connect(place / "flyball.db")) as raw, raw:
        raw.execute("UPDATE registered_versions SET principal = 'bob'")
    result = verify(place, "models:/churn/1", "--json")
    assert result.exit_code == 6
    assert "flyball: Version 1 of model 'churn' is not what was made: statement failed." in result.stderr
    report = json.loads(result.stdout)
    assert report["verdict"] == "failed"
    assert {"name": "statement", "outcome": "failed", "found": "what is stored differs from what was signed: principal"} in report["checks"]


def test_an_unsigned_version_is_exit_7_unless_that_is_allowed(tmp_path: Path) -> None:
    with open_registry_home(tmp_path, signed=False) as home:
        home.version()
    assert (result := verify(tmp_path, "models:/churn/1")).exit_code == 7
    assert "is unsigned" in result.stderr
    assert verify(tmp_path, "models:/churn/1", "--allow-unsigned").exit_code == 0


@pytest.mark.parametrize(
    ("version", "code"), [("models:/churn/2", 4), ("models:/nobody/1", 4), ("models:/churn@nobody", 4), ("churn", 2), ("models:/../1", 2)]
)
def test_what_is_not_there_is_said(place: Path, version: str, code: int) -> None:
    assert verify(place, version).exit_code == code
