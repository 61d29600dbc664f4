"""Killed at any moment, a backtest that is run again continues and comes to the same bytes; nothing it has started outlives it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

import pytest

from flyball.core.clock import MonotonicTimer
from flyball.core.rand import SeededRandom

KILLS, LANES = 50, 2
DATASETS = 3
MOMENTS = (("owner", 0.5), ("owner", 0.4), ("owner", 0.6), ("owner", 1.5), ("step", 0.5), ("owner", 3.0))
"""From what on, and within how many seconds, the lives of a home are killed, in turn and the last two again and again.

From when it owns the home, or from when it has finished a step: so every second life gets further, whatever the machine is doing.
"""

Start = Callable[..., subprocess.Popen[bytes]]


@dataclass
class Lane:
    """One home that is killed again and again; when it comes to its end, it is compared and begun anew."""

    start: Callable[[str], subprocess.Popen[bytes]]
    home: Path
    marked: Callable[[str], list[int]]
    compare: Callable[[], None]
    draws: SeededRandom
    hits: Counter[str] = field(default_factory=Counter)
    rounds: int = 0

    def run(self, kills: int) -> None:
        """`kills` times killed, then finished."""
        lives = done = 0
        while done < kills:
            moment = MOMENTS[lives if lives < len(MOMENTS) else len(MOMENTS) - 2 + lives % 2]
            if self._live(f"{self.home.name}-{done}-{self.rounds}", moment):
                self.compare()
                shutil.rmtree(self.home)  # nothing is left to be done in it: a kill would find nothing under way
                lives, self.rounds = 0, self.rounds + 1
            else:
                lives, done = lives + 1, done + 1
                self.hits.update(where(self.home))
        assert self._live("last", None)
        self.compare()

    def _live(self, name: str, moment: tuple[str, float] | None) -> bool:
        """One process, killed at a moment drawn by chance; whether it ended before."""
        fresh, blobs = not (self.home / "flyball.db").exists(), self._blobs()
        process, seconds = self.start(name), None
        if moment is not None:
            seconds = moment[1] * self.draws.uniform("moment", name)
            while process.poll() is None and not self._at_work(process.pid, fresh=fresh):
                sleep(0.005)
            while process.poll() is None and moment[0] == "step" and (self._blobs() == blobs or not self._replays()):
                sleep(0.005)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)  # it alone: its children must notice by themselves
            process.communicate()
            self._all_gone(name)
            return False
        assert process.returncode == 0, (out + err).decode()
        self._all_gone(name)
        return True

    def _at_work(self, pid: int, *, fresh: bool) -> bool:
        """It makes its home, or owns it: what it did before, importing, was to nobody's harm."""
        if fresh:
            return (self.home / "flyball.db").exists()
        owner = self.home / "owner.lock"
        return owner.exists() and f'"pid": {pid},' in owner.read_text(encoding="utf-8")

    def _blobs(self) -> int:
        return len(list(self.home.glob("blobs/??/*")))

    def _replays(self) -> bool:
        return any(self.home.glob("backtests/*/*"))

    def _all_gone(self, name: str) -> None:
        timer = MonotonicTimer()
        patience = timer.seconds() + 60
        while left := self.marked(name):
            assert timer.seconds() < patience, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
            sleep(0.02)


def where(home: Path) -> set[str]:
    """What was under way when the owner of `home` was killed, by what it left."""
    with looked_into(home) as database:
        if database is None or _count(database, "SELECT count(*) FROM sqlite_master WHERE name = 'steps'") == 0:
            return {"opening"}
        if _count(database, "SELECT count(*) FROM dataset_versions") < DATASETS:
            return {"ingest"}
        if _count(database, "SELECT count(*) FROM steps WHERE step = 'frame'") == 0:
            return {"frame"}
    steps = len(list(home.glob("scratch/*/step-*")))
    training = sum(_trains(world) for world in home.glob("backtests/*/*"))
    return {name for name, hit in (("training", steps and training), ("scoring", steps > training), ("replay", not steps)) if hit}


def _trains(world: Path) -> bool:
    with looked_into(world) as database:
        if database is None or not _count(database, "SELECT count(*) FROM sqlite_master WHERE name = 'events'"):
            return False
        last = "SELECT count(*) FROM events WHERE type = 'run.started'", "SELECT count(*) FROM events WHERE type = 'run.finished'"
        return _count(database, last[0]) > _count(database, last[1])


@contextmanager
def looked_into(home: Path) -> Iterator[sqlite3.Connection | None]:
    """A copy of the database, because to open it would mend it."""
    aside = home.parent / f"{home.name}.look"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for path in home.glob("flyball.db*"):
        shutil.copy(path, aside)
    if not (aside / "flyball.db").exists():
        yield None
        return
    database = sqlite3.connect(aside / "flyball.db")
    try:
        yield database
    finally:
        database.close()


def _count(database: sqlite3.Connection, query: str) -> int:
    found: int = database.execute(query).fetchone()[0]
    return found


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_fifty_kills_change_no_byte(
    small_flights: Path,
    tmp_path: Path,
    *,
    start_backtest: Start,
    marked: Callable[[str], list[int]],
    figures: Callable[[Path], bytes],
) -> None:
    honest = tmp_path / "honest.json"
    undisturbed = start_backtest(small_flights, tmp_path / "undisturbed", result=honest)
    out, err = undisturbed.communicate(timeout=300)
    assert undisturbed.returncode == 0, (out + err).decode()
    assert json.loads(honest.read_bytes())["policies"][2]["retrains"] >= 2

    def lane(number: int) -> Lane:
        home, result = tmp_path / f"lane{number}", tmp_path / f"lane{number}.json"

        def same() -> None:
            assert figures(result) == figures(honest)
            result.unlink()

        def start(mark: str) -> subprocess.Popen[bytes]:
            return start_backtest(small_flights, home, result=result, mark=f"{tmp_path}/{mark}")

        def left(mark: str) -> list[int]:
            return marked(f"{tmp_path}/{mark}")

        return Lane(start=start, home=home, marked=left, compare=same, draws=SeededRandom(number))

    lanes = [lane(number) for number in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(lambda one: one.run(KILLS // LANES), lanes))
    hits = sum((one.hits for one in lanes), Counter[str]())
    logging.getLogger(__name__).info("%d kills in %d homes: %s", KILLS, sum(one.rounds for one in lanes) + LANES, dict(hits))
    # Opening, the frame and a scoring are over in a fraction of a second: to hit each of them is chance, to hit none of them is not.
    assert min(hits[name] for name in ("ingest", "training", "replay")) >= 2, hits
    assert hits["opening"] + hits["frame"] + hits["scoring"] >= 2, hits
