"""A project of six weeks in a folder of its own, its home after one backtest, and the command as a stranger types it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS, PER_DAY = 42, 60

PROJECT = '''"""Does the parcel come late?"""
import polars as pl
import flyball as fb

parcels = fb.Dataset("parcels", fb.files("data/parcels"), key="parcel", event_time="leaves_at", known_before="6h")
arrivals = fb.Dataset("arrivals", fb.files("data/arrivals"), key="parcel", event_time="arrived_at")
depots = fb.Dataset("depots", fb.files("data/depots"), key=["depot", "at"], event_time="at", known_after="5m")


@fb.view(depots, entity="depot", ttl="12h")
def load(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("queue")


late = fb.Model(
    "late-parcel",
    rows=parcels,
    lead="1h",
    label=fb.label(arrivals, pl.col("delay") > 10, timeout="2d"),
    features=[parcels["depot", "weight"], load],
    train=fb.search(metric="roc_auc", trials=1),
    history="14d",
    holdout="5d",
    gates=[fb.at_least("roc_auc", 0.5), fb.beats_champion()],
    rollout=fb.canary([1.0], hold="1d"),
    monitors=[fb.drift(false_alarms="1 per 90d"), fb.performance(), fb.quality()],
    retrain=[fb.every("14d")],
    cool_down="5d",
)
project = fb.Project("parcels", models=[late])
'''


def write_project(folder: Path) -> None:
    """The project file and its data, the same every time."""
    rng = np.random.default_rng(7)
    n = DAYS * PER_DAY
    minutes = np.sort(rng.integers(0, DAYS * 24 * 60, n))
    leaves = [START + timedelta(minutes=int(minute)) for minute in minutes]
    weight = rng.normal(10, 3, n).round(3)
    delay = (10 + (weight - 10) * 2 + rng.normal(0, 4, n)).round(3)
    ids = [f"p{number:05d}" for number in range(n)]
    parcels = pl.DataFrame({"parcel": ids, "leaves_at": leaves, "depot": rng.choice(["north", "south"], n), "weight": weight})
    arrivals = pl.DataFrame({"parcel": ids, "arrived_at": [leave + timedelta(hours=5) for leave in leaves], "delay": delay})
    hours = [START + timedelta(hours=hour) for hour in range(0, DAYS * 24, 6)]
    depots = pl.DataFrame([{"depot": name, "at": at, "queue": float(rng.gamma(3, 4))} for name in ("north", "south") for at in hours])
    for name in ("parcels", "arrivals", "depots"):
        (folder / "data" / name).mkdir(parents=True)
    parcels.write_parquet(folder / "data/parcels/all.parquet")
    arrivals.write_csv(folder / "data/arrivals/all.csv")
    depots.write_parquet(folder / "data/depots/all.parquet")
    (folder / "parcels.py").write_text(PROJECT, encoding="utf-8")


@dataclass(frozen=True)
class Place:
    """A folder with the project, its data, and its home."""

    folder: Path
    home: Path

    @property
    def project(self) -> Path:
        """The project file."""
        return self.folder / "parcels.py"

    @property
    def result(self) -> Path:
        """Where `backtest` writes its figures."""
        return self.folder / "result.json"

    def command(self, *words: str, policy: str = "declared") -> list[str]:
        """`flyball WORDS`; the word "backtest" alone stands for the backtest of the project with this home."""
        if words == ("backtest",):
            words = ("backtest", str(self.project), "--home", str(self.home), "--policy", policy, "--json", str(self.result))
        return [sys.executable, "-m", "flyball", *words]

    def run(self, *words: str, policy: str = "declared") -> subprocess.CompletedProcess[str]:
        """Run it to its end, without a terminal."""
        command = self.command(*words, policy=policy)
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)

    def state(self) -> list[str]:
        """All rows of the home's database: versions, events, steps."""
        if not (self.home / "flyball.db").exists():
            return []
        database = sqlite3.connect(self.home / "flyball.db")
        try:
            return list(database.iterdump())
        finally:
            database.close()

    def figures(self) -> str:
        """The figures without their timings."""
        import json

        found = json.loads(self.result.read_text(encoding="utf-8"))
        del found["timings"]
        return json.dumps(found, sort_keys=True)

    def edit(self, old: str, new: str) -> None:
        """Change the project file."""
        text = self.project.read_text(encoding="utf-8")
        assert old in text
        self.project.write_text(text.replace(old, new), encoding="utf-8")

    def refuses(self, code: int, *facts: str, command: tuple[str, ...] = ("backtest",)) -> str:
        """The command ends with `code` and one sentence that has the `facts`, and the home's versions and events are as before."""
        before = self.state()
        done = self.run(*command)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        _, told, said = done.stderr.rpartition("flyball: ")
        assert told
        # One line; `check` lists every problem of a project on a line of its own.
        assert all(line.startswith("  - ") for line in said.splitlines()[1:]), said
        for fact in facts:
            assert fact in said
        assert self.state() == before
        return said


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The undisturbed one; `place` gives copies of it."""
    folder = tmp_path_factory.mktemp("faults") / "made"
    folder.mkdir()
    write_project(folder)
    place = Place(folder, folder / ".flyball")
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """A copy of the project and of its home after one backtest."""
    shutil.copytree(made.folder, tmp_path / "here")
    (tmp_path / "here/result.json").unlink()
    return Place(tmp_path / "here", tmp_path / "here/.flyball")


@pytest.fixture
def fresh(made: Place, tmp_path: Path) -> Callable[..., Place]:
    """Makes a copy of the project without a home, in a folder of the given name."""

    def make(name: str = "fresh", home: str = ".flyball") -> Place:
        folder = tmp_path / name
        shutil.copytree(made.folder, folder, ignore=shutil.ignore_patterns(".flyball", "result.json"))
        return Place(folder, folder / home)

    return make


@pytest.fixture(scope="session")
def living() -> Callable[[str], list[int]]:
    """The processes whose command line or environment's home holds a text, this one excepted; zombies do not count."""

    def find(text: str) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            except OSError:
                continue
            if text.encode() in told and state != "Z":
                found.append(int(entry.name))
        return found

    return find
