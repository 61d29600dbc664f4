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
from flyball.storage.events import EventQuery

ODD_COLUMNS = ("unexpected_columns", "missing_columns")


def pulled(
    data: DataService, declared: Declared, *, root: Path, arrival: datetime | None = None, known_by: datetime | None = None
) -> dict[str, Any]:
    """Take in what is new in the dataset's source, and known by `known_by`: what `pull_row` says of the version that holds it.

    Raises:
        FlyballError: the source cannot be read; nothing was recorded.
    """
    name = declared.dataset.name
    before = _newest(data, name)
    if isinstance(declared.dataset.source, LiveSource):
        return pull_row(stand(declared.dataset, data, root=root), new=_newest(data, name) > before)
    version = data.ingest(declared.dataset, root=root, history=declared.history, cause=None, arrival=arrival, known_by=known_by)
    if version.number > before:
        tend_after(data.tables, [version.table, quarantine_name(name)])
    new = version.number > before
    return {**pull_row(version, new=new), **(_odd_columns(data, version) if new else {})}


def pull_row(version: DatasetVersion, *, new: bool) -> dict[str, Any]:
    """The version as one row of a list, and whether it was made just now; of a new one also the columns that fit no contract."""
    row: Mapping[str, Any] = dataset_row(version)
    return {**row, "new": new}


def _odd_columns(data: DataService, version: DatasetVersion) -> dict[str, Any]:
    asked = EventQuery(type="contract.warned", subject=f"dataset/{version.dataset}", since=version.ingested_at)
    found = [event.data for event in data.recorder.list(asked) if event.data.get("version") == version.number]
    return {name: columns for facts in found for name in ODD_COLUMNS if (columns := facts.get(name))}


def _newest(data: DataService, name: str) -> int:
    return max((version.number for version in data.versions.list_latest(name, limit=1)), default=0)
