"""The stores of one database: a home's own, or those of one world of a backtest. They are wired the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flyball.app.location import DATABASE, KEYS
from flyball.app.places import Places
from flyball.core.clock import Clock, MonotonicTimer
from flyball.core.ids import Ids
from flyball.data._sqlstore import SqlPushes, SqlVersions
from flyball.data.pushes import PushStore
from flyball.data.store import VersionStore
from flyball.lineage import LineageStore
from flyball.lineage._sqlstore import SqlLineage
from flyball.loop.controller import Journal
from flyball.monitoring._sqlstore import SqlWindowStore
from flyball.monitoring.store import WindowStore
from flyball.pipelines import StepCache
from flyball.pipelines._sqlstore import SqlStepCache
from flyball.registry import RegistryStore
from flyball.registry._sqlstore import SqlRegistry
from flyball.registry.sealing import Sealer
from flyball.registry.signing import Keyring
from flyball.releases import ReleaseStore
from flyball.releases._sqlstore import SqlReleases
from flyball.storage._sqljobs import SqlJobs
from flyball.storage._sqlstore import SqlEventLog, SqlPositions, SqlTimers
from flyball.storage.database import Database
from flyball.storage.errors import os_errors
from flyball.storage.jobs import JobQueue
from flyball.storage.positions import Positions
from flyball.storage.recorder import Recorder
from flyball.tracking import RunStore
from flyball.tracking._sqlstore import SqlRunStore


@dataclass(frozen=True)
class Stores:
    """Everything that lies in one database; services are made from these where they are needed."""

    path: Path
    database: Database
    clock: Clock
    ids: Ids
    journal: Journal
    datasets: VersionStore
    lineage: LineageStore
    steps: StepCache
    runs: RunStore
    registry: RegistryStore
    sealer: Sealer | None
    releases: ReleaseStore
    windows: WindowStore
    pushes: PushStore
    jobs: JobQueue
    positions: Positions

    @classmethod
    def open(cls, path: Path, *, clock: Clock, ids: Ids, actor: str | None = None) -> Self:
        """The stores of the directory `path`, made when there are none.

        Raises:
            UnavailableError: the place cannot be written.
            NewerHomeError: a newer Flyball made it.
        """
        return cls.over(Database.open(path / DATABASE), path, clock=clock, ids=ids, actor=actor)

    @classmethod
    def at_home(cls, path: Path, *, clock: Clock, ids: Ids, actor: str | None = None, places: Places | None = None) -> Self:
        """The stores of the home at `path`, whose database may lie elsewhere; made when there are none.

        Where they lie is told by `places`, or by the environment.

        Raises:
            ElsewhereError: the home's database is not where the settings say.
            UnavailableError: it cannot be reached or written.
            NewerHomeError: a newer Flyball made it.
        """
        places = places or Places.of(path, os.environ)
        with os_errors(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = places.open_database(path)
        places.remember(path)
        return cls.over(database, path, clock=clock, ids=ids, actor=actor, keyring=Keyring(path / KEYS))

    @classmethod
    def over(
        cls, database: Database, path: Path, *, clock: Clock, ids: Ids, actor: str | None = None, keyring: Keyring | None = None
    ) -> Self:
        """The stores in `database`, which are closed with them; `path` is the directory that they belong to.

        Versions are signed by the keys of `keyring`; those of a backtest's worlds, which nobody serves, are not.
        """
        log = SqlEventLog(database)
        datasets = SqlVersions(database)
        sealer = None if keyring is None else Sealer(keyring, datasets)
        recorder = Recorder(log, clock=clock, ids=ids, actor=actor or "system")
        return cls(
            path=path,
            database=database,
            clock=clock,
            ids=ids,
            journal=Journal(log, SqlTimers(database), recorder, database),
            datasets=datasets,
            lineage=SqlLineage(database),
            steps=SqlStepCache(database),
            runs=SqlRunStore(database),
            registry=SqlRegistry(database, sealer),
            sealer=sealer,
            releases=SqlReleases(database),
            windows=SqlWindowStore(database),
            pushes=SqlPushes(database),
            jobs=SqlJobs(database, ids=ids, timer=MonotonicTimer()),
            positions=SqlPositions(database),
        )

    def close(self) -> None:
        """Let go of the database; idempotent."""
        self.database.close()
