"""Online features of a home: recent histories in memory, and what is published of them for every feature set that serves.

Rows come in as they are applied; boundaries are closed as they pass. All of it is made anew from the tables at the next start.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import polars as pl

from flyball.core.clock import Clock
from flyball.core.ids import Digest
from flyball.data.histories import Histories
from flyball.data.model import Dataset
from flyball.features import FeatureSet
from flyball.features.materialise import Materialiser
from flyball.features.online import OnlineStore

PARTNERS = timedelta(days=90)
"""How long before a row its partner in a join may lie: a landing finds its flight, however late it lands."""


class Online:
    """Keeps what `Materialiser`s publish up to date. Thread-safe: one change at a time."""

    def __init__(
        self, datasets: Mapping[str, Dataset], histories: Histories, *, whole: Collection[str], store: OnlineStore, clock: Clock
    ) -> None:
        """The datasets `whole` are kept from their first row on, whatever views need of them."""
        self._datasets, self._histories, self._whole = dict(datasets), histories, frozenset(whole)
        self._store, self._clock = store, clock
        self._lock = threading.RLock()
        self._materialisers: dict[Digest, Materialiser] = {}
        self._late: set[str] = set()  # datasets with rows that could not be published yet

    def open(self) -> None:
        """Read the datasets that are kept whole."""
        with self._lock:
            for name in self._whole:
                self._histories.open(self._datasets[name], None)

    def serve(self, wanted: Mapping[Digest, FeatureSet]) -> None:
        """From now on these feature sets are published, by fingerprint, and no others.

        Raises:
            OnlineStoreError: the store cannot be written.
        """
        with self._lock:
            if self._materialisers.keys() == wanted.keys():
                return
            made = {
                key: self._materialisers.get(key) or Materialiser(found, self._store, partners=PARTNERS) for key, found in wanted.items()
            }
            fresh = [found for key, found in made.items() if key not in self._materialisers]
            now = self._clock.now()
            for name, back in _needs(made.values(), self._datasets).items():
                if name not in self._whole:
                    self._histories.open(self._datasets[name], None if back is None else now - back)
            for found in fresh:
                found.open({name: self._histories.get(self._datasets[name]) for name in _needs([found], self._datasets)}, now)
            self._store.keep([table for found in made.values() for table in found.tables])
            self._materialisers = made  # last: what fails before is done again by the next call

    def needs(self) -> dict[str, timedelta | None]:
        """The datasets that are looked up, and how far back their rows matter; None: without limit."""
        with self._lock:
            return _needs(self._materialisers.values(), self._datasets)

    def history(self, dataset: str) -> pl.DataFrame:
        """The rows of the dataset that are in memory; all of one that is kept whole."""
        with self._lock:
            return self._histories.get(self._datasets[dataset])

    def add(self, dataset: str, rows: pl.DataFrame) -> None:
        """Rows were applied: publish what they change.

        Raises:
            OnlineStoreError: the store cannot be written; the rows are kept, and `catch_up` makes up for it.
        """
        with self._lock:
            if self._held(dataset):
                self._histories.append(self._datasets[dataset], rows)
                self._publish(dataset)

    def reload(self, dataset: str) -> None:
        """Rows came by files, or by a decision: read the dataset anew, and publish what has changed.

        Raises:
            OnlineStoreError: as `add`.
        """
        with self._lock:
            if self._held(dataset):
                back = _needs(self._materialisers.values(), self._datasets).get(dataset, timedelta(0))
                whole = dataset in self._whole or back is None
                self._histories.open(self._datasets[dataset], None if whole or back is None else self._clock.now() - back)
                self._publish(dataset)

    def catch_up(self) -> None:
        """Publish what could not be published when it came.

        Raises:
            OnlineStoreError: the store still cannot be written.
        """
        with self._lock:
            for dataset in sorted(self._late):
                if self._held(dataset):
                    now, history = self._clock.now(), self._histories.get(self._datasets[dataset])
                    for made in self._materialisers.values():
                        if dataset in _needs([made], self._datasets):
                            made.apply(dataset, history, now=now)
                self._late.discard(dataset)

    def check(self) -> bool:
        """What could not be published, or is not in the store any more, is published; whether the store had lost something.

        Raises:
            OnlineStoreError: the store cannot be read or written now.
        """
        found = self._store.revision()  # a store that hangs is not waited for under the lock
        with self._lock:
            if not self._late and not any(made.lacks(found) for made in self._materialisers.values()):
                return False
            now = self._clock.now()
            gone = [made.restore(now) for made in self._materialisers.values()]
            self.catch_up()
            return any(gone)

    def close(self) -> None:
        """Let go of the store; idempotent."""
        self._store.close()

    def forget(self) -> None:
        """Let go of rows that nothing looks up any more."""
        with self._lock:
            now = self._clock.now()
            for name, back in _needs(self._materialisers.values(), self._datasets).items():
                if name not in self._whole and back is not None:
                    self._histories.forget_before(self._datasets[name], now - back)

    def next_boundary(self) -> datetime | None:
        """The next moment at which a window view changes by itself, or None."""
        with self._lock:
            now = self._clock.now()
            moments = (made.next_boundary(now) for made in self._materialisers.values())
            return min((moment for moment in moments if moment is not None), default=None)

    def close_boundaries(self) -> None:
        """Publish the values of the boundaries that have passed."""
        with self._lock:
            now = self._clock.now()
            for made in self._materialisers.values():
                made.close_boundaries(now)

    def _held(self, dataset: str) -> bool:
        return dataset in self._whole or dataset in _needs(self._materialisers.values(), self._datasets)

    def _publish(self, dataset: str) -> None:
        self._late.add(dataset)
        self.catch_up()


def _needs(materialisers: Iterable[Materialiser], datasets: Iterable[str]) -> dict[str, timedelta | None]:
    """How far back the datasets that are looked up matter, at most; None: without limit."""
    found: dict[str, timedelta | None] = {}
    for made, name in itertools.product(materialisers, datasets):
        back = made.horizon(name)
        if back is None:
            found[name] = None
        elif back and (known := found.get(name, timedelta(0))) is not None:
            found[name] = max(known, back)
    return found
