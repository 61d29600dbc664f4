"""The loop of a home, running: what is opened at the start, and the threads that keep it going until it is closed.

::

    scheduler   settles events, fires timers, closes boundaries
    workers     carry out deeds, one thread in lockstep, else one for trainings and one for all else; and compare served vectors
    chores      applies pushed rows, looks at sources, ships predictions, watches guardrails and resources

A thread that fails ends the process, which its supervisor starts again: everything is found again in the home.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import polars as pl

from flyball.app.chores import Chores
from flyball.app.livemodel import Ground, LiveModel
from flyball.app.liveparts import LiveParts
from flyball.app.location import CODE, CODE_IN_USE
from flyball.app.parity import KIND as PARITY
from flyball.app.parity import ParityKind
from flyball.app.parity import lane_of as parity_lane
from flyball.app.pulls import TimedPulls
from flyball.app.scheduler import Scheduler, Work
from flyball.app.settings import write_json
from flyball.core.errors import FlyballError
from flyball.core.ids import Digest
from flyball.features import FeatureSet
from flyball.loop.catalogue import record_features
from flyball.loop.check import check_lead
from flyball.loop.conductor import KIND, Conductor
from flyball.loop.deedkind import DeedKind
from flyball.loop.definition import Declared, datasets_of, with_inputs
from flyball.loop.ingestion import ingest_declared
from flyball.loop.livepast import LivePasts, Workshop
from flyball.loop.model import Model
from flyball.loop.projectfile import load_project
from flyball.pipelines.jobs import JobWorker, Kind
from flyball.provenance import code_version
from flyball.provenance.snapshot import pack, unpack
from flyball.registry import RegistryService
from flyball.serving.plan import ServingPlan, VersionPlan
from flyball.serving.rowform import kind_of

PULL_SECONDS = 5.0
"""So long a home that is closed waits for a pull under way, which may be killed at any moment."""
TRAINING = "training"
"""The second part of the lane that trainings have for themselves."""

_LOG = logging.getLogger(__name__)


class LiveLoop:
    """One per home, under the home's lock. Open it, start it, close it."""

    def __init__(self, parts: LiveParts, *, failed: Callable[[BaseException], None]) -> None:
        """`failed` is told what ended a thread that must not end."""
        self.parts, self.place, self._failed = parts, parts.place, failed
        self.stop = threading.Event()
        self.parity = ParityKind(parts)
        self._threads: list[threading.Thread] = []
        self._pulls: list[threading.Thread] = []
        self._publishing = threading.Lock()
        self._compiled: dict[str, FeatureSet] = {}
        self.learn: Callable[[], object] = int  # what lets bandits learn, once somebody steers

    def open(self, told: Callable[[str], None]) -> None:
        """Read what there is, and stand where the last loop of this home stood; `told` hears what takes long.

        Raises:
            FlyballError: the project does not fit its data, or a source cannot be read that was never read before.
        """
        place, home = self.place, self.place.home
        for model in place.project.models:
            check_lead(model)
            told("reading data")
            self._read({name: self.parts.declared[name] for name in with_inputs(datasets_of(model).values())}, told)
        self.parts.postbox.open()
        used = {name for model in place.project.models for name in with_inputs(datasets_of(model).values())}
        for name, declared in self.parts.declared.items():
            if name not in used:
                self._read_beside(declared, told)
        self.parts.online.open()
        self.parts.intake.apply_all()
        code = home.blobs.put(pack(place.root))
        write_json(home.path / CODE_IN_USE, {"code": code})
        ground = Ground(
            home=home,
            project_file=place.project_file,
            code=code,
            code_version=code_version(place.root),
            log=self.parts.log,
            labels=self.parts.intake.history,
            steps=home.steps,
        )
        for model in place.project.models:
            told(f"preparing {model.name}")
            self.parts.models[model.name] = self._model(model, ground)
        self.conductor = self._conductor()
        self.publish()

    def _read(self, datasets: Mapping[str, Declared], told: Callable[[str], None]) -> None:
        """Take in what the sources have. Where that cannot be done, a home that has been at work goes on with what it accepted."""
        place, home = self.place, self.place.home
        try:
            ingest_declared(datasets, home.data, root=place.root, progress=lambda _, text: told(text), known_by=place.epoch)
        except FlyballError as error:
            if any(home.data.find_accepted(name) is None for name in datasets):
                raise
            self._tell_unread(error)

    def _read_beside(self, declared: Declared, told: Callable[[str], None]) -> None:
        """A dataset that no model uses keeps no model from work, whatever is wrong with its source."""
        try:
            self._read({declared.dataset.name: declared}, told)
        except FlyballError as error:
            self._tell_unread(error)

    def _tell_unread(self, error: FlyballError) -> None:
        _LOG.warning("The datasets are as they were: %s", error)
        recorder = self.place.home.stores.journal.recorder
        recorder.record("chore.failed", "home", data={"chore": "reading sources", "why": str(error)})

    def start(self) -> None:
        """Let time go on."""
        self.scheduler = Scheduler(
            self.conductor,
            Work(self.place.home.stores.jobs, self._lanes()),
            clock=self.place.clock,
            boundaries=self.parts.online,
            servers=self.parts.servers,
        )
        self.workers = self._workers()
        self.chores = Chores(self.parts, self.scheduler.wake, learn=self.learn)
        self._run("scheduler", self.scheduler.run)
        for number, worker in enumerate(self.workers):
            self._run(f"worker-{number}", worker.run)
        self._run("waker", self._wake)
        self._run("chores", self.chores.run)
        self._pull()

    def _pull(self) -> None:
        """A thread for each source that says how often it is asked; none of them is waited for long, for a pull may end anywhere."""
        place = self.place
        pulls = TimedPulls(
            self.parts.declared, self.parts.intake, clock=place.clock, timer=place.timer, recorder=place.home.stores.journal.recorder
        )
        for name in pulls.names:
            work = partial(pulls.run, name, stop=self.stop, wake=self.scheduler.wake)
            thread = threading.Thread(target=work, name=f"pull-{name}", daemon=True)
            self._pulls.append(thread)
            thread.start()
        for name in () if place.lockstep else self.parts.streams.names:
            self._run(f"stream-{name}", partial(self.parts.streams.run, name=name))

    def publish(self) -> ServingPlan:
        """The present plan, whose versions' look-ups are in the online store from now on.

        Raises:
            FlyballError: a deployed version cannot be served, or the store cannot be written.
        """
        with self._publishing:
            plan = self.parts.planner.make()
            wanted = {live.features.fingerprint: live.features for live in self.parts.models.values()}
            for endpoint in plan.endpoints:
                for version in endpoint.versions:
                    if version.code is not None and version.features is not None and version.features not in wanted:
                        if version.features not in self._compiled:
                            self._compiled[version.features] = self._older(endpoint.model, version, code=version.code)
                        wanted[version.features] = self._compiled[version.features]
            self._compiled = {name: found for name, found in self._compiled.items() if name in wanted}
            self.parts.online.serve(wanted)
            return plan

    def _older(self, model: str, version: VersionPlan, *, code: Digest) -> FeatureSet:
        """The features of a version that was trained under another definition, from the source that was kept with it."""
        place = self.place.home.path / CODE / code
        unpack(self.place.home.blobs.get(code), place)
        declared = load_project(place / version.project_file).get(model)
        schemas = {
            name: pl.Schema({column: kind_of(dtype).dtype for column, dtype in columns.items()})
            for name, columns in version.schemas.items()
        }
        return FeatureSet.compile(declared.features, declared.rows, schemas=schemas)

    def close(self) -> None:
        """End the threads and what they run; idempotent. What was under way goes on at the next start."""
        self.stop.set()
        self.place.abort()
        for thread in self._threads:
            thread.join()
        for thread in self._pulls:
            thread.join(PULL_SECONDS)
        try:
            self.parts.log.ship()
        except FlyballError as error:  # they lie in the journal, and are shipped at the next start
            _LOG.warning("The last predictions were not shipped: %s", error)
        self.parts.postbox.close()
        self.parts.journals.close()
        self.parts.streams.close()
        self.parts.live.close()
        self.parts.online.close()

    def _model(self, model: Model, ground: Ground) -> LiveModel:
        place, data, stores = self.place, ground.home.data, ground.home.stores
        datasets = datasets_of(model)
        schemas = {name: pl.Schema(data.get_contract(found, data.get_accepted(name).number).schema) for name, found in datasets.items()}
        features = FeatureSet.compile(model.features, model.rows, schemas=schemas)
        record_features(model, features, log=stores.journal.log, recorder=stores.journal.recorder)
        journal = stores.journal
        registry = RegistryService(stores.registry, transactions=journal.transactions, recorder=journal.recorder)
        workshop = Workshop(place.project_file, data, ground.steps, ground.home.blobs, registry, place.clock)
        return LiveModel.open(model, features, ground=ground, pasts=LivePasts(model, workshop, refresh=self.parts.intake.refresh))

    def _conductor(self) -> Conductor:
        stores = self.place.home.stores
        specs = {name: live.begin() for name, live in self.parts.models.items()}
        conductor = Conductor(specs, journal=stores.journal, queue=stores.jobs, positions=stores.positions, lockstep=self.place.lockstep)
        conductor.replay()
        return conductor

    def _lanes(self) -> list[str]:
        return [f"model/{name}" for name in self.parts.models]

    def _workers(self) -> list[JobWorker]:
        lanes = self._lanes()
        parity = [parity_lane(name) for name in self.parts.models]
        shares = [lanes, parity] if self.place.lockstep else [lanes, [f"{lane}/{TRAINING}" for lane in lanes], parity]
        return [self._worker(share, f"control-{number}") for number, share in enumerate(shares)]

    def _worker(self, lanes: Sequence[str], name: str) -> JobWorker:
        stores = self.place.home.stores
        stores.jobs.recover_of(name)
        deeds = DeedKind({model: live.worker() for model, live in self.parts.models.items()}, stores.journal.log)
        kinds: Mapping[str, Kind] = {KIND: deeds, PARITY: self.parity}
        return JobWorker(stores.jobs, kinds, transactions=stores.database, timer=self.place.timer, lanes=lanes, name=name)

    def _wake(self, stop: threading.Event) -> None:
        """Workers look when the scheduler has given them something."""
        while not stop.is_set():
            if self.scheduler.moved.wait(0.5):
                self.scheduler.moved.clear()
                for worker in self.workers:
                    worker.wake()

    def _run(self, name: str, work: Callable[[threading.Event], None]) -> None:
        def guarded() -> None:
            try:
                work(self.stop)
            except BaseException as error:  # noqa: BLE001  the rim of a thread: the process must not go on without it
                if not self.stop.is_set():
                    _LOG.exception("The %s has failed", name)
                    self._failed(error)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
