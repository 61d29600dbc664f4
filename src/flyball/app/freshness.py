"""Looked-up features that are older than they may be are told of: rows come no more, or what publishes them stands still."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from flyball.core.clock import Clock
from flyball.core.duration import MICROSECOND, format_duration
from flyball.features import FeatureSet
from flyball.features.lookup import ViewLookup
from flyball.features.mirror import LATE_BOUNDARIES
from flyball.features.windowing import WindowLookup
from flyball.serving.answers import REQUEST, VALUE_TIME
from flyball.serving.log import PredictionLog
from flyball.storage.recorder import Recorder

LEAST_ROWS = 20
"""So many rows without any value tell of the view; fewer may tell of who asked."""
_FIRST = timedelta(hours=1)


@dataclass
class Freshness:
    """Looks at the rows that were answered since it looked last; a view is told of when it becomes stale, and when it is fresh again.

    `served` gives the features by endpoint. A view is stale when the newest value that any row had of it was older than its ttl allows,
    or when no row that named an entity had one. One thread's.
    """

    served: Callable[[], Mapping[str, FeatureSet]]
    log: PredictionLog
    clock: Clock
    recorder: Recorder
    _since: dict[str, datetime] = field(default_factory=dict)
    _stale: set[tuple[str, str]] = field(default_factory=set)

    def run(self) -> int:
        """Changes stand in events; how many there were."""
        return sum(self._look(endpoint, features) for endpoint, features in self.served().items())

    def _look(self, endpoint: str, features: FeatureSet) -> int:
        now = self.clock.now()
        rows = self.log.read(endpoint, self._since.get(endpoint, now - _FIRST), end=now)
        rows = rows.filter(pl.col("features_digest") == features.fingerprint)  # others may have no such view
        self._since[endpoint] = now
        return sum(self._judge(endpoint, lookup, rows=rows) for lookup in features.lookups if isinstance(lookup, ViewLookup | WindowLookup))

    def _judge(self, endpoint: str, lookup: ViewLookup | WindowLookup, *, rows: pl.DataFrame) -> bool:
        label, limit = lookup.feature.label, _limit(lookup)
        column, entity = VALUE_TIME + label, [REQUEST + name for name in lookup.inputs]
        if limit is None or not {column, *entity} <= set(rows.columns):
            return False
        named = rows.filter(pl.all_horizontal(pl.col(entity).is_not_null()))
        youngest = named.select((pl.col("time") - pl.col(column)).min().dt.total_microseconds()).item() if named.height else None
        if youngest is None:
            why = f"none of {named.height:,} rows found a value of {label!r}" if named.height >= LEAST_ROWS else None
        else:
            age = youngest * MICROSECOND
            old = f"the newest value of {label!r} is {format_duration(_whole(age))} old; {format_duration(limit)} are allowed"
            why = old if age > limit else ""
        return why is not None and self._tell(endpoint, label, why=why, rows=named.height)

    def _tell(self, endpoint: str, label: str, *, why: str, rows: int) -> bool:
        key, stale = (endpoint, label), bool(why)
        if stale == (key in self._stale):
            return False
        (self._stale.add if stale else self._stale.discard)(key)
        subject, facts = f"endpoint/{endpoint}", {"view": label, "rows": rows}
        if stale:
            self.recorder.record("features.stale", subject, data={**facts, "why": why})
        else:
            self.recorder.record("features.fresh", subject, data={**facts, "why": f"{label!r} has fresh values again"})
        return True


def _limit(lookup: ViewLookup | WindowLookup) -> timedelta | None:
    return lookup.feature.ttl if isinstance(lookup, ViewLookup) else LATE_BOUNDARIES * lookup.feature.every


def _whole(age: timedelta) -> timedelta:
    return timedelta(seconds=int(age.total_seconds()))
