"""Micro-batches without waiting: what became ready in one turn of the event loop is computed together, in the next."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from flyball.core.errors import FlyballError
from flyball.serving.asked import ROUTED, Answer, Asked, Asker, Wants
from flyball.serving.engine import Engine
from flyball.serving.errors import InternalError
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint

MAX_ROWS = 1000
"""A flush of more rows would keep everybody else waiting; a single request may have so many."""
_LOG = logging.getLogger(__name__)


class Batcher:
    """Hands requests to the engine, as many at once as are there. For one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._waiting = engine, deque[Asked]()
        self._scheduled = False

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
            asyncio.get_running_loop().call_soon(self._flush)

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
