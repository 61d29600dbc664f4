"""The rooms' services for one model over one database, wired the same in a home and in the worlds of a backtest."""

from __future__ import annotations

from typing import Protocol

from flyball.core.clock import Clock
from flyball.core.ids import Ids
from flyball.lineage import LineageStore
from flyball.loop.context import Services
from flyball.loop.controller import Journal
from flyball.loop.model import Model
from flyball.monitoring import WindowService, WindowStore
from flyball.registry import RegistryService, RegistryStore
from flyball.releases import Deployment, GatingService, ReleaseService, ReleaseStore
from flyball.storage.recorder import Recorder
from flyball.tracking import RunStore, TrackingService


class Shelf(Protocol):
    """The stores that services are made from."""

    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def lineage(self) -> LineageStore: ...
    @property
    def registry(self) -> RegistryStore: ...
    @property
    def releases(self) -> ReleaseStore: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def windows(self) -> WindowStore: ...


def services_of(model: Model, shelf: Shelf, *, environment: str, actor: str | None = None) -> Services:
    """Services that one thread uses; with an `actor`, what they record is told as done by it."""
    journal = shelf.journal
    recorder = journal.recorder if actor is None else Recorder(journal.log, clock=shelf.clock, ids=shelf.ids, actor=actor)
    transactions = journal.transactions
    registry = RegistryService(shelf.registry, transactions=transactions, recorder=recorder, lineage=shelf.lineage)
    place = Deployment(environment, model.serves_at, model.name)
    return Services(
        log=journal.log,
        recorder=recorder,
        transactions=transactions,
        registry=registry,
        gating=GatingService(registry, transactions=transactions, recorder=recorder),
        releases=ReleaseService(shelf.releases, registry, transactions=transactions, recorder=recorder, clock=shelf.clock, place=place),
        windows=WindowService(shelf.windows, transactions=transactions, recorder=recorder),
        runs=TrackingService(shelf.runs, transactions=transactions, recorder=recorder, clock=shelf.clock, ids=shelf.ids),
    )
