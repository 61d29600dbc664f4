"""What the registry's services are made from, as one value; and how they tell what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flyball.core.clock import Clock
from flyball.core.duration import microseconds
from flyball.core.events import Event
from flyball.core.ids import Ids
from flyball.data.store import VersionStore
from flyball.lineage import LineageStore
from flyball.registry.modelstore import ModelStore
from flyball.registry.sealing import Sealer
from flyball.registry.service import version_subject
from flyball.registry.sources import Artifacts, LoggedModels, Runs
from flyball.registry.store import RegistryStore
from flyball.registry.uses import Uses, nobody
from flyball.storage.blobs import BlobStore
from flyball.storage.events import EventLog
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions


@dataclass(frozen=True, kw_only=True)
class RegistryParts:
    """The stores and services below, of one database. `models` and `registry` are two views of the same versions.

    `uses` says who above uses a version.
    """

    models: ModelStore
    registry: RegistryStore
    transactions: Transactions
    log: EventLog
    clock: Clock
    ids: Ids
    lineage: LineageStore
    blobs: BlobStore
    runs: Runs
    logged: LoggedModels
    artifacts: Artifacts
    datasets: VersionStore
    sealer: Sealer | None = None
    uses: Uses = nobody


@dataclass(frozen=True)
class Teller:
    """Records what `actor` did, within the transaction that is open in the thread."""

    parts: RegistryParts
    actor: str
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        recorder = Recorder(self.parts.log, clock=self.parts.clock, ids=self.parts.ids, actor=self.actor)
        object.__setattr__(self, "recorder", recorder)

    def of_model(self, kind: str, name: str, *, facts: Mapping[str, Any] | None = None) -> Event:
        """What happened to the model."""
        return self.recorder.record(kind, f"model/{name}", data=facts or {})

    def of_version(self, kind: str, name: str, *, number: int, facts: Mapping[str, Any] | None = None) -> Event:
        """What happened to the version."""
        return self.recorder.record(kind, version_subject(name, number), data={"version": number, **(facts or {})})


def milliseconds(event: Event) -> int:
    """When it happened, since 1970 UTC."""
    return microseconds(event.time) // 1000
