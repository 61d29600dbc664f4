"""Who answered how much: an endpoint's traffic in a stretch of time, version by version, as everyone is shown it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flyball.serving.volume import VersionVolume


@dataclass(frozen=True, slots=True)
class TrafficStats:
    """One version's part: `share` of the rows of all, errors among its rows, latency in real milliseconds (None: it answered none)."""

    version: int
    route: str
    rows: int
    share: float
    errors: int
    requests: int
    stood_in: int
    p50_milliseconds: float | None
    p99_milliseconds: float | None
    last: datetime

    @property
    def error_share(self) -> float:
        """The share of its rows that it failed; 0 of none."""
        return self.errors / self.rows if self.rows else 0.0

    def to_json(self) -> dict[str, Any]:
        """The stats as every door shows them."""
        latency = {"p50": self.p50_milliseconds, "p99": self.p99_milliseconds}
        return {
            "version": self.version, "route": self.route, "rows": self.rows, "share": self.share, "errors": self.errors,
            "requests": self.requests, "stood_in": self.stood_in, "latency_ms": latency, "last": self.last.isoformat(),
        }  # fmt: skip


def traffic_stats(volumes: Sequence[VersionVolume]) -> tuple[TrafficStats, ...]:
    """The parts of the versions, in their order; their shares sum to 1 where there are rows."""
    total = sum(volume.rows for volume in volumes)
    return tuple(_stats(volume, total) for volume in volumes)


def _stats(volume: VersionVolume, total: int) -> TrafficStats:
    return TrafficStats(
        version=volume.version,
        route=volume.route,
        rows=volume.rows,
        share=volume.rows / total if total else 0.0,
        errors=volume.errors,
        requests=volume.requests,
        stood_in=volume.stood_in,
        p50_milliseconds=_milliseconds(volume.p50_seconds),
        p99_milliseconds=_milliseconds(volume.p99_seconds),
        last=volume.last,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
