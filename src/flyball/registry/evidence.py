"""Evidence: what is known of a version before it is released, as frozen values that survive JSON unchanged.

Training makes it, gates read it, monitoring expects what it says. It knows neither gates nor monitors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flyball.core.canonical import canonical
from flyball.core.clock import utc
from flyball.core.errors import InvalidError

if TYPE_CHECKING:
    from flyball.kernels.estimate import Estimate as Measured


class EstimateError(InvalidError):
    """Figures that cannot be an estimate."""

    code = "estimate"

    def __init__(self, figures: tuple[float, float, float], n: int) -> None:
        value, low, high = figures
        super().__init__(f"An estimate needs finite figures with low ≤ high and n ≥ 0, not value={value}, low={low}, high={high}, n={n}.")


def _check(value: float, low: float, *, high: float, n: int) -> None:
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high) and low <= high and n >= 0):
        raise EstimateError((value, low, high), n)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric on `n` rows, with its 95 % interval [low, high] in the metric's own units.

    Raises:
        EstimateError: a figure is not finite, the ends are reversed, or n is negative.
    """

    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        _check(self.value, self.low, high=self.high, n=self.n)

    @classmethod
    def of(cls, measured: Measured) -> Estimate | None:
        """What a kernel measured, or None where it found no value or could put no interval around it."""
        if measured.value is None or measured.low is None or measured.high is None:
            return None
        return cls(measured.value, measured.low, measured.high, measured.n)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Estimate:
        """The estimate that `to_json` wrote."""
        return cls(float(data["value"]), float(data["low"]), float(data["high"]), int(data["n"]))


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one version is than another in `metric`, with the 95 % interval, on `n` rows.

    The sign is turned so that more is better for every metric: a positive value favours the newcomer (candidate or canary).

    Raises:
        EstimateError: a figure is not finite, the ends are reversed, or n is negative.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int

    def __post_init__(self) -> None:
        _check(self.value, self.low, high=self.high, n=self.n)

    @classmethod
    def of(cls, metric: str, measured: Measured) -> Difference | None:
        """What a kernel measured as the gain of the newcomer, or None where it found no value or no interval."""
        if measured.value is None or measured.low is None or measured.high is None:
            return None
        return cls(metric, measured.value, measured.low, measured.high, measured.n)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {"metric": self.metric, "value": self.value, "low": self.low, "high": self.high, "n": self.n}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Difference:
        """The difference that `to_json` wrote."""
        return cls(str(data["metric"]), float(data["value"]), float(data["low"]), float(data["high"]), int(data["n"]))


Slices = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A version's figures on the hold-out [start, end) of `rows` rows that its training did not see.

    `metric` is the model's objective, and `slices` hold that metric per column and value (values as text). `comparison` is the
    paired difference to the champion on rows that neither saw, or None where there was no champion or nothing to compare on
    (`notes` say which). `champion` is the version compared with.
    """

    metric: str
    metrics: Mapping[str, Estimate]
    start: datetime
    end: datetime
    rows: int
    greater_is_better: bool = True
    slices: Slices = field(default_factory=dict)
    champion: int | None = None
    comparison: Difference | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "metrics", dict(sorted(self.metrics.items())))
        object.__setattr__(self, "slices", {column: dict(sorted(found.items())) for column, found in sorted(self.slices.items())})

    @property
    def overall(self) -> Estimate | None:
        """The objective on the whole hold-out."""
        return self.metrics.get(self.metric)

    def to_json(self) -> dict[str, Any]:
        """The evidence as JSON; times are ISO 8601 in UTC."""
        data: dict[str, Any] = json.loads(canonical(self))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The evidence that `to_json` wrote: equal, field by field."""
        comparison = data["comparison"]
        return cls(
            metric=str(data["metric"]),
            metrics={name: Estimate.from_json(found) for name, found in data["metrics"].items()},
            start=datetime.fromisoformat(data["start"]),
            end=datetime.fromisoformat(data["end"]),
            rows=int(data["rows"]),
            greater_is_better=bool(data["greater_is_better"]),
            slices={
                column: {value: Estimate.from_json(found) for value, found in values.items()} for column, values in data["slices"].items()
            },
            champion=data["champion"],
            comparison=None if comparison is None else Difference.from_json(comparison),
            notes=tuple(data["notes"]),
        )
