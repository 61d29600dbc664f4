"""All of a home's tracking, as doors are given it."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.core.clock import Clock
from flyball.core.ids import Ids
from flyball.core.rand import Random
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder
from flyball.tracking.experiments import Experiments
from flyball.tracking.ledger import Ledger, open_ledger
from flyball.tracking.loggedmodels import LoggedModels
from flyball.tracking.metrics import Metrics
from flyball.tracking.runs import Runs


@dataclass(frozen=True)
class Tracking:
    """The services of one home; thread-safe."""

    experiments: Experiments
    runs: Runs
    metrics: Metrics
    models: LoggedModels

    @classmethod
    def of(cls, ledger: Ledger) -> Tracking:
        """The services that write into `ledger`."""
        return cls(Experiments(ledger), Runs(ledger), Metrics(ledger), LoggedModels(ledger))


def open_tracking(database: Database, *, clock: Clock, ids: Ids, random: Random, recorder: Recorder) -> Tracking:
    """The tracking that lies in `database`."""
    return Tracking.of(open_ledger(database, clock=clock, ids=ids, random=random, recorder=recorder))
