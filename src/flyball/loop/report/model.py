"""A backtest's result as the page reads it: parsed once from JSON, then trusted.

Missing figures are None, never zero; a key that the backtest does not write yet is as good as a figure that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flyball.core.clock import utc
from flyball.kernels import METRICS

Json = Mapping[str, Any]

_SPELLED = {"roc_auc": "ROC AUC", "pr_auc": "PR AUC", "average_precision": "average precision", "log_loss": "log loss",
            "brier": "Brier score", "rmse": "RMSE", "mae": "MAE", "r2": "R²", "f1": "F1"}  # fmt: skip

DECISIONS = frozenset(
    {"loop.started", "alert.raised", "retrain.held", "training.started", "training.failed", "gates.evaluated", "version.validated",
     "version.rejected", "rollout.finished", "rollout.rolled-back"}
)  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A figure and its interval, where it has one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Span:
    """A stretch of business time in one policy's world: a calendar month, `counted` in the mean or not, or a monitoring window."""

    start: datetime
    end: datetime
    rows: int
    resolved: int | None
    value: Value | None
    psi: float | None
    alarmed: bool
    alarms: int = 0
    retrains: int = 0
    releases: int = 0
    counted: bool = True


@dataclass(frozen=True)
class Happening:
    """One event; `anchor` is its place on the page and owes nothing to its id."""

    id: str
    type: str
    time: datetime
    subject: str
    cause: str | None
    summary: str
    anchor: str

    @property
    def decisive(self) -> bool:
        """Whether it tells what the loop noticed or decided, rather than how it got there."""
        return self.type in DECISIONS


@dataclass(frozen=True)
class PolicyReport:
    """One policy's year. `index` is its place in the comparison, from 0."""

    index: int
    name: str
    text: str
    mean: float | None
    retrains: int
    releases: int | None
    alarms: int | None
    null_windows: int | None
    months: Sequence[Span]
    weeks: Sequence[Span]
    events: Sequence[Happening]

    @property
    def css(self) -> str:
        """The class that carries the policy's colour: quiet for `never`, the first for `declared`, whatever their place."""
        return {"never": "quiet", "declared": "c0"}.get(self.name, f"c{1 + (self.index - 1) % 5}")

    @cached_property
    def by_id(self) -> Mapping[str, Happening]:
        """The events by their id."""
        return {event.id: event for event in self.events}


@dataclass(frozen=True)
class Report:
    """The whole comparison; `start` and `end` enclose every span."""

    project: str
    model: str
    metric: str
    start: datetime
    end: datetime
    seed: str
    policies: Sequence[PolicyReport]

    @property
    def metric_label(self) -> str:
        """The metric's name as people write it."""
        return _SPELLED.get(self.metric, self.metric.replace("_", " "))

    @property
    def greater_is_better(self) -> bool:
        """Which way is better; up, where the metric is not one of ours."""
        known = METRICS.get(self.metric)
        return known.greater_is_better if known else True

    @property
    def best(self) -> float | None:
        """The best mean of all policies."""
        means = [policy.mean for policy in self.policies if policy.mean is not None]
        if not means:
            return None
        return max(means) if self.greater_is_better else min(means)


def read_report(result: Json) -> Report:
    """The report that the JSON of a backtest describes.

    Raises:
        KeyError: a policy has no name, or a window no start or end.
        ValueError: a time is no ISO 8601 time.
    """
    metric = str(result.get("metric") or "")
    policies = [_policy(policy, metric, index=index) for index, policy in enumerate(result.get("policies") or ())]
    times = [time for policy in policies for span in (*policy.months, *policy.weeks) for time in (span.start, span.end)]
    start, end = (_time(result[key]) if result.get(key) else None for key in ("start", "end"))
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return Report(
        project=str(result.get("project") or "Backtest"),
        model=str(result.get("model") or ""),
        metric=metric,
        start=start or min(times, default=epoch),
        end=end or max(times, default=epoch),
        seed=str(result.get("seed", "")),
        policies=policies,
    )


def _policy(policy: Json, metric: str, *, index: int) -> PolicyReport:
    windows = policy.get("windows") or ()
    events = [event for window in windows for event in window.get("events") or ()]
    counted = policy.get("mean_over")
    return PolicyReport(
        index=index,
        name=str(policy["name"]),
        text=str(policy.get("policy") or policy["name"]),
        mean=_number(policy.get("mean_metric")),
        retrains=int(policy.get("retrains") or 0),
        releases=_count(policy.get("releases")),
        alarms=_count(policy.get("alarms")),
        null_windows=_count(policy.get("null_windows")),
        months=[_month(window, metric, counted=counted is None or window["start"] in counted) for window in windows],
        weeks=[_week(week) for week in policy.get("weeks") or ()],
        events=[_happening(event, f"p{index}e{number}") for number, event in enumerate(events)],
    )


def _month(window: Json, metric: str, *, counted: bool) -> Span:
    drift = window.get("drift") or {}
    interval = (window.get("intervals") or {}).get(metric)
    return Span(
        start=_time(window["start"]),
        end=_time(window["end"]),
        rows=int(window.get("rows") or 0),
        resolved=_count(window.get("resolved")),
        value=_value((window.get("metrics") or {}).get(metric), interval),
        psi=_number(drift.get("max_psi")),
        alarmed=bool(drift.get("alarmed")),
        alarms=int(window.get("alarms") or 0),
        retrains=int(window.get("retrains") or 0),
        releases=int(window.get("releases") or 0),
        counted=counted,
    )


def _week(week: Json) -> Span:
    return Span(
        start=_time(week["start"]),
        end=_time(week["end"]),
        rows=int(week.get("rows") or 0),
        resolved=_count(week.get("resolved")),
        value=_value(week.get("metric")),
        psi=_number(week.get("drift")),
        alarmed=bool(week.get("alarmed")),
    )


def _value(found: object, interval: Sequence[object] | None = None) -> Value | None:
    if isinstance(found, Mapping):
        interval = interval or (found.get("low"), found.get("high"))
        found = found.get("value")
    number = _number(found)
    if number is None:
        return None
    low, high = interval or (None, None)
    return Value(number, _number(low), _number(high))


def _happening(event: Json, anchor: str) -> Happening:
    cause = event.get("cause")
    return Happening(
        id=str(event["id"]),
        type=str(event.get("type") or "event"),
        time=_time(event["time"]),
        subject=str(event.get("subject") or ""),
        cause=None if cause is None else str(cause),
        summary=str(event.get("summary") or event.get("type") or ""),
        anchor=anchor,
    )


def _time(text: object) -> datetime:
    return utc(datetime.fromisoformat(str(text)))


def _number(value: object) -> float | None:
    """A finite number, or None: a page cannot draw infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < float("inf") else None


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None
