"""Keeps the tables of `Vectors` like the online store in a thread of its own: no request waits for a store, near or far."""

from __future__ import annotations

import logging
import threading
from weakref import WeakSet

from flyball.features.errors import OnlineStoreError
from flyball.features.featureset import FeatureSet
from flyball.features.online import OnlineStore
from flyball.features.vectors import Vectors

PAUSE_SECONDS = 0.02
"""What is written is seen so much later."""
_PATIENCE_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


class Following:
    """Makes `Vectors` and reads for them what the store has new, until it is closed. Thread-safe.

    A store that cannot be read is asked again every second; meanwhile what was read before answers, with its times. `failing` is why
    it cannot be read, or None. With `at_once` each request looks by itself as well, and sees all that was written before it: business
    time that runs faster, or only when all is done, knows no moment later.
    """

    def __init__(self, store: OnlineStore, *, pause_seconds: float = PAUSE_SECONDS, at_once: bool = False) -> None:
        self._store, self._pause_seconds, self._at_once = store, pause_seconds, at_once
        self._vectors: WeakSet[Vectors] = WeakSet()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self.failing: str | None = None

    def vectors(self, features: FeatureSet) -> Vectors:
        """Vectors that are kept up to date for as long as somebody has them."""
        made = Vectors(features, self._store, followed=not self._at_once)
        with self._lock:
            self._vectors.add(made)
            if self._thread is None:  # not sooner: a process that is to be forked has no thread
                self._thread = threading.Thread(target=self._run, name="online store", daemon=True)
                self._thread.start()
        return made

    def close(self) -> None:
        """Read nothing any more, and let go of the store."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._store.close()

    def _run(self) -> None:
        while not self._ended.wait(_PATIENCE_SECONDS if self.failing else self._pause_seconds):
            with self._lock:
                known = list(self._vectors)
            try:
                for vectors in known:
                    vectors.refresh()
            except OnlineStoreError as error:
                self._tell(str(error))
            except Exception as error:  # noqa: BLE001 - a thread's rim: it goes on, whatever the store holds
                if not self.failing:
                    _LOG.exception("the online store holds what cannot be read")
                self.failing = f"{type(error).__name__}: {error}"
            else:
                self._tell(None)

    def _tell(self, failing: str | None) -> None:
        if failing and not self.failing:
            _LOG.warning("%s Until then requests are answered by what was read before.", failing)
        elif self.failing and not failing:
            _LOG.info("the online store answers again")
        self.failing = failing
