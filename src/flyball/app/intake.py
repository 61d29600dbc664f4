"""Rows of a live home: taken at the door, applied to datasets and histories, and seen by features and labels.

One lock for all that changes datasets: pushed rows, files that changed, and what a training wants up to date before it begins.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.online import Online
from flyball.app.pulling import pulled
from flyball.app.streams import Streams
from flyball.core.clock import Clock, Timer
from flyball.core.errors import FlyballError, UnknownNameError
from flyball.data.bodies import Body
from flyball.data.declared.streams import LiveSource, PushSource
from flyball.data.derivation.source import DerivedSource, inputs_of
from flyball.data.live import LiveRows
from flyball.data.model import Dataset, VersionState
from flyball.data.service import DataService
from flyball.data.watching import SourceWatch
from flyball.loop.definition import Declared

AGAIN_SECONDS = 30.0
"""How long after a source could not be read it is read again, unless its files change sooner: reading may take as long as it likes."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watched:
    """The clocks, and the directory that sources are relative to; whether `sources` are looked at again after the start; its streams."""

    clock: Clock
    timer: Timer
    root: Path
    sources: bool
    streams: Streams | None = None


class Intake:
    """Thread-safe. Not to be called inside a transaction."""

    def __init__(self, declared: Mapping[str, Declared], data: DataService, *, live: LiveRows, online: Online, watched: Watched) -> None:
        self._declared, self._data, self._live = dict(declared), data, live
        self._online, self._clock, self._root = online, watched.clock, watched.root
        self._watch = SourceWatch(watched.timer) if watched.sources else None
        self._timer, self._streams = watched.timer, watched.streams
        self._lock = threading.RLock()
        self._stands: dict[str, int] = {}  # dataset → the accepted version that memory has
        self._built: dict[str, tuple[tuple[int, str], ...]] = {}  # derived dataset → what it was built of last
        self._seen: dict[str, tuple[int, str]] = {}
        self._broken: dict[str, tuple[float, FlyballError]] = {}  # dataset → when its source was read in vain, and why

    def push(self, name: str, rows: Body, *, key: str | None, visible: bool) -> dict[str, Any]:
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
            self._online.catch_up()
        return {
            "accepted": taken.accepted,
            "quarantined": [dict(row) for row in taken.quarantined],
            "unexpected": list(taken.unexpected),
            "duplicate": taken.duplicate,
        }

    def pull(self, name: str) -> dict[str, Any]:
        """Take in what is new in the dataset's source, whatever was seen of it: `pull_row` of the version that holds it.

        Rows of what is new are known from now on, as of what is found by itself. What a derived one comes from is pulled before.

        Raises:
            UnknownNameError: no dataset is called so.
            FlyballError: the source cannot be read; the dataset is as it was.
        """
        if name not in self._declared:
            raise UnknownNameError("dataset", name, known=self._declared)
        for source in inputs_of(self._declared[name].dataset):
            if isinstance(source.source, PushSource):
                self._apply(source)
            else:
                self.pull(source.name)
        if self._streams is not None and name in self._streams.names:
            self._streams.drain(name)
            self._apply(self._declared[name].dataset)
        now = self._clock.now()
        known_by = now if self._watch is None else None  # beyond a scaled clock nothing has happened yet
        # Not under the lock: a source may take its time, and ingests of a dataset take turns by themselves.
        found = pulled(self._data, self._declared[name], root=self._root, arrival=now, known_by=known_by)
        with self._lock:
            self._standing(name)
            self._see(name)
        self._online.catch_up()
        return found

    def apply_all(self) -> bool:
        """Apply what was pushed to any dataset, and publish what could not be published before; whether there was anything.

        Raises:
            FlyballError: of a dataset whose rows cannot be applied; those of the others are.
        """
        try:
            return self._each(lambda found: self._apply(found.dataset))
        finally:
            self._online.catch_up()

    def refresh(self) -> None:
        """Bring every dataset up to date with what was pushed and what lies in its source.

        A source that cannot be read stays as it is: who looks at sources tells of it, and a training goes by what is accepted.
        """
        self.apply_all()
        try:
            self.look()
        except FlyballError as error:
            _LOG.warning("The datasets are as they were: %s", error)

    def look(self) -> bool:
        """Take in what is new in the sources, and what a person's decision made part of a dataset; whether there was anything.

        Rows that come so late are known from now on.

        Raises:
            FlyballError: a source cannot be read; its dataset is as it was, the others are up to date.
        """
        return self._each(self._look)

    def history(self, name: str) -> pl.DataFrame:
        """What of the dataset is in memory; of one that labels come from, all."""
        return self._online.history(name)

    def _each(self, work: Callable[[Declared], bool]) -> bool:
        done, failures = False, list[FlyballError]()
        for found in self._declared.values():
            try:
                done |= work(found)
            except FlyballError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return done

    def _look(self, found: Declared) -> bool:
        name = found.dataset.name
        with self._lock:
            if isinstance(found.dataset.source, DerivedSource):
                self._derive(found)
            elif self._watch is not None and not isinstance(found.dataset.source, LiveSource):
                self._ingest(found, self._watch)
            return self._see(name)

    def _see(self, name: str) -> bool:
        """Read the dataset anew where it has a version that did not come by a push; whether it has."""
        newer = [found for found in self._data.versions.list(name, after=self._standing(name)) if found.state is VersionState.ACCEPTED]
        others = not all(version.is_pushed for version in newer)
        if others:
            self._online.reload(name)
        if newer:
            self._stands[name] = newer[-1].number
        return others

    def _ingest(self, found: Declared, watch: SourceWatch) -> None:
        dataset = found.dataset
        if not watch.changed(dataset, self._root):
            if dataset.name in self._broken:
                self._try_again(dataset, watch)
            return
        self._broken.pop(dataset.name, None)
        try:
            self._data.ingest(dataset, root=self._root, history=found.history, cause=None, arrival=self._clock.now())
        except FlyballError as error:
            self._broken[dataset.name] = (self._timer.seconds(), error)
            raise

    def _derive(self, found: Declared) -> None:
        """Build what is derived of datasets that have news; they come before it among what is declared."""
        dataset = found.dataset
        stand = tuple(self._newest(source.name) for source in inputs_of(dataset))
        broken = self._broken.get(dataset.name)
        if self._built.get(dataset.name) == stand:
            if broken is None:
                return
            if self._timer.seconds() - broken[0] < AGAIN_SECONDS:
                raise broken[1].with_traceback(None)
        self._built[dataset.name] = stand
        self._broken.pop(dataset.name, None)
        now = self._clock.now()
        try:
            self._data.ingest(
                dataset, root=self._root, history=found.history, cause=None, arrival=now, known_by=now if self._watch is None else None
            )
        except FlyballError as error:
            self._broken[dataset.name] = (self._timer.seconds(), error)
            raise

    def _newest(self, name: str) -> tuple[int, str]:
        """The dataset's newest version, and its state."""
        before, _ = self._seen.get(name, (0, ""))
        newer = self._data.versions.list(name, after=max(0, before - 1))
        if newer:
            self._seen[name] = (newer[-1].number, str(newer[-1].state))
        return self._seen.get(name, (0, ""))

    def _try_again(self, dataset: Dataset, watch: SourceWatch) -> None:
        since, error = self._broken[dataset.name]
        if self._timer.seconds() - since < AGAIN_SECONDS:
            raise error.with_traceback(None)
        watch.forget(dataset)  # its next look tells of everything

    def _apply(self, dataset: Dataset) -> bool:
        with self._lock:
            self._standing(dataset.name)
            waits = self._live.pending(dataset) > 0
            if waits:
                self._live.apply(dataset)
            rows = self._live.take(dataset)  # also those of an `apply` that failed half-way
            if rows is not None:
                self._online.add(dataset.name, rows)
            if waits:
                self._see(dataset.name)
            return waits or rows is not None

    def _standing(self, name: str) -> int:
        if name not in self._stands:
            accepted = self._data.find_accepted(name)
            self._stands[name] = 0 if accepted is None else accepted.number
        return self._stands[name]
