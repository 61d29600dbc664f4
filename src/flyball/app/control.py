"""The control plane of a home: what its doors call, over the loop that runs behind them.

It can be asked from the first moment on: while data are read and the loop is prepared, what there is can be looked at, and what
needs the loop says what it waits for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from flyball.app.bare import NoProjectError
from flyball.app.controlplane import Deed, Json
from flyball.app.datadesk import DataDesk
from flyball.app.endpointview import EndpointView
from flyball.app.home import Home
from flyball.app.inbox import Inbox
from flyball.app.learning import Learning
from flyball.app.liveloop import LiveLoop
from flyball.app.liveparts import LiveParts, Place
from flyball.app.liveview import LiveView
from flyball.app.predictionlog import HomeJournals
from flyball.app.querying import Catalogue, catalogue_of
from flyball.app.releasing import Releasing
from flyball.app.settings import Settings
from flyball.app.steering import Steering
from flyball.app.surroundings import Around
from flyball.app.trafficdesk import TrafficDesk
from flyball.app.viewed import Viewed
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import UnavailableError
from flyball.data.bodies import Body
from flyball.data.erasure._sqlstore import SqlErasures
from flyball.data.quarantine._sqlstore import SqlDecisions
from flyball.loop.projectfile import load_project
from flyball.pipelines import ExecutorPool, ProcessExecutor
from flyball.releases._sqlrewards import SqlRewards
from flyball.serving.plan import ServingPlan
from flyball.serving.record import find_latest
from flyball.storage.clockfile import SharedClock, open_clock
from flyball.storage.events import EventQuery

SYSTEM = "system"
"""The actor of what the loop does by itself."""

_LOG = logging.getLogger(__name__)


class StartingError(UnavailableError):
    """The loop is not there yet."""

    code = "starting"

    def __init__(self, phase: str) -> None:
        super().__init__(f"The control plane is starting: {phase}. Ask again in a moment.")


def catch_up(clock: WallClock | SharedClock, home: Home) -> None:
    """Business time is at least that of the last event and the last answer, after a kill and where the system's clock was put back.

    On a scaled clock only what the loop did counts: a backtest or a person may have worked in the home on the system's time, and a
    rehearsal of the past must not begin after it.
    """
    known = (_latest_event(clock, home), find_latest(*HomeJournals(home.path)().values()))
    latest = max((moment for moment in known if moment is not None), default=None)
    if latest is None or (behind := latest - clock.now()) <= timedelta(0):
        return
    clock.advance_to(latest)
    if isinstance(clock, WallClock):
        _LOG.warning("The system's clock is %s behind the last event; business time stands at %s until it is reached", behind, latest)


def _latest_event(clock: WallClock | SharedClock, home: Home) -> datetime | None:
    log = home.stores.journal.log
    if isinstance(clock, WallClock):
        return log.find_latest()
    return max((event.time for event in log.list(EventQuery(since=clock.now())) if event.actor == SYSTEM), default=None)


class Control(Viewed):
    """A `ControlPlane`. `open` it, `begin` the loop in a thread, `close` it."""

    def __init__(self, settings: Settings, place: Place, *, failed: Callable[[BaseException], None]) -> None:
        self._settings, self._place, self._failed = settings, place, failed
        self.stores, self.blobs, self.project_name = place.home.stores, place.home.blobs, place.project.name
        self._parts = LiveParts.of(place)
        self._loop = LiveLoop(self._parts, failed=failed)
        self._around = Around(self._parts, self._loop)
        releasing = Releasing(place.home.stores)
        self._steering = Steering(releasing, self._parts.servers, self._published)
        self._listeners: list[Callable[[], None]] = []
        declared = {name: found.dataset for name, found in self._parts.declared.items()}
        decisions = SqlDecisions(place.home.stores.database)
        erasures = SqlErasures(place.home.stores.database)
        self.data = DataDesk(place.home.data, decisions, place.clock, declared, place.root, self._changed, erasures)
        super().__init__(LiveView(place.project, place.home.stores, self._parts.log, self._around))
        view = EndpointView(place.project, place.home.stores, self._parts.log, self._parts.servers)
        rewards = SqlRewards(place.home.stores.database)
        learning = Learning(releasing, rewards, self._parts.models, self._published)
        self.inbox = Inbox(self._parts.postbox, self._parts.journals, check=self._running)
        self.traffic = TrafficDesk(view, self._steering, self._parts.log, rewards, place.clock, learning, self._columns)
        self._loop.learn = learning.learn_all
        self._plan: ServingPlan | None = None
        self._planning = threading.Lock()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, settings: Settings, *, failed: Callable[[BaseException], None]) -> Control:
        """The control plane of the settings' home; nothing runs yet.

        Raises:
            FlyballError: the project file is wrong, or the home cannot be opened.
        """
        if settings.project is None:
            raise NoProjectError("A loop")
        clock = open_clock(settings.home)
        executor = ExecutorPool([ProcessExecutor(), ProcessExecutor()])
        home = Home.open(settings.home, clock=clock, executor=executor, actor=SYSTEM)
        home.stores.database.own(f"flyball up {settings.project.name}")
        catch_up(clock, home)
        place = Place(
            home=home,
            project=load_project(settings.project),
            project_file=settings.project.resolve(),
            clock=clock,
            timer=MonotonicTimer(),
            abort=executor.abort,
            rest=executor.rest,
            epoch=settings.epoch,
        )
        return cls(settings, place, failed=failed)

    def begin(self) -> None:
        """Open the loop and let it run, in a thread of its own."""
        self._thread = threading.Thread(target=self._begin, name="opening", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        try:
            self._loop.open(self._around.tell)
            self._plan = self._loop.publish()
            self._loop.start()
        except BaseException as error:  # noqa: BLE001  the rim of the thread; who waits for it is told
            if not self._loop.stop.is_set():
                self._failed(error)
            return
        self._around.ready.set()

    @property
    def begun(self) -> bool:
        """Whether the loop has been opened, so that neither project nor data can be what is wrong."""
        return self._around.ready.is_set()

    def close(self) -> None:
        """End everything; idempotent."""
        self._loop.stop.set()
        self._place.abort()
        if self._thread is not None:
            self._thread.join()
        try:
            self._loop.close()
        finally:
            self._place.home.close()

    # -- what is looked at, beside what the view tells

    def find_catalogue(self) -> Catalogue | None:
        """The tables that queries see."""
        return catalogue_of(self._place.home)

    def get_prediction(self, prediction: str) -> Json:
        self._parts.log.drain()
        return self._view.get_prediction(prediction)

    def list_datasets(self) -> Json:
        return self.data.list_datasets()

    def find_parity(self) -> Json:
        return {"report": self._loop.parity.find()}

    # -- what changes something

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        releasing = self._steering.releasing
        return self._steering.carry_out(endpoint, lambda: releasing.promote(endpoint, version, deed=deed), deed=deed)

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        releasing = self._steering.releasing
        return self._steering.carry_out(endpoint, lambda: releasing.rollback(endpoint, deed=deed), deed=deed)

    def push_rows(self, dataset: str, rows: Body, *, key: str | None, visible: bool) -> Json:
        return self._running().parts.intake.push(dataset, rows, key=key, visible=visible)

    def pull_dataset(self, dataset: str, *, deed: Deed) -> Json:
        del deed
        found = self._running().parts.intake.pull(dataset)
        self._changed()
        return found

    def run_parity(self, *, deed: Deed) -> Json:
        return {"report": self._running().parity.run(actor=deed.actor)}

    def listen(self, told: Callable[[], None]) -> None:
        self._listeners.append(told)

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> ServingPlan | None:
        if server is not None:
            self._parts.servers.heard(server, revision, refusal=refusal)
            if self._around.ready.is_set():
                self._loop.scheduler.wake()
        plan = self._current()
        if plan is None or plan.revision == revision:
            return None
        if server is not None:
            self._parts.servers.given(server, plan.revision)
        return plan

    def _running(self) -> LiveLoop:
        if not self._around.ready.is_set():
            raise StartingError(self._around.get_phase())
        return self._loop

    def _changed(self) -> None:
        if self._around.ready.is_set():
            self._loop.scheduler.wake()

    def _columns(self, endpoint: str) -> Collection[str]:
        """The columns of an endpoint's rows, as its champion knows them."""
        plan = self._current()
        found = next((here for here in plan.endpoints if here.endpoint == endpoint), None) if plan is not None else None
        rows = {model.serves_at: model.rows.name for model in self._place.project.models}.get(endpoint)
        if found is None or found.champion is None or rows is None:
            return ()
        return found.get(found.champion).schemas.get(rows, {})

    def _published(self) -> int | None:
        """The revision of the plan that stands, which those who wait for one have been told of; None where nobody can get it yet."""
        self._changed()
        if not self._around.ready.is_set():
            return None
        for told in self._listeners:
            told()
        return self._parts.planner.revision()

    def _current(self) -> ServingPlan | None:
        if not self._around.ready.is_set():
            return self._plan
        with self._planning:
            if self._plan is None or self._plan.revision != self._parts.planner.revision():
                self._plan = self._loop.publish()
            return self._plan
