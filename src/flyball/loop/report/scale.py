"""From times and figures to places on a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class TimeScale:
    """`start` lies at `left`, `end` at `right`; times outside are held at the edge."""

    start: datetime
    end: datetime
    left: float
    right: float

    def __call__(self, time: datetime) -> float:
        length = (self.end - self.start).total_seconds()
        share = (time - self.start).total_seconds() / length if length > 0 else 0.0
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def months(self) -> Iterator[datetime]:
        """The first moments of the UTC calendar months that the scale shows, from the one that holds its start."""
        year, month = self.start.year, self.start.month
        while (first := datetime(year, month, 1, tzinfo=UTC)) < self.end:
            yield first
            year, month = year + month // 12, month % 12 + 1


@dataclass(frozen=True)
class ValueScale:
    """`low` lies at `bottom`, `high` at `top`; larger values are higher up."""

    low: float
    high: float
    bottom: float
    top: float
    step: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)

    def ticks(self) -> list[float]:
        """Round values from low to high."""
        count = round((self.high - self.low) / self.step)
        return [self.low + index * self.step for index in range(count + 1)]

    def format(self, value: float) -> str:
        """A tick's value with as many decimals as its step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        short = abs(self.step * 10**decimals - round(self.step * 10**decimals)) > 1e-9
        return f"{value:.{decimals + short}f}"


def levels(values: Iterable[float], *, least: float, count: int) -> list[float]:
    """At most `count` rising bounds in equal ratios between the ends of `values`, of two digits, none below `least`."""
    found = [max(value, least) for value in values] or [least]
    low, ratio = min(found), max(found) / min(found)
    return sorted({float(f"{low * ratio ** ((place + 1) / (count + 1)):.2g}") for place in range(count)})


def fit_values(values: Iterable[float], *, bottom: float, top: float) -> ValueScale:
    """The scale with round ends and four to seven ticks that shows all `values`."""
    found = list(values) or [0.0, 1.0]
    low, high = min(found), max(found)
    spread = (high - low) or abs(high) * 0.1 or 1.0
    rough = spread / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * step for step in _STEPS if power * step >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return ValueScale(first * step, max(last, first + 1) * step, bottom, top, step)
