"""One pull of one dataset, and what is said of it at every door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flyball.app.rows import dataset_row
from flyball.app.tending import tend_after
from flyball.data import DatasetVersion
from flyball.data.beginning import stand
from flyball.data.declared.streams import LiveSource
from flyball.data.rows import quarantine_name
from flyball.data.service import DataService
from flyball.loop.definition import Declared


def pulled(
    data: DataService, declared: Declared, *, root: Path, arrival: datetime | None = None, known_by: datetime | None = None
) -> dict[str, Any]:
    """Take in what is new in the dataset's source, and known by `known_by`: what `pull_row` says of the version that holds it.

    Raises:
        FlyballError: the source cannot be read; nothing was recorded.
    """
    name = declared.dataset.name
    before = len(data.list(name))
    if isinstance(declared.dataset.source, LiveSource):
        return pull_row(stand(declared.dataset, data, root=root), new=len(data.list(name)) > before)
    version = data.ingest(declared.dataset, root=root, history=declared.history, cause=None, arrival=arrival, known_by=known_by)
    if version.number > before:
        tend_after(data.tables, [version.table, quarantine_name(name)])
    return pull_row(version, new=version.number > before)


def pull_row(version: DatasetVersion, *, new: bool) -> dict[str, Any]:
    """The version as one row of a list, and whether it was made just now."""
    row: Mapping[str, Any] = dataset_row(version)
    return {**row, "new": new}
