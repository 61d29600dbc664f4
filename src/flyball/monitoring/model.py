"""What a user may watch, as frozen values: drift, performance, quality, resources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flyball.core.duration import format_duration, parse_duration
from flyball.core.errors import DurationError
from flyball.monitoring.errors import MonitorSpecError

_RATE = re.compile(r"\s*([1-9]\d*)\s+per\s+(\S+)\s*")


@dataclass(frozen=True, slots=True)
class AlarmRate:
    """False alarms that are accepted: `count` per `per` of business time, all series of a monitor together."""

    count: float
    per: timedelta

    @classmethod
    def parse(cls, text: str) -> AlarmRate:
        """The rate that a text such as "1 per 90d" names.

        Raises:
            MonitorSpecError: it names none.
        """
        found = _RATE.fullmatch(text)
        try:
            length = parse_duration(found[2]) if found else timedelta()
        except DurationError:
            length = timedelta()
        if found is None or not length:
            raise MonitorSpecError("drift", f"{text!r} is not a rate of false alarms. Write, for example, '1 per 90d'.")
        return cls(float(found[1]), length)

    def share(self, parts: int) -> AlarmRate:
        """An equal part of the rate, for each of `parts` monitors that share it."""
        return AlarmRate(self.count / parts, self.per)

    def per_window(self, window: timedelta) -> float:
        """The probability of a false alarm in one window of that length.

        >>> round(AlarmRate.parse("1 per 90d").per_window(timedelta(days=7)), 4)
        0.0778

        Raises:
            MonitorSpecError: it would be one half or more, which alarms at nothing.
        """
        probability = self.count * (window / self.per)
        if not 0 < probability < 0.5:
            raise MonitorSpecError(
                "drift",
                f"{self} asks for {probability:.2f} false alarms in each window of {format_duration(window)}; it must be less than 0.5. "
                "Accept fewer alarms, or make the windows shorter.",
            )
        return probability

    def __str__(self) -> str:
        if self.count < 1:  # half an alarm in 90 days is one in 180
            return f"1 per {format_duration(self.per / self.count)}"
        return f"{self.count:g} per {format_duration(self.per)}"


@dataclass(frozen=True, slots=True)
class DriftMonitor:
    """Watch inputs and predictions move away from the reference, at a stated rate of false alarms."""

    false_alarms: AlarmRate


@dataclass(frozen=True, slots=True)
class PerformanceMonitor:
    """Watch the model's metric on mature windows."""


@dataclass(frozen=True, slots=True)
class QualityMonitor:
    """Watch nulls, unknown categories, values out of range and row counts."""


@dataclass(frozen=True, slots=True)
class ResourcesMonitor:
    """Watch latency, memory and errors of what answers requests."""


MonitorSpec = DriftMonitor | PerformanceMonitor | QualityMonitor | ResourcesMonitor


def drift(false_alarms: str = "1 per 90d") -> DriftMonitor:
    """Watch inputs and predictions; alarms come at `false_alarms` when nothing has changed.

    Raises:
        MonitorSpecError: the text is not a rate.
    """
    return DriftMonitor(AlarmRate.parse(false_alarms))


def performance() -> PerformanceMonitor:
    """Watch the model's metric, with its interval, on every window whose labels have come."""
    return PerformanceMonitor()


def quality() -> QualityMonitor:
    """Watch nulls, unknown categories, values out of range and row counts against the reference."""
    return QualityMonitor()


def resources() -> ResourcesMonitor:
    """Watch latency, memory and errors of the processes that answer; a backtest has none, and its report says so."""
    return ResourcesMonitor()


def unwatched_in_backtest(monitors: Iterable[MonitorSpec]) -> tuple[str, ...]:
    """One sentence per declared monitor that has nothing to watch in a backtest."""
    sentence = "resources() has nothing to watch in a backtest: no process answers requests."
    return tuple(sentence for monitor in monitors if isinstance(monitor, ResourcesMonitor))
