"""Online features of a home: recent histories in memory, and what is published of them for every feature set that serves.

Rows come in as they are applied; boundaries are closed as they pass. All of it is made anew from the tables at the next start.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

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

    def __init__(self, datasets: Mapping[str, Dataset], histories: Histories, *, store: OnlineStore, clock: Clock) -> None:
        self._datasets, self._histories, self._store, self._clock = dict(datasets), histories, store, clock
        self._lock = threading.RLock()
        self._materialisers: dict[Digest, Materialiser] = {}

    def serve(self, wanted: Mapping[Digest, FeatureSet]) -> None:
        """From now on these feature sets are published, by fingerprint, and no others.

        Raises:
            OnlineStoreError: the store cannot be written.
        """
        with self._lock:
            for gone in self._materialisers.keys() - wanted.keys():
                del self._materialisers[gone]
            for fingerprint in wanted.keys() - self._materialisers.keys():
                made = Materialiser(wanted[fingerprint], self._store, partners=PARTNERS)
                now = self._clock.now()
                needed = {name: made.horizon(name) for name in self._datasets}
                for name, back in needed.items():
                    if back is None or back:
                        self._histories.open(self._datasets[name], None if back is None else now - back)
                made.open({name: self._histories.get(name) for name, back in needed.items() if back is None or back}, now)
                self._materialisers[fingerprint] = made
            self._store.keep([table for made in self._materialisers.values() for table in made.tables])

    def applied(self, dataset: str) -> None:
        """New rows of the dataset are in its history: publish what they change."""
        with self._lock:
            now = self._clock.now()
            for made in self._materialisers.values():
                back = made.horizon(dataset)
                if back is None or back:
                    made.apply(dataset, self._histories.get(dataset), now)

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
