"""Rows of a live home: taken at the door, applied to datasets and histories, and seen by features and labels.

One lock for all that changes datasets: pushed rows, files that changed, and what a training wants up to date before it begins.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.online import Online
from flyball.core.clock import Clock, Timer
from flyball.core.errors import UnknownNameError
from flyball.data.live import LiveRows
from flyball.data.model import Dataset, VersionState
from flyball.data.service import DataService
from flyball.data.watching import SourceWatch


@dataclass(frozen=True)
class Declared:
    """A dataset of the project, and the first history that its contract is inferred from."""

    dataset: Dataset
    history: timedelta


@dataclass(frozen=True)
class Watched:
    """The clocks, and the directory that sources are relative to; whether `sources` are looked at again after the start."""

    clock: Clock
    timer: Timer
    root: Path
    sources: bool


class Intake:
    """Thread-safe. Not to be called inside a transaction."""

    def __init__(self, declared: Mapping[str, Declared], data: DataService, *, live: LiveRows, online: Online, watched: Watched) -> None:
        self._declared, self._data, self._live = dict(declared), data, live
        self._online, self._clock, self._root = online, watched.clock, watched.root
        self._watch = SourceWatch(watched.timer) if watched.sources else None
        self._lock = threading.RLock()

    def push(self, name: str, rows: Sequence[Mapping[str, Any]], *, key: str | None, visible: bool) -> dict[str, Any]:
        """Take rows; with `visible`, return when features and labels see them.

        Raises:
            UnknownNameError: no dataset is called so.
            FlyballError: see `LiveRows.accept`.
        """
        if name not in self._declared:
            raise UnknownNameError("dataset", name, known=self._declared)
        dataset = self._declared[name].dataset
        taken = self._live.accept(dataset, rows, key=key, at=self._clock.now())
        if visible:
            self._apply(dataset)
        return {
            "accepted": taken.accepted,
            "quarantined": [dict(row) for row in taken.quarantined],
            "unexpected": list(taken.unexpected),
            "duplicate": taken.duplicate,
        }

    def apply_all(self) -> bool:
        """Apply what was pushed to any dataset; whether there was anything."""
        return sum(self._apply(found.dataset) for found in self._declared.values()) > 0

    def refresh(self) -> None:
        """Bring every dataset up to date with what was pushed and what lies in its source."""
        self.apply_all()
        self.look()

    def look(self) -> bool:
        """Ingest what is new in the sources; whether there was anything. Rows that come so late are known from now on.

        Raises:
            FlyballError: a source cannot be read; the dataset is as it was.
        """
        return sum(self._look(found) for found in self._declared.values()) > 0

    def _look(self, found: Declared) -> bool:
        dataset = found.dataset
        with self._lock:
            if self._watch is None or not self._watch.changed(dataset, self._root):
                return False
            before = self._data.find_accepted(dataset.name)
            version = self._data.ingest(dataset, root=self._root, history=found.history, cause=None, arrival=self._clock.now())
            if version.state is not VersionState.ACCEPTED or (before is not None and version.number == before.number):
                return False
            self._online.reload(dataset.name)
            return True

    def history(self, name: str) -> pl.DataFrame:
        """What of the dataset is in memory; of one that labels come from, all."""
        return self._online.history(name)

    def _apply(self, dataset: Dataset) -> bool:
        with self._lock:
            if not self._live.pending(dataset):
                return False
            self._live.apply(dataset)
            rows = self._live.take(dataset)
            if rows is not None:
                self._online.add(dataset.name, rows)
            return True
