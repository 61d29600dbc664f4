"""The journals of a home's pushed rows, opened as its settings say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flyball.app.durability import Durability
from flyball.app.home import Home
from flyball.app.location import ROWS
from flyball.data.live import LiveRows
from flyball.storage._localjournal import LocalJournal

ROWS_BYTES = 1 << 30
"""So much of a dataset's pushed rows may wait until they can be applied; more are refused with 503."""


def open_live(home: Home, *, root: Path, environment: Mapping[str, str]) -> LiveRows:
    """The rows that the home is sent; no journal is opened yet. Contracts may lie in the project's directory `root`."""
    durable, rows = Durability.of(environment), home.path / ROWS

    def journal(name: str) -> LocalJournal:
        return LocalJournal.write(rows / name, limit_bytes=ROWS_BYTES, fsync=durable.fsync(name))

    return LiveRows(home.data, home.stores.pushes, journals=journal, root=root)
