"""Bringing a model's datasets up to date, and their histories to where steps can read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flyball.core.ids import Digest
from flyball.data import Dataset, DatasetVersion
from flyball.data.service import DataService
from flyball.loop.definition import datasets_of
from flyball.loop.model import Model
from flyball.storage.blobs import BlobStore

Told = Callable[[float, str], None]


@dataclass(frozen=True)
class Ingested:
    """A model's data as of one moment: the version of each dataset, and each history as an Arrow IPC blob."""

    versions: Mapping[str, DatasetVersion]
    histories: Mapping[str, Digest]


def ingest_all(model: Model, data: DataService, *, root: Path, progress: Told) -> dict[str, DatasetVersion]:
    """Ingest every dataset of the model; what has not changed costs a look. The newest accepted version of each, by name.

    Raises:
        FlyballError: a source that cannot be read; datasets before it keep their new versions.
    """
    datasets = datasets_of(model)
    found: dict[str, DatasetVersion] = {}
    for done, (name, dataset) in enumerate(datasets.items()):
        progress(done / len(datasets), f"reading {name}")
        found[name] = data.ingest(dataset, root=root, history=model.length("history"), cause=None)
    rows = ", ".join(f"{name} {version.rows:,}" for name, version in found.items())
    progress(1.0, f"rows: {rows}")
    return found


def snapshot(datasets: Mapping[str, Dataset], data: DataService, *, blobs: BlobStore) -> dict[str, Digest]:
    """Each dataset's history as a blob that steps can name by its digest."""
    return {name: blobs.put(_ipc(data, dataset)) for name, dataset in datasets.items()}


def _ipc(data: DataService, dataset: Dataset) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    data.history(dataset).write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()
