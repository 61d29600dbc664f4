"""The tokens of a home that is served: given here, and looked after twice a second, for others may share the database."""

from __future__ import annotations

import logging
import threading

from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import FlyballError
from flyball.governance import TokenBook
from flyball.governance._sqlstore import SqlTokens
from flyball.governance.service import Records, TokenService

REFRESH_SECONDS = 0.5
USED_EVERY = 120
"""Refreshes between two notes of which tokens were used: a minute."""
_LOG = logging.getLogger(__name__)


def open_tokens(stores: Stores, *, project: str) -> TokenService:
    """The tokens of `project` in the home of `stores`."""
    journal = stores.journal
    records = Records(journal.log, journal.transactions, stores.clock, stores.ids)
    return TokenService(SqlTokens(stores.database), records, home=stores.path, project=project, wall=WallClock())


class TokenKeeping:
    """Publishes the tokens until closed. What cannot be read or written now is tried again; the last published stand meanwhile."""

    def __init__(self, stores: Stores, *, project: str) -> None:
        self.service = open_tokens(stores, project=project)
        self.book = TokenBook(stores.path, clock=WallClock(), timer=MonotonicTimer())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="tokens", daemon=True)

    def start(self) -> None:
        """Publish now, and from now on.

        Raises:
            UnavailableError: the home cannot be written.
        """
        self.service.refresh()
        self._thread.start()

    def close(self) -> None:
        """End it; idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        turn, failing = 0, False
        while not self._stop.wait(REFRESH_SECONDS):
            turn += 1
            try:
                self.service.refresh()
                if turn % USED_EVERY == 0:
                    self.service.set_used(self.book)
                failing = False
            except FlyballError as error:
                if not failing:
                    _LOG.warning("The tokens cannot be looked after; those known before stay: %s", error)
                failing = True
