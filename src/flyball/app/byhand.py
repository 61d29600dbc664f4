"""Versions of a home's registry, found, checked and laid out for a model server of their own.

::

    HOME/serving/byhand/PORT.json  the plan of the server that has this port    HOME/serving/byhand/blobs/  what the plans name
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from flyball.app.keeping import Keeping, open_keeping
from flyball.app.places import Places
from flyball.app.referring import resolve
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.errors import InvalidError
from flyball.core.ids import Digest, RandomIds
from flyball.registry.registered import VersionFile
from flyball.runtimes.model import Files
from flyball.serving.byhand import FoundVersion, ModelReference, serving_plan, version_plan
from flyball.serving.converting import get_conversion
from flyball.serving.plan import ServingPlan
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import os_errors
from flyball.storage.events import EventLog

BY_HAND = Path("serving", "byhand")


@dataclass(frozen=True, slots=True)
class FetchedVersion:
    """A version of another server, with all its files."""

    name: str
    number: int
    files: Files


class OneEndpointError(InvalidError):
    """Two versions that would answer under one name."""

    code = "one-endpoint"

    def __init__(self, first: str, second: str) -> None:
        super().__init__(
            f"models:/{first} and models:/{second} would answer at one endpoint. Serve each by a command and at a --port of its own."
        )


def lay_out(home: Path, references: Sequence[ModelReference], *, port: int, actor: str) -> tuple[Path, ServingPlan]:
    """The plan that serves these versions of the home, kept as a file with what it names beside it.

    Raises:
        NotFoundError: there is no such model, version or alias.
        VersionTamperedError: a version is not what was signed when it was made.
        OneEndpointError: two versions of one model are among them.
        FlyballError: a version is no model that can be served; the sentence says why, and what would allow it.
    """
    stores = Stores.at_home(home, clock=WallClock(), ids=RandomIds(), actor=actor)
    try:
        content = Places.of(home, os.environ).open_blobs(home)
        keeping = open_keeping(stores, content)
        found = [find_version(keeping, stores.journal.log, reference=reference, content=content) for reference in references]
        into = LocalBlobs(home / BY_HAND / "blobs")
        plan = _plan(found, content, into=into)
    finally:
        stores.close()
    return _kept(plan, home, port=port), plan


def lay_out_fetched(home: Path, versions: Sequence[FetchedVersion], *, port: int, run_code: bool) -> tuple[Path, ServingPlan]:
    """The plan that serves versions of another server, kept as `lay_out` does; `home` is made where there is none.

    `run_code` is this person's word that they trust what carries code: what the other server allows its uploaders counts there alone.

    Raises:
        FlyballError: as `lay_out`.
    """
    with os_errors(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)  # a home is its owner's alone
    into = LocalBlobs(home / BY_HAND / "blobs")
    found = []
    for fetched in versions:
        files = [
            VersionFile(path=path, digest=into.put(data), size_bytes=len(data), may_run_code=run_code)
            for path, data in sorted(fetched.files.items())
        ]
        found.append(FoundVersion(name=fetched.name, number=fetched.number, files=files))
    plan = _plan(found, into, into=into)
    return _kept(plan, home, port=port), plan


def _plan(found: Sequence[FoundVersion], content: BlobStore, *, into: LocalBlobs) -> ServingPlan:
    named: dict[str, FoundVersion] = {}
    for version in found:
        other = named.setdefault(version.name, version)
        if other.number != version.number:
            raise OneEndpointError(f"{other.name}/{other.number}", f"{version.name}/{version.number}")
    return serving_plan({name: version_plan(version, content, into=into) for name, version in named.items()})


def _kept(plan: ServingPlan, home: Path, *, port: int) -> Path:
    path = home / BY_HAND / f"{port}.json"
    with os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plan.encode())
    _forget_unnamed(path.parent, LocalBlobs(path.parent / "blobs"))
    return path


def find_version(keeping: Keeping, log: EventLog, *, reference: ModelReference, content: BlobStore) -> FoundVersion:
    """The version that is meant, whose signature holds.

    Raises:
        NotFoundError: there is none.
        VersionTamperedError: it is not what was signed when it was made.
    """
    registry, name = keeping.registry, reference.name
    number = resolve(registry, reference)
    registry.download_uri(name, number)  # it is what was signed, or goes no further
    files, found = registry.list_files(name, number), get_conversion(log, name, number=number)
    converted = None if found is None or found.verdict != "converted" else found.digest
    if found is None or (converted is not None and not content.exists(converted)):  # a sweep has freed it; the original is still there
        return FoundVersion(name=name, number=number, files=files)
    refused = found.reason if found.verdict == "refused" else ""
    return FoundVersion(name=name, number=number, files=files, converted=converted, cost=found.cost, kept=found.kept, refused=refused)


def _forget_unnamed(place: Path, blobs: LocalBlobs) -> None:
    """What no plan names any more was of a server that has been started anew."""
    named: set[Digest] = set()
    for path in place.glob("*.json"):
        with suppress(OSError, msgspec.DecodeError):
            plan = ServingPlan.decode(path.read_bytes())
            named |= {version.model_digest for endpoint in plan.endpoints for version in endpoint.versions}
    for digest in list(blobs.list()):
        if digest not in named:
            blobs.delete(digest)
