"""Derived datasets as one uses them: checked, ingested behind their inputs, and built by a home that runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.client.datasets import DatasetsClient
from flyball.core.clock import MonotonicTimer
from tests.live import Up

PROJECT = """import flyball as fb
import polars as pl

visits = fb.Dataset("visits", fb.files("data/visits"), key="visit", event_time="came_at")
shops = fb.Dataset("shops", fb.files("data/shops.csv"), key="shop", event_time="opened_at")


@fb.derive(visits, shops, key="visit", event_time="came_at")
def long_visits(visits, shops):
    return visits.join(shops, on="shop").filter(pl.col("minutes") > 5).drop("opened_at")


totals = fb.derive_sql(
    "totals",
    "select shop, count(*) as visits, max(came_at) as came_at from long_visits group by shop",
    long_visits, key="shop", event_time="came_at",
)
project = fb.Project("yard", datasets=[totals])
"""


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    (tmp_path / "data" / "visits").mkdir(parents=True)
    (tmp_path / "yard.py").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "data" / "shops.csv").write_text("shop,opened_at,size\na,2024-01-01,1.5\nb,2024-02-01,2.5\n", encoding="utf-8")
    write(tmp_path, "a", first=0, last=100)
    return tmp_path


def write(yard: Path, name: str, *, first: int, last: int) -> None:
    lines = [f"v{n},2025-01-{1 + n % 28:02}T09:00Z,{n}.5,{'ab'[n % 2]}" for n in range(first, last)]
    (yard / "data" / "visits" / f"{name}.csv").write_text("\n".join(["visit,came_at,minutes,shop", *lines, ""]), encoding="utf-8")


def flyball(yard: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    command = [sys.executable, "-m", "flyball", *words]
    return subprocess.run(command, cwd=yard, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_project_names_what_is_derived_and_has_its_inputs(yard: Path) -> None:
    checked = flyball(yard, "check", "yard.py")
    assert checked.returncode == 0, checked.stderr
    done = flyball(yard, "ingest")
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            "visits@1 is accepted: 100 rows added; 100 rows.",
            "shops@1 is accepted: 2 rows added; 2 rows.",
            "long_visits@1 is accepted: 95 rows added; 95 rows.",
            "totals@1 is accepted: 2 rows added; 2 rows.",
        ],
    )
    write(yard, "b", first=100, last=110)
    one = flyball(yard, "ingest", "totals")
    assert one.stdout == "totals@2 is accepted: 2 rows added; 4 rows.\n", one.stderr
    assert flyball(yard, "ingest", "long_visits").stdout == "long_visits@2: nothing new; 105 rows.\n"
    asked = flyball(yard, "query", "select shop, visits from totals order by shop", "--format", "csv")
    assert asked.stdout.split() == ["shop,visits", "a,52", "b,53"]


def test_code_that_fails_is_told_with_its_line(yard: Path) -> None:
    text = PROJECT.replace('    return visits.join(shops, on="shop")', '    return visits.join(shops, on="shopp")')
    (yard / "yard.py").write_text(text, encoding="utf-8")
    done = flyball(yard, "ingest", "long_visits")
    assert done.returncode == 2
    assert "shopp" in done.stderr


def test_a_home_that_runs_builds_what_is_derived_when_its_inputs_have_news(yard: Path) -> None:
    up = Up.start(yard / "yard.py", yard / ".flyball")
    try:
        up.wait_serving()
        write(yard, "b", first=100, last=110)
        timer = MonotonicTimer()
        until = timer.seconds() + 120
        while "totals@2" not in (listed := flyball(yard, "ls", "datasets").stdout):
            assert timer.seconds() < until, listed
        with up.client() as client:
            assert DatasetsClient(client).pull_dataset("totals")["new"] is False
    finally:
        up.process.send_signal(signal.SIGINT)
        up.process.wait(60)
