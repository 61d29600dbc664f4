"""The parts of a live home, made once and held together: what its threads and its control plane share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from flyball.app.home import Home
from flyball.app.inbox import known_endpoint
from flyball.app.intake import Intake, Watched
from flyball.app.livemodel import LiveModel
from flyball.app.liverows import open_live
from flyball.app.logsecret import log_secret
from flyball.app.online import Online
from flyball.app.onlinestore import write_online
from flyball.app.plans import Planner
from flyball.app.postbox import Memory, Postbox
from flyball.app.predictionlog import open_log
from flyball.app.remotejournals import RemoteJournals
from flyball.app.servers import Servers
from flyball.app.streams import Streams
from flyball.app.watching import Watching
from flyball.core.clock import Clock, Timer
from flyball.data.histories import Histories
from flyball.data.live import LiveRows
from flyball.loop.definition import Declared, declared_in
from flyball.loop.model import Project
from flyball.registry._sqlmodels import SqlModels
from flyball.registry.admission import Admission
from flyball.serving._sqlposted import SqlPosted
from flyball.serving.hiding import Hiding
from flyball.serving.log import PredictionLog
from flyball.storage.clockfile import SharedClock


@dataclass(frozen=True)
class Place:
    """Where a loop runs: an open home, the project's file in its directory, and the two clocks.

    `abort` ends the steps under way, `rest` the processes that run none. On a scaled clock, which began at `epoch`, what sources hold
    beyond that has not happened: it comes as live rows or not at all.
    """

    home: Home
    project: Project
    project_file: Path
    clock: Clock
    timer: Timer
    abort: Callable[[], None]
    rest: Callable[[], None]
    epoch: datetime | None = None

    @property
    def root(self) -> Path:
        """The project's directory, which sources are relative to."""
        return self.project_file.parent

    @property
    def lockstep(self) -> bool:
        """Business time is scaled, and stands still while something is done."""
        return isinstance(self.clock, SharedClock)


@dataclass(frozen=True)
class LiveParts:
    """What a live home consists of. `models` fill up while the loop is opened; all else is there from the start."""

    place: Place
    log: PredictionLog
    live: LiveRows
    streams: Streams
    declared: Mapping[str, Declared]
    online: Online
    intake: Intake
    planner: Planner
    servers: Servers
    watching: Watching
    postbox: Postbox
    journals: RemoteJournals
    models: dict[str, LiveModel] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place) -> LiveParts:
        """The parts of the home; nothing is read yet.

        Raises:
            UnavailableError: the home cannot be written.
        """
        home, stores = place.home, place.home.stores
        live = open_live(home, root=place.root, environment=os.environ)
        declared = declared_in(place.project)
        labels = {model.label.dataset.name for model in place.project.models}
        datasets = {name: found.dataset for name, found in declared.items()}
        store = write_online(home.path, os.environ)
        online = Online(datasets, Histories(home.data), whole=labels, store=store, clock=place.clock)
        streams = Streams(declared, live, environment=os.environ, clock=place.clock, recorder=stores.journal.recorder)
        watched = Watched(place.clock, place.timer, place.root, sources=not place.lockstep, streams=streams)
        found: dict[str, LiveModel] = {}
        memory = Memory(SqlPosted(stores.database), stores.positions, stores.journal.transactions)
        postbox = Postbox(
            home.path, memory, known=lambda endpoint: known_endpoint(endpoint, found, releases=stores.releases),
            hiding=Hiding(partial(log_secret, home.path, os.environ)), clock=place.clock,
        )  # fmt: skip
        models = place.project.models
        admission = Admission(SqlModels(stores.database), stores.journal.log, stores.sealer)
        planner = Planner(
            models, place.project_file.name, stores.registry, stores.releases, stores.runs, home.data, home.blobs, admission=admission
        )
        return cls(
            place=place,
            log=open_log(home.path, home.tables, stores=stores),
            live=live,
            streams=streams,
            declared=declared,
            online=online,
            intake=Intake(declared, home.data, live=live, online=online, watched=watched),
            planner=planner,
            servers=Servers(planner, place.timer),
            watching=Watching(home.path, clock=place.clock, timer=place.timer),
            postbox=postbox,
            journals=RemoteJournals(home.path),
            models=found,
        )
