"""Processes that re-admit rows and are killed with -9 at any moment: each row is in the dataset once, and none is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from flyball.core.clock import VirtualClock, parse_time
from flyball.data import Dataset, files
from flyball.data.quarantine._sqlstore import SqlDecisions
from flyball.data.quarantine.model import Look, RowState, Wanted, Word
from flyball.data.quarantine.service import Quarantine
from flyball.testing.data_home import DataHome, opened_data_home

KILLS = 5
SALES = Dataset("sales", files("data"), key="id", event_time="sold_at")
ADA = Word("user:ada")


def quarantine(home: DataHome) -> Quarantine:
    clock = VirtualClock(parse_time("2013-06-01T00:00:00Z", what="now"))
    return Quarantine(data=home.service, decisions=SqlDecisions(home.database), clock=clock, root=home.place / "project")


def readmit(place: Path) -> None:
    """Take all rows, a few at a time; what a killed process begins with."""
    with opened_data_home(place) as home:
        found = quarantine(home)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while waiting := [row.id for row in found.list("sales", Look(state=RowState.REPAIRED, limit=7)).rows]:
            found.readmit(SALES, Wanted(ids=waiting), word=ADA)


def test_every_row_is_taken_once_however_many_are_killed(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    with opened_data_home(tmp_path) as home:
        good = [f"s{n},2013-01-{1 + n % 28:02}T00:00Z,{n}" for n in range(900)]
        bad = [f"b{n},2013-01-{1 + n % 28:02}T00:00Z,x" for n in range(70)]
        home.write("a.csv", "\n".join(["id,sold_at,amount", *good, *bad, ""]))
        home.ingest(SALES)
        found = quarantine(home)
        found.repair(SALES, {row.id: {"amount": 1} for row in found.list("sales", Look(limit=100)).rows}, word=ADA)
    for _ in range(KILLS):
        script = f"import sys, runpy; from pathlib import Path; runpy.run_path({__file__!r})['readmit'](Path(sys.argv[1]))"
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.5))
            process.kill()
    readmit(tmp_path)
    with opened_data_home(tmp_path) as home:
        ids = home.service.history(SALES)["id"].to_list()
        assert sorted(ids) == sorted([*(f"s{n}" for n in range(900)), *(f"b{n}" for n in range(70))])
        versions = home.service.list("sales")
        assert quarantine(home).count_waiting(*home.service.versions.list_heads("sales")) == 0
        assert sum(version.added for version in versions) == 970
