"""Bringing a model's datasets up to date, and their histories to where steps can read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from flyball.core.ids import Digest
from flyball.data import Dataset, DatasetVersion
from flyball.data.beginning import stand
from flyball.data.declared.streams import LiveSource
from flyball.data.errors import VersionHeldError
from flyball.data.model import VersionState
from flyball.data.service import DataService
from flyball.loop.definition import Declared, datasets_of, with_inputs
from flyball.loop.model import Model
from flyball.storage.blobs import BlobStore

Told = Callable[[float, str], None]


def ingest_all(
    model: Model, data: DataService, *, root: Path, progress: Told, known_by: datetime | None = None
) -> dict[str, DatasetVersion]:
    """Ingest every dataset of the model; what has not changed costs a look. The newest accepted version of each, by name.

    With `known_by`, rows that become known later are left where they are.

    Raises:
        VersionHeldError: too many rows of a dataset broke its contract, and nobody has accepted that version yet.
        FlyballError: a source that cannot be read; datasets before it keep their new versions.
    """
    declared = {name: Declared(dataset, model.length("history")) for name, dataset in with_inputs(datasets_of(model).values()).items()}
    return ingest_declared(declared, data, root=root, progress=progress, known_by=known_by)


def ingest_declared(
    declared: Mapping[str, Declared], data: DataService, *, root: Path, progress: Told, known_by: datetime | None = None
) -> dict[str, DatasetVersion]:
    """Ingest these datasets, as `ingest_all` does those of a model."""
    found: dict[str, DatasetVersion] = {}
    for done, (name, dataset) in enumerate(declared.items()):
        progress(done / len(declared), f"reading {name}")
        if isinstance(dataset.dataset.source, LiveSource):
            found[name] = stand(dataset.dataset, data, root=root)
            continue
        version = data.ingest(dataset.dataset, root=root, history=dataset.history, cause=None, known_by=known_by)
        if version.state is not VersionState.ACCEPTED:
            read = version.added + version.quarantined + version.duplicates
            raise VersionHeldError(name, version.number, state=version.state, broken=version.quarantined, read=read)
        found[name] = version
    rows = ", ".join(f"{name} {version.rows:,}" for name, version in found.items())
    progress(1.0, f"rows: {rows}")
    return found


def snapshot(
    datasets: Mapping[str, Dataset], data: DataService, *, blobs: BlobStore, versions: Mapping[str, int] | None = None
) -> dict[str, Digest]:
    """Each dataset's history as a blob that steps can name by its digest: that of its version in `versions`, or the latest accepted."""
    numbers = versions or {}
    return {name: blobs.put(_ipc(data, dataset, version=numbers.get(name))) for name, dataset in datasets.items()}


def _ipc(data: DataService, dataset: Dataset, *, version: int | None) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    data.history(dataset, version).write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()
