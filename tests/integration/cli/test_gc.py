"""`flyball gc` and `flyball delete`, as they are typed."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyball.app.stores import Stores
from flyball.cli.main import app
from flyball.core.clock import VirtualClock, WallClock
from flyball.core.ids import RandomIds
from flyball.core.rand import SeededRandom
from flyball.storage._localblobs import LocalBlobs
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.artifact import Root, RootKind
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.tracking import open_tracking


class _Ann:
    principal, may_run_code = "ann", False


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a run that was deleted 40 days ago, and content that nobody refers to."""
    place, clock, ids = tmp_path / "home", VirtualClock(WallClock().now() - timedelta(days=40)), RandomIds()
    stores, blobs = Stores.at_home(place, clock=clock, ids=ids), LocalBlobs(place / "blobs")
    try:
        tracking = open_tracking(stores.database, clock=clock, ids=ids, random=SeededRandom(0), recorder=stores.journal.recorder)
        run = tracking.runs.create("0", name="bold-heron-1").head
        artifacts = Artifacts(SqlArtifacts(stores.database), blobs, transactions=stores.database, clock=clock, ids=ids)
        artifacts.put(Root(RootKind.RUN, "0", run.id), "model.pkl", chunks=[b"x" * 2000], principal=_Ann())
        tracking.runs.delete(run.id)
    finally:
        stores.close()
    for digest in blobs.list():
        os.utime(blobs.open_path(digest), (0, 0))
    blobs.put(b"young")
    return place


def said(*words: str) -> str:
    result = CliRunner().invoke(app, ["gc", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_dry_run_shows_bytes_and_what(home: Path) -> None:
    for _ in range(2):
        shown = said("--home", str(home), "--dry-run")
        assert "Would purge 1 run: bold-heron-1 (" in shown
        assert "Would free 2,000 bytes in 1 blob." in shown
        assert "Unused but young: 5 bytes in 1 blob;" in shown
    assert "Would free 0 bytes" in said("--home", str(home), "--dry-run", "--older-than", "50d")


def test_it_frees_what_it_said(home: Path) -> None:
    rehearsed = json.loads(said("--home", str(home), "--dry-run", "--json"))
    done = json.loads(said("--home", str(home), "--json"))
    assert {**rehearsed, "dry_run": False} == done
    assert done["freed"] == {"blobs": 1, "bytes": 2000}
    assert sum(path.stat().st_size for path in (home / "blobs").rglob("*") if path.is_file()) == 5
    assert "Freed 5 bytes in 1 blob." in said("--home", str(home), "--grace", "0s")
    assert "Freed 0 bytes in 0 blobs." in said("--home", str(home))


def test_a_project_is_deleted_by_who_knows_its_name(home: Path) -> None:
    runner = CliRunner()
    for words, typed in ((["other", "--yes"], ""), (["default"], "no\n"), (["default"], "")):
        refused = runner.invoke(app, ["delete", "project", *words, "--home", str(home)], input=typed)
        assert refused.exit_code != 0
        assert home.exists()
    done = runner.invoke(app, ["delete", "project", "default", "--home", str(home)], input="default\n")
    assert "Deleted the project 'default': 2,005 bytes in 2 blobs" in done.output
    assert not home.exists()
