"""The model server of a home, wired: journal, engine, what loads plans, and what follows the control plane. No database, no tables.

::

    HOME/journal/predictions/  written here, read by the control plane       HOME/blobs        models and snapshots, read
    HOME/serving/plan.json     the last plan; code/ unpacked snapshots       HOME/online.db    looked-up features, read (or on Redis)
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from flyball.app.blobs import home_blobs
from flyball.app.location import CODE, PLAN, PREDICTIONS
from flyball.app.logsecret import log_secret
from flyball.app.onlinestore import follow_online
from flyball.app.settings import JOURNAL_BYTES
from flyball.app.shipping import Shipper, shipper_of
from flyball.core.clock import Clock, MonotonicTimer, Timer
from flyball.core.errors import FlyballError
from flyball.core.ids import RandomIds
from flyball.core.trust import SYSTEM, Trust
from flyball.features.following import Following
from flyball.loop.projectfile import load_project
from flyball.serving.child import ChildModel
from flyball.serving.effective import unloaded
from flyball.serving.engine import Engine
from flyball.serving.errors import EndpointNotFoundError
from flyball.serving.following import Follower, HttpPlans, PlanFile
from flyball.serving.keeping import Keeper
from flyball.serving.loading import SCRATCH, Declared, Loader, isolation_of, retired
from flyball.serving.plan import ServingPlan
from flyball.serving.record import find_latest
from flyball.serving.tally import Tally
from flyball.serving.version import NOTHING, Serving
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage.clockfile import open_clock
from flyball.storage.journal import Journal

_GRACE_SECONDS = 5.0
"""A version that was replaced may still be asked by requests that had been decoded before."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What the wiring of a model server can be told. `journal_bytes`: so much may wait for the control plane to read it.

    `plan` is read instead of the home's own, and what it names lies beside it. `worker` is the server's number among those that share the
    home, each of which has a journal of its own.
    """

    control_url: str | None = None
    token: str | None = None
    name: str = "predict"
    deadline_seconds: float = 1.0
    ready_seconds: float = 10.0
    plan: Path | None = None
    journal_bytes: int = JOURNAL_BYTES
    worker: int = 0
    trust: Trust = SYSTEM

    @property
    def journal(self) -> Path:
        """The place of the journal, from the home."""
        return PREDICTIONS.with_name(f"{PREDICTIONS.name}-{self.worker}") if self.worker else PREDICTIONS

    @property
    def scratch(self) -> str:
        """The name of the directory for processes of models."""
        return f"{SCRATCH}-{self.worker}" if self.worker else SCRATCH


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan, loaded and not in force yet; by endpoint, why it stays as it was."""

    serving: Serving
    refused: Mapping[str, FlyballError]


