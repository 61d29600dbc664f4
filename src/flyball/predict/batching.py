"""Micro-batches without waiting: what became ready in one turn of the event loop is computed together, in the next.

Where several ask at once, the next turn often brings more of them, and a turn costs a hundredth of what a call costs beside its rows. So
each turn that brought somebody is followed by another one before they are computed, for a millisecond at most. Who comes alone, after
others who came alone, is computed at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.errors import FlyballError
from flyball.serving.asked import ROUTED, Answer, Asked, Asker, Wants
from flyball.serving.engine import Engine
from flyball.serving.errors import InternalError
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint

MAX_ROWS = 1000
"""A flush of more rows would keep everybody else waiting; a single request may have so many."""
LONGEST_SECONDS = 0.001
"""So long turns may go on to bring others."""
_LOG = logging.getLogger(__name__)


class Batcher:
    """Hands requests to the engine, as many at once as are there. For one event loop."""

    def __init__(self, engine: Engine, *, timer: Timer | None = None) -> None:
        self._engine, self._waiting, self._timer = engine, deque[Asked](), timer or MonotonicTimer()
        self._scheduled = False
        self._seen, self._company, self._begun = 0, False, 0.0

    async def ask(
        self, endpoint: LoadedEndpoint, rows: Rows, *, arrived: float, wants: Wants = ROUTED, asker: Asker | None = None
    ) -> Answer:
        """The answer to one request.

        Raises:
            FlyballError: a row has no answer.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked = Asked(endpoint, rows, arrived=arrived, done=lambda: None if future.done() else future.set_result(None), wants=wants)
        asked.asker = asker
        self.put(asked)
        await future
        return asked.answer()

    def put(self, asked: Asked) -> None:
        """It is done soon, and never before this returns."""
        self._waiting.append(asked)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Compute what is there, or look once more, where somebody came since."""
        there, now = len(self._waiting), self._timer.seconds()
        if not self._seen:
            self._begun = now
        if there > self._seen and (there > 1 or self._company) and now - self._begun < LONGEST_SECONDS:
            self._seen = there
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._seen, self._company = 0, there > 1
        self._flush()

    def _flush(self) -> None:
        batch = [self._waiting.popleft()]
        rows = batch[0].rows.n
        while self._waiting and rows + self._waiting[0].rows.n <= MAX_ROWS:
            rows += self._waiting[0].rows.n
            batch.append(self._waiting.popleft())
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._flush)
        try:
            self._engine.flush(batch)
        except Exception:  # noqa: BLE001 - as below
            _LOG.exception("a flush of %d requests failed; each is tried alone", len(batch))
            self._flush_alone(batch)

    def _flush_alone(self, batch: Sequence[Asked]) -> None:
        for asked in batch:
            if not asked.untouched:
                continue
            try:
                self._engine.flush([asked])
            except Exception as error:  # noqa: BLE001 - one request must not cost another its answer
                asked.fail(error if isinstance(error, FlyballError) else InternalError(), asked.rows.n)
