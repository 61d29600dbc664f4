"""What a backtest says at the end: per policy and UTC calendar month the rows, the quality, the drift and what the loop did.

Pure: it reads a policy's events and answers, and computes; nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from flyball.core.events import Event
from flyball.kernels import METRICS
from flyball.loop.trace import describe
from flyball.loop.traffic import Traffic
from flyball.monitoring import Window

Figures = dict[str, Any]


@dataclass(frozen=True)
class PolicyStory:
    """One policy's world at the end: its name, its events in order, and its answers."""

    name: str
    events: Sequence[Event]
    windows: Sequence[Window]
    traffic: Traffic
    task: str
    metric: str
    maturity: float


def months(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """UTC calendar months as [first, next first), from the one that holds `start` until `end` is reached."""
    first = datetime(start.year, start.month, 1, tzinfo=UTC)
    while first < end:
        following = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
        yield first, following
        first = following


def summarise(stories: Sequence[PolicyStory], start: datetime, *, end: datetime) -> list[Figures]:
    """The ``policies`` of the report; `mean_metric` is over the mature months in which every policy has a value."""
    policies = [_policy(story, start, end=end) for story in stories]
    metric = stories[0].metric if stories else ""
    columns = [[window["metrics"][metric] for window in policy["windows"]] for policy in policies]
    mature = [window["resolved"] >= stories[0].maturity * window["rows"] for window in policies[0]["windows"]] if policies else []
    shared = [index for index, values in enumerate(zip(*columns, strict=True)) if None not in values and mature[index]]
    for policy, values in zip(policies, columns, strict=True):
        policy["mean_metric"] = float(np.mean([values[index] for index in shared])) if shared else None
        policy["mean_over"] = [policy["windows"][index]["start"] for index in shared]
    return policies


def unanswered(stories: Sequence[PolicyStory]) -> Iterator[str]:
    """One sentence per policy in which the first training did not bring a version that answers, with the reason."""
    for story in stories:
        released = next((event for event in story.events if event.type == "rollout.finished"), None)
        failures = [event for event in story.events if event.type in {"training.failed", "version.rejected"}]
        before = [event for event in failures if released is None or event.time < released.time]
        if before:
            since = "no row was answered" if released is None else f"no row was answered before {released.time:%Y-%m-%d %H:%M} UTC"
            yield f"{story.name}: {since}, and such windows have no predictions; {describe(before[0])}"


def _policy(story: PolicyStory, start: datetime, *, end: datetime) -> Figures:
    windows = [_month(story, first, following=following, end=end) for first, following in months(start, end)]
    trainings = _of(story.events, "training.started")
    return {
        "name": story.name,
        "policy": story.name,
        "mean_metric": None,
        "retrains": max(len(trainings) - 1, 0),
        "releases": len(_of(story.events, "rollout.finished")),
        "alarms": len(_alarms(story.events)),
        "null_windows": sum(window["predicted"] > 0 and window["metrics"][story.metric] is None for window in windows),
        "windows": windows,
        "weeks": [_week(window, story.metric) for window in story.windows],
    }


def _of(events: Sequence[Event], kind: str) -> list[Event]:
    return [event for event in events if event.type == kind]


def _alarms(events: Sequence[Event]) -> list[Event]:
    return [event for event in _of(events, "alert.raised") if event.data.get("kind") in {"drift", "performance"}]


def _month(story: PolicyStory, first: datetime, *, following: datetime, end: datetime) -> Figures:
    events = [event for event in story.events if first <= event.time < following]
    closed = [window for window in story.windows if first < window.end <= following]
    distances = [found for found in map(_max_psi, closed) if found is not None]
    trainings = [event for event in _of(events, "training.started") if event.data.get("reason") != "first"]
    figures = _quality(story, first, following=following, end=end)
    return {
        "start": first.isoformat(),
        "end": following.isoformat(),
        **figures,
        "drift": {
            "mean_max_psi": float(np.mean(distances)) if distances else None,
            "max_psi": max(distances, default=None),
            "alarmed": any(window.drift is not None and window.drift.alarmed for window in closed),
        },
        "alarms": len(_alarms(events)),
        "retrains": len(trainings),
        "releases": len(_of(events, "rollout.finished")),
        "events": [_event(event) for event in events],
    }


def _quality(story: PolicyStory, first: datetime, *, following: datetime, end: datetime) -> Figures:
    stretch = story.traffic.stretch(first, following)
    truth, scores, answered = stretch.truth(end), stretch.scores(), stretch.versions > 0
    labelled = answered & ~np.isnan(truth.labels)
    metrics: dict[str, float | None] = {}
    intervals: dict[str, list[float] | None] = {}
    reason = None
    for name, metric in sorted(METRICS.items()):
        if metric.task.value != story.task:
            continue
        estimate = metric.estimate(truth.labels[labelled], scores[labelled])
        metrics[name] = estimate.value
        intervals[name] = None if estimate.low is None or estimate.high is None else [estimate.low, estimate.high]
        if estimate.undefined is not None:
            reason = reason or str(estimate.undefined)
    return {
        "rows": len(stretch),
        "predicted": int(np.count_nonzero(answered)),
        "resolved": int(np.count_nonzero(truth.resolved)),
        "labelled": int(np.count_nonzero(labelled)),
        "metrics": metrics,
        "intervals": intervals,
        "why_null": reason,
    }


def _max_psi(window: Window) -> float | None:
    found = [series.psi for series in window.drift.series if series.psi is not None] if window.drift else []
    return max(found, default=None)


def _week(window: Window, metric: str) -> Figures:
    performance = window.metrics.get(metric)
    estimate = performance.estimate if performance else None
    return {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "rows": window.rows,
        "resolved": window.resolved,
        "metric": None if estimate is None else {"value": estimate.value, "low": estimate.low, "high": estimate.high},
        "drift": _max_psi(window),
        "statistic": window.drift.statistic if window.drift else None,
        "limit": window.drift.limit if window.drift else None,
        "alarmed": window.drift is not None and window.drift.alarmed,
    }


def _event(event: Event) -> Mapping[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "time": event.time.isoformat(),
        "subject": event.subject,
        "cause": event.cause,
        "summary": describe(event),
    }
