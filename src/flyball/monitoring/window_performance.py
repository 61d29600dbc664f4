"""How well a model did on a window whose labels have come, and whether that is surely worse than what its release promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flyball.kernels.arrays import Numbers
from flyball.kernels.metrics import get_metric
from flyball.registry.evidence import Estimate

MATURE_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Maturity:
    """How many of a window's rows are resolved: labelled, or past their timeout; `mature` from the declared share on."""

    rows: int
    resolved: int
    mature: bool

    @property
    def share(self) -> float:
        """Resolved rows over rows; 1 for a window without rows, which has nothing to wait for."""
        return self.resolved / self.rows if self.rows else 1.0


def maturity(rows: int, resolved: int, *, share: float = MATURE_SHARE) -> Maturity:
    """Whether at least `share` of the rows are resolved.

    >>> maturity(100, 95).mature, maturity(100, 94).mature, maturity(0, 0).mature
    (True, False, True)
    """
    found = Maturity(rows, resolved, mature=False)
    return Maturity(rows, resolved, mature=found.share >= share)


@dataclass(frozen=True, slots=True)
class Performance:
    """A metric on the labelled rows of a window, or the reason why it has no value there (`why`)."""

    metric: str
    rows: int
    estimate: Estimate | None
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "metric": self.metric, "rows": self.rows, "estimate": self.estimate.to_json() if self.estimate else None, "why": self.why,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Performance:
        """The performance that `to_json` wrote."""
        estimate = data["estimate"]
        return cls(data["metric"], data["rows"], None if estimate is None else Estimate.from_json(estimate), data["why"])


def measure(metric: str, labels: Numbers, *, predictions: Numbers) -> Performance:
    """The metric with its 95 % interval; labels and predictions ``(n,)`` of the labelled rows, in the same order.

    Rows without a label are left out by the caller and counted beside. No rows, one class or a single row give no value and the reason.

    Raises:
        UnknownNameError: there is no such metric.
        ShapeError, NotFiniteError, RangeError: labels and predictions do not fit the metric.
    """
    found = get_metric(metric).estimate(labels, predictions)
    estimate = Estimate.of(found)
    why = None if estimate else str(found.undefined or "too few rows for an interval")
    return Performance(metric, len(labels), estimate, why)


@dataclass(frozen=True, slots=True)
class DropReport:
    """Whether a window's metric is surely worse than expected, and one sentence why."""

    alarmed: bool
    why: str


def performance_drop(expected: Estimate | None, found: Performance, *, drop: float = 0.02) -> DropReport:
    """Alarmed when the window is surely more than `drop` worse than expected: both sides' errors count.

    `expected` is the hold-out estimate in the evidence of the version that answered; a lucky hold-out promises too much, and its own
    interval says how much. The lower end of the shortfall's 95 % interval, by the square-and-add rule (Zou & Donner 2008, eq. 7)
    for independent estimates, must exceed `drop`. A window without a value, or a version without an expectation, alarms nobody and
    says so.

    Raises:
        UnknownNameError: there is no such metric.
    """
    up = get_metric(found.metric).greater_is_better
    if found.estimate is None:
        return DropReport(alarmed=False, why=f"{found.metric} has no value on this window: {found.why}.")
    estimate = found.estimate
    figures = f"{found.metric} {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}] on {estimate.n:,} rows"
    if expected is None:
        return DropReport(alarmed=False, why=f"{figures}; nothing was expected to compare it with.")
    better, worse = (expected, estimate) if up else (estimate, expected)
    shortfall = better.value - worse.value
    least = shortfall - math.hypot(better.value - better.low, worse.high - worse.value)
    promised = f"{expected.value:.4f} [{expected.low:.4f}, {expected.high:.4f}] expected at release"
    surely = "surely more than" if least > drop else "not surely more than"
    side = "below" if up else "above"
    return DropReport(alarmed=least > drop, why=f"{figures}, {surely} {drop:g} {side} the {promised}.")
