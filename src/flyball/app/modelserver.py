"""The model server of a home, wired: journal, engine, what loads plans, and what follows the control plane. No database, no tables.

::

    HOME/journal/predictions/  written here, read by the control plane       HOME/blobs        models and snapshots, read
    HOME/serving/plan.json     the last plan; code/ unpacked snapshots       HOME/online.db    looked-up features, read
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from flyball.app.blobs import home_blobs
from flyball.app.location import CODE, ONLINE, PLAN, PREDICTIONS
from flyball.core.clock import Clock, MonotonicTimer, Timer
from flyball.core.errors import FlyballError
from flyball.core.ids import RandomIds
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.online import OnlineStore
from flyball.features.vectors import Vectors
from flyball.loop.projectfile import load_project
from flyball.serving.child import ChildModel
from flyball.serving.engine import Engine
from flyball.serving.following import Follower, HttpPlans, PlanFile
from flyball.serving.loading import SCRATCH, Declared, Loader, isolation_of, retired
from flyball.serving.plan import ServingPlan
from flyball.serving.record import find_latest
from flyball.serving.version import NOTHING, Serving
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage.clockfile import open_clock
from flyball.storage.journal import Journal

JOURNAL_BYTES = 4 << 30
_GRACE_SECONDS = 5.0
"""A version that was replaced may still be asked by requests that had been decoded before."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What the wiring of a model server can be told. `journal_bytes`: so much may wait for the control plane to read it.

    `plan` is read instead of the home's own, and what it names lies beside it.
    """

    control_url: str | None = None
    token: str | None = None
    name: str = "predict"
    deadline_seconds: float = 1.0
    ready_seconds: float = 10.0
    plan: Path | None = None
    journal_bytes: int = JOURNAL_BYTES


class ModelServer:
    """All parts of one model server but its door. To be opened and closed in the event loop that serves."""

    def __init__(self, engine: Engine, loader: Loader, *, journal: Journal, kept: PlanFile, source: HttpPlans | None) -> None:
        self.engine = engine
        self._loader, self._journal = loader, journal
        self._follower = Follower(source, kept, take=self.take)
        self._opened = asyncio.Event()
        self._refused: list[FlyballError] = []
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, home: Path, settings: ServerSettings, *, timer: Timer | None = None, journal: Journal | None = None) -> Self:
        """The server of the home, which need not have been served before; it writes to the home's own journal, or to `journal`.

        Raises:
            HeldError: another model server writes this home's journal.
            UnavailableError: the place cannot be written.
        """
        timer = timer or MonotonicTimer()
        shutil.rmtree((home / CODE).parent / SCRATCH, ignore_errors=True)  # of a server that was killed
        journal = journal or LocalJournal.write(home / PREDICTIONS, limit_bytes=settings.journal_bytes)
        engine = Engine(journal, clock=business_time(home, journal), ids=RandomIds(), timer=timer)
        store: OnlineStore = SqliteOnlineStore.read(home / ONLINE)
        blobs = home_blobs(home, os.environ) if settings.plan is None else LocalBlobs(settings.plan.parent / "blobs")
        loader = Loader(
            blobs, home / CODE, declared, lambda features: Vectors(features, store),
            timer=timer, loop=asyncio.get_running_loop(), deadline_seconds=settings.deadline_seconds, ready_seconds=settings.ready_seconds,
        )  # fmt: skip
        url = settings.control_url
        source = None if url is None else HttpPlans(url, token=settings.token, server=settings.name)
        return cls(engine, loader, journal=journal, kept=PlanFile(settings.plan or home / PLAN), source=source)

    async def start(self, patience_seconds: float) -> None:
        """Take up the plan that was kept, waiting so long at most, and follow the control plane from then on."""
        threading.Thread(target=self._follow, name="plans", daemon=True).start()
        try:
            async with asyncio.timeout(patience_seconds):
                await self._opened.wait()
        except TimeoutError:
            _LOG.warning("the plan that was kept is still being loaded; until then nothing is answered")

    def _follow(self) -> None:
        try:
            self._follower.open()
        except Exception:  # noqa: BLE001 - a thread's rim
            _LOG.exception("the plan that was kept could not be taken up")
        self._loader.loop.call_soon_threadsafe(self._opened.set)
        self._follower.run()

    def take(self, plan: ServingPlan) -> int:
        """Load the plan and put it into force; the revision that is in force then. Not from the event loop's thread."""
        serving, refused = self._loader.load(plan, self.engine.serving)
        self._refused = refused
        for error in refused:
            _LOG.error("%s", error)
        self.engine.counters.refused_plans += bool(refused)
        asyncio.run_coroutine_threadsafe(self._swap(serving), self._loader.loop).result()
        return serving.revision

    def check_whole(self) -> None:
        """All that the plan says is in force.

        Raises:
            FlyballError: why the first version of those that are not was refused.
        """
        if self._refused:
            raise self._refused[0]

    async def _swap(self, serving: Serving) -> None:
        before, self.engine.serving = self.engine.serving, serving
        self.engine.counters.isolation = isolation_of(serving)
        for child in retired(before, serving):
            self._close(child, after_seconds=_GRACE_SECONDS)

    def _close(self, child: ChildModel, *, after_seconds: float) -> None:
        async def later() -> None:
            await asyncio.sleep(after_seconds)
            await child.close()

        task = asyncio.get_running_loop().create_task(later())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """What was asked is answered, children end, the journal is closed; idempotent."""
        self._follower.stop()
        await self.engine.finish()
        for task in self._closing:
            task.cancel()
        for child in retired(self.engine.serving, NOTHING):
            await child.close()
        self._journal.close()


def business_time(home: Path, journal: Journal) -> Clock:
    """The home's clock, which shows no time before the last answer, also where the system's clock was put back since."""
    clock, latest = open_clock(home), find_latest(journal)
    if latest is not None and latest > clock.now():
        clock.advance_to(latest)
    return clock


def declared(project: Path, model: str) -> Declared:
    """Features and rows of a model in a project file.

    Raises:
        FlyballError: the file declares no such model, or fails.
    """
    found = load_project(project).get(model)
    return tuple(found.features), found.rows
