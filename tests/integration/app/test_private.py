"""What a home holds is its owner's alone on a machine that others use too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.app.byhand import lay_out_fetched
from flyball.app.home import Home
from flyball.app.listening import announce
from flyball.app.location import LOCK
from flyball.app.settings import Settings
from flyball.core.clock import ManualTimer
from flyball.governance import OwnerToken, Sessions
from flyball.storage.clockfile import SharedClock, clock_path
from flyball.storage.homelock import HomeLock


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A machine where new files are everybody's to read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_nobody_else_enters_a_home_whoever_makes_it(tmp_path: Path) -> None:
    Home.open(tmp_path / "opened").close()
    HomeLock.acquire(tmp_path / "held" / LOCK, "flyball up").release()
    OwnerToken.open(tmp_path / "served")
    lay_out_fetched(tmp_path / "fetched", [], port=1, run_code=False)
    assert [mode(tmp_path / name) for name in ("opened", "held", "served", "fetched")] == [0o700] * 4


def test_a_home_that_its_owner_shares_stays_shared(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    Home.open(tmp_path / "home").close()
    assert mode(tmp_path / "home") == 0o755


def test_secrets_and_what_steers_processes_is_unreadable_even_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    OwnerToken.open(home)
    Settings(project=tmp_path / "project.py", home=home).save()
    Sessions(ManualTimer(), path=home / "run" / "sessions.json").create_code()
    SharedClock.create(clock_path(home), epoch=datetime(2024, 1, 1, tzinfo=UTC), speed=1).close()
    announce(home, "control", port=8500)
    found = {path.name: mode(path) for path in (home / "token", *(home / "run").iterdir())}
    assert found == dict.fromkeys(("token", "settings.json", "sessions.json", "clock", "control.json"), 0o600)
