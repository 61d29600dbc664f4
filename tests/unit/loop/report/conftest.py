"""Small results of backtests, tame and hostile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

START = datetime(2013, 1, 1, tzinfo=UTC)


def event(number: int, kind: str, *, cause: int | None, name: str) -> dict[str, Any]:
    at = START + timedelta(days=40 + number)
    return {
        "id": f"event-{number}",
        "type": kind,
        "time": at.isoformat(),
        "subject": f"version/{name}/{number}",
        "cause": None if cause is None else f"event-{cause}",
        "summary": f"{name} {kind} {number}",
    }


def month(number: int, value: float | None, *, events: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    first, following = datetime(2013, number, 1, tzinfo=UTC), datetime(2013, number + 1, 1, tzinfo=UTC)
    return {
        "start": first.isoformat(),
        "end": following.isoformat(),
        "rows": 1000,
        "resolved": 990,
        "metrics": {"roc_auc": value},
        "intervals": {"roc_auc": None if value is None else [value - 0.01, value + 0.01]},
        "drift": {"max_psi": 0.3, "alarmed": True},
        "alarms": 1,
        "retrains": 1,
        "releases": 1,
        "events": list(events),
    }


def build(name: str) -> dict[str, Any]:
    events = [
        event(0, "loop.started", cause=None, name=name),
        event(1, "window.closed", cause=0, name=name),
        event(2, "alert.raised", cause=1, name=name),
        event(3, "training.started", cause=2, name=name),
        event(4, "version.rejected", cause=3, name=name),
        event(5, "rollout.finished", cause=3, name=name),
    ]
    week = {
        "start": START.isoformat(), "end": (START + timedelta(days=7)).isoformat(), "rows": 7, "resolved": 7,
        "metric": {"value": 0.7, "low": 0.6, "high": 0.8}, "drift": 0.12, "alarmed": False,
    }  # fmt: skip
    return {
        "name": name, "policy": f"policy of {name}", "mean_metric": 0.71, "retrains": 1, "releases": 1, "alarms": 1, "null_windows": 1,
        "windows": [month(1, None), month(2, 0.71, events=events), month(3, 0.72)], "weeks": [week],
    }  # fmt: skip


@pytest.fixture
def result() -> dict[str, Any]:
    """A small backtest of two policies, in the shape of the JSON."""
    return {
        "project": "flights", "model": "late-arrival", "metric": "roc_auc", "seed": 0,
        "start": "2013-01-01T00:00:00+00:00", "end": "2013-04-01T00:00:00+00:00",
        "policies": [build("never"), build("declared")],
    }  # fmt: skip


@pytest.fixture
def hostile() -> dict[str, Any]:
    """The same with names that try to become markup."""
    nasty = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\x00\u202e"
    found: dict[str, Any] = {"project": nasty, "model": nasty, "metric": nasty, "seed": nasty, "policies": [build(nasty), build("b")]}
    for policy in (found["policies"][0], found["policies"][1]):
        for window in policy["windows"]:
            for happening in window["events"]:
                happening["id"] = happening["id"] + nasty
                happening["cause"] = happening["cause"] and happening["cause"] + nasty
                happening["type"] = happening["type"] + nasty if happening["type"] == "window.closed" else happening["type"]
    return found
