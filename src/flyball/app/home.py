"""A home: the directory that holds everything of one project, opened as one object graph.

::

    HOME/flyball.db   events, versions, runs, finished steps        HOME/blobs/      content by digest (both may be elsewhere: places)
    HOME/tables/      rows, as Delta tables                         HOME/contracts/  what rows must look like; yours to edit
    HOME/backtests/   a world per policy                            HOME/scratch/    what a running step writes; emptied at start
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from flyball.app.actor import person
from flyball.app.location import DATABASE, LOCK
from flyball.app.places import Places
from flyball.app.screening import screens_of
from flyball.app.servedrows import served_rows
from flyball.app.sources import open_source
from flyball.app.stores import Stores
from flyball.core.clock import Clock, WallClock
from flyball.core.errors import InvalidError, NotFoundError
from flyball.core.ids import RandomIds
from flyball.data.service import DataService
from flyball.pipelines import Executor, ProcessExecutor, StepRunner
from flyball.provenance import fingerprint_module
from flyball.storage.blobs import BlobStore
from flyball.storage.homelock import HomeLock
from flyball.storage.tables import TableStore

BACKTESTS = "backtests"


class WorldNotFoundError(NotFoundError):
    """No such world of a backtest."""

    code = "world-not-found"

    def __init__(self, world: str, known: list[str]) -> None:
        super().__init__(
            f"There is no backtest {world!r} in this home; there are: {', '.join(known) or 'none'}. List them with `flyball ls backtests`."
        )


class WorldNameError(InvalidError):
    """Not a world's name."""

    code = "world-name"

    def __init__(self, world: str) -> None:
        super().__init__(f"{world!r} does not name a world of a backtest. Write NAME/POLICY, for example 'flights/declared'.")


@dataclass(frozen=True)
class Home:
    """An open home. `executor` runs the steps; closing the home ends it."""

    path: Path
    stores: Stores
    blobs: BlobStore
    tables: TableStore
    data: DataService
    steps: StepRunner
    executor: Executor

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock | None = None,
        executor: Executor | None = None,
        actor: str | None = None,
        places: Places | None = None,
    ) -> Self:
        """The home at `path`, made when there is none. Any number of processes may have it open; its loop has one owner.

        What is done in it is told as done by `actor`: the person at this terminal, if nobody is named. Its database, blobs and tables lie
        where `places` says; where the environment does, if nothing is said.

        Raises:
            UnavailableError: the place cannot be written.
            NewerHomeError: a newer Flyball made it.
        """
        places = places or Places.of(path, os.environ)
        stores = Stores.at_home(path, clock=clock or WallClock(), ids=RandomIds(), actor=actor or person(), places=places)
        blobs = places.open_blobs(path)
        executor = executor or ProcessExecutor()
        journal = stores.journal
        tables = places.open_tables(path)
        data = DataService(
            tables=tables,
            blobs=blobs,
            versions=stores.datasets,
            lineage=stores.lineage,
            recorder=journal.recorder,
            transactions=journal.transactions,
            contracts=path / "contracts",
            sources=open_source,
            environment=os.environ,
            served=lambda dataset, now: served_rows(tables, dataset, now=now),
            screens=screens_of(path, stores.database),
        )
        steps = StepRunner(stores.steps, blobs, executor=executor, fingerprint=fingerprint_module, scratch=path / "scratch")
        return cls(path, stores, blobs, tables, data, steps, executor)

    def own(self, command: str) -> HomeLock:
        """Be the one owner of the home's loop until released; of one whose database is on a server, on all machines, until it is closed.

        Raises:
            HeldError: another process is; it is named.
        """
        lock = HomeLock.acquire(self.path / LOCK, command)
        try:
            self.stores.database.own(command)
        except BaseException:
            lock.release()
            raise
        return lock

    def worlds(self) -> list[str]:
        """The worlds of all backtests, as NAME/POLICY, sorted."""
        return sorted(f"{found.parent.parent.name}/{_policy(found.parent.name)}" for found in self.path.glob(f"{BACKTESTS}/*/*/{DATABASE}"))

    def world_path(self, name: str, policy: str) -> Path:
        """Where the world of that backtest and policy lies; it need not exist."""
        return self.path / BACKTESTS / name / policy.replace(":", "-")

    def find_world(self, world: str) -> Path:
        """Where the world NAME/POLICY lies.

        Raises:
            WorldNameError: the text names none.
            WorldNotFoundError: there is none.
        """
        if world not in self.worlds():
            if world.count("/") != 1:
                raise WorldNameError(world)
            raise WorldNotFoundError(world, self.worlds())
        name, _, policy = world.partition("/")
        return self.world_path(name, policy)

    def close(self) -> None:
        """End the executor and let go of the database; idempotent."""
        self.executor.close()
        self.stores.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _policy(folder: str) -> str:
    return folder.replace("every-", "every:")
