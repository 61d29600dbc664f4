"""Answered rows that are older than their model's declaration keeps them go out of the tables, a day's worth at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import polars as pl

from flyball.core.clock import Clock
from flyball.loop.model import Model
from flyball.serving.answers import endpoint_of
from flyball.serving.log import PredictionLog
from flyball.storage.recorder import Recorder
from flyball.storage.tables import TableStore


@dataclass
class Expiring:
    """What `prediction_log(keep=...)` says, done once for each day of business time. One thread's."""

    models: Sequence[Model]
    tables: TableStore
    log: PredictionLog
    clock: Clock
    recorder: Recorder
    _done: dict[str, datetime] = field(default_factory=dict)

    def run(self) -> int:
        """No table holds a row that is a day older than its endpoint keeps it; how many went.

        Raises:
            UnavailableError: a table cannot be rewritten; it is tried again.
        """
        gone = 0
        for model in self.models:
            keep = None if model.log is None else model.log.keep
            if keep is not None:
                gone += self._expire(model.serves_at, keep)
        return gone

    def _expire(self, endpoint: str, keep: timedelta) -> int:
        before = datetime.combine((self.clock.now() - keep).date(), time(), UTC)
        if self._done.get(endpoint) == before:
            return 0
        self.log.ship()  # what waits for a shipment may be as old
        gone = sum(self._rewrite(table, before) for table in self.tables.list() if endpoint_of(table) == endpoint)
        self._done[endpoint] = before
        if gone:
            self.recorder.record("predictions.expired", f"endpoint/{endpoint}", data={"rows": gone, "before": before.isoformat()})
        return gone

    def _rewrite(self, table: str, before: datetime) -> int:
        old = pl.col("time") < before
        if not self.tables.read(table).filter(old).select(pl.len()).collect().item():
            return 0
        return self.tables.rewrite(table, old, job=f"keep-{before.date().isoformat()}").rows
