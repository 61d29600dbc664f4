"""What somebody did to a home by hand: computed anew where that is possible, else told, never a wrong answer."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flyball.app.home import Home
from flyball.core.clock import VirtualClock
from flyball.loop.ingestion import ingest_all
from flyball.loop.projectfile import load_project


def blobs_of(place: Any, step: str) -> list[Path]:
    """The outputs of the finished steps of that name."""
    database = sqlite3.connect(place.home / "flyball.db")
    found = [json.loads(outputs) for (outputs,) in database.execute("SELECT outputs FROM steps WHERE step = ?", (step,))]
    database.close()
    return [place.home / "blobs" / digest[:2] / digest[2:] for outputs in found for digest in outputs.values()]


@pytest.mark.parametrize(("step", "how"), [("frame", "changed"), ("train", "deleted"), ("score", "cut")])
def test_outputs_of_a_step_that_are_no_longer_whole_are_computed_anew(place: Any, made: Any, *, step: str, how: str) -> None:
    paths = blobs_of(place, step)
    assert paths
    for path in paths:
        content = path.read_bytes()
        path.unlink()
        if how != "deleted":
            path.write_bytes(content[:-9] if how == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    assert place.figures() == made.figures()
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("content", [b"not a database at all" * 200, None])
def test_a_database_that_is_none_is_told(place: Any, content: bytes | None) -> None:
    path = place.home / "flyball.db"
    for name in ("flyball.db-wal", "flyball.db-shm"):
        (place.home / name).unlink(missing_ok=True)
    path.write_bytes(path.read_bytes()[:6000] if content is None else content)
    done = place.run("backtest")
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert "damaged" in done.stderr.splitlines()[-1]


def test_a_database_of_no_bytes_is_a_new_one(place: Any, made: Any) -> None:
    for path in place.home.glob("flyball.db*"):
        path.unlink()
    (place.home / "flyball.db").write_bytes(b"")
    done = place.run("backtest")
    assert done.returncode == 0, done.stderr
    assert place.figures() == made.figures()


def test_a_table_that_was_deleted_is_told(place: Any) -> None:
    for table in (place.home / "tables").iterdir():
        shutil.rmtree(table)
    done = place.run("backtest")
    assert done.returncode in {4, 5, 6}, done.stderr
    assert "Traceback" not in done.stderr
    assert "There is no table" in done.stderr.splitlines()[-1]


def test_leavings_of_the_dead_are_swept(place: Any, made: Any) -> None:
    (place.home / "scratch/owner-dead/step-half/outputs").mkdir(parents=True)
    (place.home / "scratch/owner-dead/step-half/outputs/frame").write_bytes(b"half")
    (place.home / "blobs/aside").mkdir(exist_ok=True)
    (place.home / "blobs/aside/left").write_bytes(b"half")
    shutil.rmtree(place.home / "backtests/parcels/declared")
    (place.home / "backtests/parcels/declared").mkdir()
    (place.home / "backtests/parcels/declared/flyball.db").write_bytes(b"")
    assert place.run("backtest").returncode == 0
    assert place.figures() == made.figures()
    assert not (place.home / "scratch/owner-dead").exists()


class SteppingClock(VirtualClock):
    """A wall clock that somebody sets back an hour at every look."""

    def now(self) -> datetime:
        self._now -= timedelta(hours=1)
        return self._now

    def __init__(self) -> None:
        super().__init__(datetime(2026, 1, 1, tzinfo=UTC))
        self._now = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_clock_that_steps_back_does_not_disturb_an_ingest(fresh: Callable[..., Any]) -> None:
    place = fresh()
    (model,) = load_project(place.project).models
    with Home.open(place.home, clock=SteppingClock()) as home:
        found = ingest_all(model, home.data, root=place.folder, progress=lambda _share, _text: None)
        assert [version.number for version in found.values()] == [1, 1, 1]
        again = ingest_all(model, home.data, root=place.folder, progress=lambda _share, _text: None)
        assert again == found
        assert home.data.history(model.rows).height == found["parcels"].rows
