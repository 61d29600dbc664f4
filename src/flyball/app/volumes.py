"""Callers who were answered more rows of an endpoint within a day than its quota says are told of: answers enough may copy a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

import polars as pl

from flyball.core.clock import Clock
from flyball.loop.model import Model
from flyball.serving.log import PredictionLog
from flyball.serving.volume import LIVE
from flyball.storage.recorder import Recorder

DAY = timedelta(days=1)


@dataclass
class Volumes:
    """`limits` are rows a day, by endpoint. It looks at 24 hours of business time, and tells of a caller once in so long. One thread's."""

    limits: Mapping[str, int]
    log: PredictionLog
    clock: Clock
    recorder: Recorder
    _told: dict[tuple[str, str], datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, models: Iterable[Model], log: PredictionLog, *, clock: Clock, recorder: Recorder) -> Self:
        """What the models' quotas expect at most."""
        quotas = {model.serves_at: model.quota.alarm_rows_per_day for model in models if model.quota is not None}
        return cls({endpoint: limit for endpoint, limit in quotas.items() if limit is not None}, log, clock, recorder)

    def run(self) -> int:
        """Whoever had too many rows stands in an event; how many were told of now."""
        return sum(self._look(endpoint, limit) for endpoint, limit in self.limits.items())

    def _look(self, endpoint: str, limit: int) -> int:
        now = self.clock.now()
        lately = (pl.col("time") > now - DAY) & pl.col("caller").is_not_null() & pl.col("error").is_null() & LIVE
        rows = self.log.select(endpoint, lately, columns=["id", "caller", "error", "time", "route"])
        counts = rows.group_by("caller").agg(pl.col("id").n_unique().alias("rows")).filter(pl.col("rows") > limit).sort("caller")
        return sum(self._tell(endpoint, caller, rows=count, limit=limit, now=now) for caller, count in counts.iter_rows())

    def _tell(self, endpoint: str, caller: str, *, rows: int, limit: int, now: datetime) -> bool:
        before = self._told.get((endpoint, caller))
        if before is not None and now - before < DAY:
            return False
        self._told[endpoint, caller] = now
        why = f"'{caller}' was answered {rows:,} rows within 24 hours; {limit:,} are expected at most"
        data = {"caller": caller, "rows": rows, "limit": limit, "why": why}
        self.recorder.record("volume.exceeded", f"endpoint/{endpoint}", data=data)
        return True
