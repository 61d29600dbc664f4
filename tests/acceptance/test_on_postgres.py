"""A loop whose stores lie on a server decides what it decides on files: in a backtest, and live while the server is killed under it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from flyball.app.backtest import Outcome, Request, run_backtest
from flyball.app.places import DATABASE_URL
from flyball.app.stores import Stores
from flyball.core.clock import Clock, WallClock
from flyball.core.events import Event
from flyball.core.ids import Ids, RandomIds
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from tests.acceptance.test_faithful import Silent, Story, about_live_only, told, when
from tests.databases import Databases, PostgresDatabases, opened
from tests.integration.faults.conftest import write_project
from tests.live import Up
from tests.postgres import PostgresServer, binaries, serving

START, END = "2024-01-18T00:00:00+00:00", "2024-01-26T00:00:00+00:00"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write_project(folder)
    return folder / "parcels.py"


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A server as in production, to be killed."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine")
    with serving(programs, {}) as server:
        yield server


class Worlds:
    """Where each world's stores lie: in a database of its own."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.places: list[Path] = []

    def open(self, path: Path, *, clock: Clock, ids: Ids, actor: str | None = None) -> Stores:
        self.places.append(path)
        return Stores.over(self.databases.open(path), path, clock=clock, ids=ids, actor=actor)

    def events(self) -> dict[str, list[Event]]:
        return {path.name: self._events(path) for path in self.places}

    def _events(self, path: Path) -> list[Event]:
        with opened(self.databases, path) as database:
            return SqlEventLog(database).list()


def backtest(project: Path, home: Path, *, start: str | None = None) -> Outcome:
    outcome = run_backtest(Request(project, policies=("never", "declared"), home=home, start=start), Silent())
    del outcome.figures["timings"]
    return outcome


def test_a_backtest_on_a_server_is_the_same_as_on_files(
    project: Path, postgres_databases: PostgresDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = backtest(project, tmp_path / "files")
    in_files = {
        policy: Stores.open(tmp_path / "files/backtests/parcels" / policy, clock=WallClock(), ids=RandomIds())
        for policy in ("never", "declared")
    }
    expected = {policy: stores.journal.log.list() for policy, stores in in_files.items()}
    for stores in in_files.values():
        stores.close()
    worlds = Worlds(postgres_databases)
    monkeypatch.setenv(DATABASE_URL, postgres_databases.url(tmp_path / "home"))
    monkeypatch.setattr(Stores, "open", worlds.open)  # another backend of the worlds
    assert backtest(project, tmp_path / "server").figures == plain.figures
    assert worlds.events() == expected
    assert not list((tmp_path / "server").rglob("flyball.db"))


def story(database: Database) -> Story:
    """Per subject of the model what happened, in order."""
    found: Story = {}
    until = datetime.fromisoformat(END)
    for event in SqlEventLog(database).list():
        if event.subject.startswith("model/") and event.time < until and not about_live_only(event):
            found.setdefault(event.subject, []).append((when(event), event.type, told(event)))
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_live_loop_on_a_server_that_is_killed_under_it_does_what_the_backtest_does(
    project: Path, mortal: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = PostgresDatabases(mortal, template=None)
    monkeypatch.setenv(DATABASE_URL, databases.url(tmp_path))
    up = Up.start(project, tmp_path / "live", "--clock", START, "--speed", "100000", "--hold")
    try:
        up.wait_serving()
        mortal.kill()
        mortal.start()
        figures = up.replay(START, END, "--rows-every", "12h", "--ahead")
    finally:
        assert up.end() == 0, up.told()
    assert (figures["errors"], figures["unanswered"]) == (0, 0)
    monkeypatch.delenv(DATABASE_URL)
    backtest(project, tmp_path / "home", start=START)
    with opened(databases, tmp_path) as database:
        live = story(database)
    promised_in = Stores.open(tmp_path / "home" / "backtests/parcels/declared", clock=WallClock(), ids=RandomIds())
    promised = story(promised_in.database)
    promised_in.close()
    assert live == promised
    assert "rollout.finished" in {kind for events in live.values() for _, kind, _ in events}
