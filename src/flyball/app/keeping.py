"""What a home keeps for MLflow's clients, wired: runs, logged models, files and the registry."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flyball.app.stores import Stores
from flyball.app.versionuses import VersionUses
from flyball.core.clock import WallClock
from flyball.core.rand import SeededRandom
from flyball.registry._sqlmodels import SqlModels
from flyball.registry.models import Models
from flyball.registry.parts import RegistryParts
from flyball.storage.blobs import BlobStore
from flyball.tracking._artifacts_sqlstore import SqlArtifacts
from flyball.tracking.artifacts import Artifacts
from flyball.tracking.ledger import Ledger, open_ledger
from flyball.tracking.tracking import Tracking


@dataclass(frozen=True)
class Keeping:
    """The services of one home; thread-safe."""

    tracking: Tracking
    registry: Models
    artifacts: Artifacts
    ledger: Ledger
    parts: RegistryParts


def open_keeping(stores: Stores, blobs: BlobStore) -> Keeping:
    """The runs, models and files that lie in `stores` and `blobs`."""
    journal, database, clock, ids = stores.journal, stores.database, stores.clock, stores.ids
    random = SeededRandom(int.from_bytes(os.urandom(8)))  # for the names of runs that were given none
    ledger = open_ledger(database, clock=clock, ids=ids, random=random, recorder=journal.recorder)
    tracking = Tracking.of(ledger)
    # Uploads in parts end on real time: on a clock that runs 30,000 times as fast they would be over at once.
    artifacts = Artifacts(SqlArtifacts(database), blobs, transactions=journal.transactions, clock=WallClock(), ids=ids)
    models = SqlModels(database, stores.sealer)
    parts = RegistryParts(
        models=models,
        registry=stores.registry,
        transactions=journal.transactions,
        log=journal.log,
        clock=clock,
        ids=ids,
        lineage=stores.lineage,
        blobs=blobs,
        runs=tracking.runs,
        logged=tracking.models,
        artifacts=artifacts,
        datasets=stores.datasets,
        sealer=stores.sealer,
        uses=VersionUses(stores.releases, stores.jobs, models=models, lineage=stores.lineage, blobs=blobs),
    )
    return Keeping(tracking, Models(parts), artifacts, ledger, parts)