class ModelServer:
    """All parts of one model server but its door. To be opened and closed in the event loop that serves."""

    def __init__(
        self, engine: Engine, loader: Loader, *, journal: Journal, online: Following, kept: PlanFile, source: HttpPlans | None
    ) -> None:  # fmt: skip
        self.engine, self.online = engine, online
        engine.counters.store_fails = lambda: online.failing
        self._loader, self._journal = loader, journal
        self._follower = Follower(source, kept, take=self.take, why=lambda: " ".join(map(str, self._refused)))
        self._opened = asyncio.Event()
        self._taking = threading.Lock()  # the follower's thread takes plans up, a request may unload
        self._plan = ServingPlan(revision=0)
        self.unloaded: frozenset[str] = frozenset()
        self._refused: list[FlyballError] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._shipper: Shipper | None = None

    @classmethod
    def open(cls, home: Path, settings: ServerSettings, *, timer: Timer | None = None, journal: Journal | None = None) -> Self:
        """The server of the home, which need not have been served before; it writes to the home's own journal, or to `journal`.

        Raises:
            HeldError: another model server writes this home's journal.
            UnavailableError: the place cannot be written.
        """
        timer = timer or MonotonicTimer()
        scratch = (home / CODE).parent / settings.scratch
        shutil.rmtree(scratch, ignore_errors=True)  # of a server that was killed
        tally = None if journal is not None else Tally(home / settings.journal)
        journal = journal or LocalJournal.write(home / settings.journal, limit_bytes=settings.journal_bytes)
        engine = Engine(journal, clock=business_time(home, journal), ids=RandomIds(), timer=timer)
        secret = partial(log_secret, home, os.environ)
        engine.keeper = Keeper(journal, counters=engine.counters, timer=timer, secret=secret, tally=tally)
        online = follow_online(home, os.environ)
        blobs = home_blobs(home, os.environ) if settings.plan is None else LocalBlobs(settings.plan.parent / "blobs")
        loader = Loader(
            blobs, home / CODE, declared, online.vectors,
            timer=timer, loop=asyncio.get_running_loop(), deadline_seconds=settings.deadline_seconds, ready_seconds=settings.ready_seconds,
            scratch=scratch,
        )  # fmt: skip
        url = settings.control_url
        source = None if url is None else HttpPlans(url, token=settings.token, server=settings.name, trust=settings.trust)
        found = cls(engine, loader, journal=journal, online=online, kept=PlanFile(settings.plan or home / PLAN), source=source)
        found._shipper = shipper_of(journal, os.environ, url=url, token=settings.token, worker=settings.worker, trust=settings.trust)
        return found

    async def start(self, patience_seconds: float) -> None:
        """Take up the plan that was kept, waiting so long at most, and follow the control plane from then on."""
        threading.Thread(target=self._follow, name="plans", daemon=True).start()
        if self._shipper is not None:
            self._shipper.start()
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
        with self._taking:
            self._plan = plan
            return self._take(self.prepare(plan, without=self.unloaded))

    def unload(self, endpoint: str) -> None:
        """Nobody answers at the endpoint afterwards; idempotent. Not from the event loop's thread.

        Raises:
            EndpointNotFoundError: there is none of that name.
        """
        with self._taking:
            self.unloaded = self.unloaded | {self._known(endpoint)}
            self._take(self.prepare(self._plan, without=self.unloaded))

    def load(self, endpoint: str) -> None:
        """What the plan says answers at the endpoint again; idempotent. Not from the event loop's thread.

        Raises:
            EndpointNotFoundError: there is none of that name.
            FlyballError: it cannot be loaded; nobody answers there, as before.
        """
        with self._taking:
            without = self.unloaded - {self._known(endpoint)}
            prepared = self.prepare(self._plan, without=without)
            if endpoint in prepared.refused:
                self.forget(prepared)
                raise prepared.refused[endpoint]
            self.unloaded = without
            self._take(prepared)

    def _known(self, endpoint: str) -> str:
        if endpoint not in self.engine.serving.endpoints:
            raise EndpointNotFoundError(endpoint, known=self.engine.serving.endpoints)
        return endpoint

    def _take(self, prepared: Prepared) -> int:
        return asyncio.run_coroutine_threadsafe(self.put(prepared), self._loader.loop).result()

    def prepare(self, plan: ServingPlan, *, without: Collection[str] = ()) -> Prepared:
        """What the plan says, loaded beside what is in force; nobody answers at the endpoints `without`. Not from the loop's thread."""
        wanted = unloaded(plan, without)
        serving, errors = self._loader.load(wanted, self.engine.serving)
        for error in errors:
            _LOG.error("%s", error)
        self.engine.counters.refused_plans += bool(errors)
        held = {name: found.plan for name, found in serving.endpoints.items()}
        names = [found.endpoint for found in wanted.endpoints if held.get(found.endpoint) != found]
        return Prepared(serving, dict(zip(names, errors, strict=True)))

    async def put(self, prepared: Prepared, *, keep: Collection[str] = ()) -> int:
        """What was prepared is in force, but the endpoints `keep`, which stay as they are; the revision that is in force then."""
        before = self.engine.serving
        serving = keeping(prepared.serving, keep, before=before) if keep else prepared.serving
        self._refused = list(prepared.refused.values())
        self.engine.serving = serving
        self.engine.counters.isolation = isolation_of(serving)
        for child in (*retired(before, serving), *retired(prepared.serving, serving)):
            self._close(child, after_seconds=_GRACE_SECONDS)
        return serving.revision

    def forget(self, prepared: Prepared) -> None:
        """What was prepared is not put into force; its processes end. From any thread."""

        def close() -> None:
            for child in retired(prepared.serving, self.engine.serving):
                self._close(child, after_seconds=0)

        self._loader.loop.call_soon_threadsafe(close)

    def check_whole(self) -> None:
        """All that the plan says is in force.

        Raises:
            FlyballError: why the first version of those that are not was refused.
        """
        if self._refused:
            raise self._refused[0]

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
        await asyncio.to_thread(self.online.close)
        self.engine.keeper.close()
        if self._shipper is not None:
            await asyncio.to_thread(self._shipper.stop)
        self._journal.close()


def keeping(serving: Serving, names: Collection[str], *, before: Serving) -> Serving:
    """`serving`, but with the endpoints `names` as they were `before`; the revision is the former one then."""
    former = {name: before.endpoints[name] for name in names if name in before.endpoints}
    others = {name: found for name, found in serving.endpoints.items() if name not in names}
    return Serving(before.revision, {**others, **former})


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
