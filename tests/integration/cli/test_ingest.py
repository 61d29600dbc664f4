"""`flyball ingest` as one types it: in a home that nobody runs, and in one that a server runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.client.datasets import DatasetsClient
from tests.live import Up

PROJECT = """import flyball as fb
visits = fb.Dataset("visits", fb.files("data/visits"), key="visit", event_time="came_at")
shops = fb.Dataset("shops", fb.files("data/shops.csv"), key="shop", event_time="opened_at")
project = fb.Project("yard", datasets=[visits, shops])
"""


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    """A project of two datasets and no model."""
    (tmp_path / "data" / "visits").mkdir(parents=True)
    (tmp_path / "yard.py").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "data" / "shops.csv").write_text("shop,opened_at\na,2024-01-01\nb,2024-02-01\n", encoding="utf-8")
    write(tmp_path, "a", first=0, last=150)
    return tmp_path


def write(yard: Path, name: str, *, first: int, last: int, minutes: str = "{n}.5") -> None:
    lines = [f"v{n},2025-01-{1 + n % 28:02}T09:00Z,{minutes.format(n=n)}" for n in range(first, last)]
    (yard / "data" / "visits" / f"{name}.csv").write_text("\n".join(["visit,came_at,minutes", *lines, ""]), encoding="utf-8")


def flyball(yard: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    command = [sys.executable, "-m", "flyball", *words]
    return subprocess.run(command, cwd=yard, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_all_datasets_of_the_project_that_lies_here_are_pulled(yard: Path) -> None:
    done = flyball(yard, "ingest")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "visits@1 is accepted: 150 rows added; 150 rows.",
        "shops@1 is accepted: 2 rows added; 2 rows.",
    ]
    write(yard, "b", first=140, last=200)
    again = flyball(yard, "ingest", "visits", "--json")
    found = json.loads(again.stdout)
    assert (found["dataset"], found["added"], found["duplicates"], found["rows"], found["new"]) == ("visits@2", 50, 10, 200, True)
    assert flyball(yard, "ingest", "visits").stdout == "visits@2: nothing new; 200 rows.\n"


def test_a_wrong_name_a_held_version_and_a_broken_source_are_told(yard: Path) -> None:
    wrong = flyball(yard, "ingest", "visit")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Did you mean 'visits'?" in wrong.stderr
    flyball(yard, "ingest")
    write(yard, "b", first=200, last=260, minutes="?{n}")
    (yard / "data" / "shops.csv").write_bytes(b"shop,opened_at\n\xff,2024-01-01\n")
    done = flyball(yard, "ingest")
    assert done.returncode != 0
    assert "visits@2 is held: 0 rows added, 60 set aside; 150 rows." in done.stdout
    assert "shops.csv is not UTF-8" in done.stderr
    held = flyball(yard, "ingest", "visits")
    assert (held.returncode, "flyball release visits@2" in held.stderr) == (7, True)


def test_columns_that_fit_no_contract_are_told(yard: Path) -> None:
    flyball(yard, "ingest")
    header = "visit,came_at,minutes,dog\n"
    text = "".join(f"v{n},2024-06-01T09:00Z,{n % 7}.5,rex\n" for n in range(300, 320))
    (yard / "data" / "visits" / "dogs.csv").write_text(header + text)
    done = flyball(yard, "ingest", "visits")
    assert done.stdout.endswith("visits@2: passed over, for the contract does not name them: dog\n"), (done.stdout, done.stderr)
    assert "dog" not in flyball(yard, "ingest", "visits").stdout


def test_without_a_project_it_says_how_to_name_one(tmp_path: Path) -> None:
    done = flyball(tmp_path, "ingest")
    assert (done.returncode, "--project" in done.stderr, list(tmp_path.iterdir())) == (4, True, [])


def test_a_project_of_datasets_alone_is_run_and_pulled_by_its_server(yard: Path) -> None:
    home = yard / ".flyball"
    up = Up.start(yard / "yard.py", home)
    try:
        up.wait_serving()
        assert flyball(yard, "ingest", "visits").stdout == "visits@1: nothing new; 150 rows.\n"
        write(yard, "b", first=150, last=160)
        done = flyball(yard, "ingest", "visits")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("visits@2"), done.stdout  # by this pull, or by the look a moment before
        with up.client() as client:
            assert DatasetsClient(client).pull_dataset("visits")["new"] is False
            assert {found["name"] for found in client.list_datasets()} == {"visits", "shops"}
        unknown = flyball(yard, "ingest", "visit")
        assert (unknown.returncode, "visits" in unknown.stderr) == (2, True)
    finally:
        up.process.send_signal(signal.SIGINT)
        up.process.wait(60)
