"""How much each version answered, how often it failed and how long it took: figures of answered rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from flyball.core.clock import utc
from flyball.kernels.sequential import least_count

CHANCE = 0.001
FALLBACK, SHADOW, BATCH = "fallback", "shadow", "batch"
LIVE = ~pl.col("route").is_in([SHADOW, BATCH])
"""The rows of the log that somebody was answered who asked: neither what shadows said beside them, nor the scores of a batch."""
COLUMNS = ("time", "stream", "position", "id", "version", "route", "seconds", "error")
"""The columns that figures are made of."""


@dataclass(frozen=True, slots=True)
class VersionVolume:
    """One version's part of an endpoint's traffic.

    `rows` are those that were routed to it, `errors` the ones among them that it failed; a *request* here is one record of the
    journal: rows that the version predicted together, which succeed or fail together. `stood_in` are further rows, which it answered
    for a version that failed. Quantiles are in real seconds from arrival to prediction, of routed rows that it answered.
    `p99_at_least_seconds` is at most the true 99th percentile of requests, but for one case in a thousand, whenever one looks: None
    where too few requests say so.
    """

    version: int
    route: str
    requests: int
    failed_requests: int
    rows: int
    errors: int
    stood_in: int
    p50_seconds: float | None
    p99_seconds: float | None
    p99_at_least_seconds: float | None
    last: datetime

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "last"} | {"last": self.last.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VersionVolume:
        """The figures that `to_json` wrote."""
        return cls(**{**data, "last": datetime.fromisoformat(data["last"])})


def volume_of(rows: pl.DataFrame) -> tuple[VersionVolume, ...]:
    """The figures of each version that is in `rows`, by number; `rows` have `COLUMNS`."""
    parts = rows.partition_by("version", as_dict=True)
    return tuple(_volume(int(version), part) for (version,), part in sorted(parts.items()))


def _volume(version: int, rows: pl.DataFrame) -> VersionVolume:
    routed = rows.filter(pl.col("route") != FALLBACK)
    well = routed.filter(pl.col("error").is_null())
    seconds = well["seconds"].to_numpy()
    requests = routed.group_by("stream", "position").agg(pl.col("error").is_not_null().any(), pl.col("seconds").max())
    answered = requests.filter(~pl.col("error"))["seconds"].to_numpy()
    newest = rows.sort("time", "position").row(-1, named=True)
    return VersionVolume(
        version=version,
        route=newest["route"] if routed.is_empty() else routed.sort("time", "position")["route"][-1],
        requests=requests.height,
        failed_requests=int(requests["error"].sum()),
        rows=routed.height,
        errors=routed.height - well.height,
        stood_in=rows.height - routed.height,
        p50_seconds=_quantile(seconds, 0.5),
        p99_seconds=_quantile(seconds, 0.99),
        p99_at_least_seconds=_surely_slow(answered),
        last=utc(newest["time"]),
    )


def _quantile(values: np.ndarray, share: float) -> float | None:
    return float(np.quantile(values, share, method="higher")) if len(values) else None


def _surely_slow(seconds: np.ndarray) -> float | None:
    """What so many requests reach that luck alone does not explain it, if one in a hundred may: the order statistic of that rank."""
    count = least_count(len(seconds), limit=0.01, chance=CHANCE)
    return None if count is None else float(np.sort(seconds)[-count])
