"""What a window's comparison with its reference found: a distance per series, and one alarm for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SeriesDrift:
    """How far one series moved: PSI (nats) and Jensen-Shannon divergence (bits), None without rows.

    `threshold` is the PSI at which the series by itself counts as drifted (`alarmed`), with its share of the family's false alarms; None
    where the reference allows none.
    """

    name: str
    psi: float | None
    js: float | None
    threshold: float | None = None
    alarmed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {"name": self.name, "psi": self.psi, "js": self.js, "threshold": self.threshold, "alarmed": self.alarmed}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesDrift:
        """The drift that `to_json` wrote."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """A window against its reference; `alarmed` is true at the stated rate where nothing has changed, over all series together.

    `statistic` is the window's largest standardised log distance and `limit` what it may reach; both are None where no alarm could
    be given, and `why` says so. `provisional`: the reference is too short to confirm the stated rate.
    """

    rows: int
    series: tuple[SeriesDrift, ...]
    statistic: float | None
    limit: float | None
    alarmed: bool
    provisional: bool
    why: str

    def merged(self, other: DriftReport) -> DriftReport:
        """Both reports as one, of the same window; alarmed where either is.

        Each side alarms at its own rate: give each its share of the stated one (`AlarmRate.share`).
        """
        return DriftReport(
            rows=self.rows,
            series=self.series + other.series,
            statistic=_larger(self, other).statistic,
            limit=_larger(self, other).limit,
            alarmed=self.alarmed or other.alarmed,
            provisional=self.provisional or other.provisional,
            why=f"{self.why} {other.why}",
        )

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "rows": self.rows, "series": [found.to_json() for found in self.series], "statistic": self.statistic, "limit": self.limit,
            "alarmed": self.alarmed, "provisional": self.provisional, "why": self.why,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DriftReport:
        """The report that `to_json` wrote."""
        return cls(**{**data, "series": tuple(SeriesDrift.from_json(found) for found in data["series"])})


def _larger(one: DriftReport, other: DriftReport) -> DriftReport:
    """The report whose statistic lies further beyond its own limit; the first where that is equal or unknown."""

    def beyond(report: DriftReport) -> float:
        return float("-inf") if report.statistic is None or report.limit is None else report.statistic - report.limit

    return other if beyond(other) > beyond(one) else one
