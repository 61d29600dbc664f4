"""Graphs of a home's models: what their calls mean is looked up and fixed, and the whole is registered as a version of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flyball.app.byhand import find_version
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.places import Places
from flyball.app.stores import Stores
from flyball.core.clock import Clock, WallClock
from flyball.core.errors import NotFoundError
from flyball.core.ids import RandomIds
from flyball.registry.adoption import AdoptedVersion, ModelAdoption
from flyball.registry.registered import VersionFile
from flyball.runtimes.graphfile import GRAPH
from flyball.runtimes.packing import Packed
from flyball.serving.byhand import FoundVersion, ModelReference, packed_of
from flyball.serving.graphs.model import Graph, GraphSpec
from flyball.serving.graphs.opening import files_of
from flyball.storage.blobs import BlobStore
from flyball.storage.events import EventLog


class NoGraphError(NotFoundError):
    """A version that is no graph."""

    code = "no-graph"

    def __init__(self, reference: ModelReference) -> None:
        super().__init__(f"{reference} is no graph: there is no {GRAPH} among its files. Register one with `flyball graph add FILE`.")


@dataclass(frozen=True)
class Graphs:
    """The graphs of one home, for one person."""

    keeping: Keeping
    blobs: BlobStore
    log: EventLog
    clock: Clock
    actor: str

    @classmethod
    @contextmanager
    def at_home(cls, home: Path, *, actor: str) -> Iterator[Graphs]:
        """The graphs of the home, which is closed afterwards.

        Raises:
            FlyballError: it cannot be opened.
        """
        stores = Stores.at_home(home, clock=WallClock(), ids=RandomIds(), actor=actor)
        try:
            blobs = Places.of(home, os.environ).open_blobs(home)
            yield cls(open_keeping(stores, blobs), blobs, stores.journal.log, WallClock(), actor)
        finally:
            stores.close()

    def add(self, graph: Graph) -> int:
        """The number of the version that the graph became; registered again without a change it is the same.

        It may run the code of its models as each of them may.

        Raises:
            NotFoundError: a call means no version.
            FlyballError: a model cannot be served, or the graph cannot be.
        """
        name, models = graph.name, {step.name: self._packed(step.model) for step in graph.spec().calls}
        run_code = any(packed.manifest.carries_code for _, packed in models.values())  # what may not be run was refused
        archives = {step: (model, packed.archived()) for step, (model, packed) in models.items()}
        files = [self._kept(path, data, run_code=run_code) for path, data in sorted(files_of(graph, archives).items())]
        adoption, now = ModelAdoption(self.keeping.parts, actor=self.actor), round(self.clock.now().timestamp() * 1000)
        adoption.put_model(name, description="A graph of models.", tags={}, created_ms=now)
        latest = max((version.number for version in self.keeping.registry.latest_versions(name)), default=0)
        for number in (latest, latest + 1) if latest else (1,):
            version = AdoptedVersion(
                number=number, source="graph", files=files, principal=self.actor, may_run_code=run_code, created_ms=now
            )  # fmt: skip
            if adoption.put_version(name, version):
                return number
        return self.add(graph)  # another has taken the number meanwhile

    def get(self, reference: ModelReference) -> tuple[int, GraphSpec]:
        """A registered graph, and its version's number.

        Raises:
            NotFoundError: there is no such version, or it is no graph.
        """
        found = find_version(self.keeping, self.log, reference=reference, content=self.blobs)
        file = next((file for file in found.files if file.path == GRAPH), None)
        if file is None:
            raise NoGraphError(reference)
        return found.number, GraphSpec.decode(self.blobs.get(file.digest))

    def _packed(self, model: str) -> tuple[str, Packed]:
        reference = ModelReference.parse(model)
        found: FoundVersion = find_version(self.keeping, self.log, reference=reference, content=self.blobs)
        return f"models:/{found.name}/{found.number}", packed_of(found, self.blobs)

    def _kept(self, path: str, data: bytes, *, run_code: bool) -> VersionFile:
        digest = self.blobs.put(data)
        return VersionFile(path=path, digest=digest, size_bytes=len(data), uploader=self.actor, may_run_code=run_code)
