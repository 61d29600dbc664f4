"""The figures of a report: months, means over what all policies share, and what is said where nobody answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.loop.past import Floats, ModelFrame, Rows
from flyball.loop.summary import PolicyStory, months, summarise, unanswered
from flyball.loop.traffic import ReplayedTraffic, Routes

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2024, 4, 1, tzinfo=UTC)
DAY = 24
Frame = Callable[..., ModelFrame]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def test_months_are_whole_from_the_first_that_is_touched() -> None:
    found = list(months(datetime(2023, 11, 30, 23, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)))
    assert [first.month for first, _ in found] == [11, 12, 1]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(found))
    assert found[-1][1] == datetime(2024, 2, 1, tzinfo=UTC)
    assert len(list(months(START, datetime(2024, 2, 1, 0, 0, 0, 1, tzinfo=UTC)))) == 2


class Says:
    """Version 1 tells the weights' order, version 2 the reverse."""

    def score(self, version: int, rows: Rows) -> Floats:
        found = np.asarray(rows % 10, dtype=np.float64) / 10
        return found if version == 1 else 1 - found


def story(frame: ModelFrame, name: str, *, routed: list[tuple[float, int]], events: list[Event] | None = None) -> PolicyStory:
    routes = Routes("late")
    for since, version in routed:
        routes.set(day(since), [(version, 1.0)])
    traffic = ReplayedTraffic(frame, routes=routes, scorer=Says())
    return PolicyStory(name, events or [], [], traffic, task="binary", metric="roc_auc", maturity=0.95)


@pytest.fixture
def quarter(frame: Frame) -> ModelFrame:
    """Ten rows at noon of every day of January to March; those of weight 5 and more come late, which is known a day later."""
    hours = [number * DAY + 12 for number in range(91) for _ in range(10)]
    labels = [(row, float(row % 10 >= 5), hour + DAY, None) for row, hour in enumerate(hours)]
    return frame(hours, labels)


def test_the_mean_is_over_the_months_that_all_policies_answered(quarter: ModelFrame) -> None:
    one = story(quarter, "one", routed=[(0, 1)])
    late = story(quarter, "late", routed=[(31, 2), (60, 1)])
    first, second = summarise([one, late], START, end=END)
    assert [window["rows"] for window in first["windows"]] == [310, 290, 310]
    assert [window["metrics"]["roc_auc"] for window in first["windows"]] == [1.0, 1.0, 1.0]
    assert [window["metrics"]["roc_auc"] for window in second["windows"]] == [None, 0.0, 1.0]
    assert [window["predicted"] for window in second["windows"]] == [0, 290, 310]
    assert first["mean_over"] == second["mean_over"] == [day(31).isoformat(), day(60).isoformat()]
    assert (first["mean_metric"], second["mean_metric"]) == (1.0, 0.5)


def test_a_row_at_the_turn_of_the_month_belongs_to_the_new_one(frame: Frame) -> None:
    (found,) = summarise([story(frame([0, 31 * DAY], []), "one", routed=[])], START, end=day(40))
    assert [window["rows"] for window in found["windows"]] == [1, 1]
    assert found["mean_metric"] is None


def test_a_month_whose_labels_have_not_come_is_not_in_the_mean(quarter: ModelFrame) -> None:
    (found,) = summarise([story(quarter, "one", routed=[(0, 1)])], START, end=day(85))
    assert [window["resolved"] for window in found["windows"]] == [310, 290, 240]
    assert found["mean_over"] == [START.isoformat(), day(31).isoformat()]


@pytest.mark.parametrize(("labelled", "mature"), [(19, True), (18, False)])
def test_a_month_is_in_the_mean_from_the_declared_share_of_resolved_rows_on(frame: Frame, *, labelled: int, mature: bool) -> None:
    made = frame([float(row) for row in range(20)], [(row, float(row % 10 >= 5), 25.0, None) for row in range(labelled)])
    (found,) = summarise([story(made, "one", routed=[(0, 1)])], START, end=day(1.5))
    assert found["windows"][0]["resolved"] == labelled
    assert (found["mean_metric"] is not None) == mature


def test_a_month_of_one_class_has_no_value_and_is_counted_with_the_reason(frame: Frame) -> None:
    one_class = frame([1, 2, 3], [(row, 1.0, 5.0, None) for row in range(3)])
    (found,) = summarise([story(one_class, "one", routed=[(0, 1)])], START, end=day(20))
    assert found["null_windows"] == 1
    assert found["windows"][0]["metrics"]["roc_auc"] is None
    assert found["windows"][0]["why_null"]


def event(number: int, told: str, *, at: float, **data: Any) -> Event:
    return Event(EventId(f"evt-{number}"), told, "model/late", day(at), data)


def test_retrains_are_trainings_after_the_first_and_alarms_are_of_drift_and_performance(quarter: ModelFrame) -> None:
    told = [
        event(1, "training.started", at=1, reason="first"),
        event(2, "alert.raised", at=2, kind="gates"),
        event(3, "training.started", at=31, reason="schedule"),
        event(4, "alert.raised", at=32, kind="drift"),
        event(5, "alert.raised", at=59.9, kind="performance"),
        event(6, "rollout.finished", at=60, version=2),
    ]
    (found,) = summarise([story(quarter, "one", routed=[], events=told)], START, end=END)
    assert (found["retrains"], found["alarms"], found["releases"]) == (1, 2, 1)
    assert [window["retrains"] for window in found["windows"]] == [0, 1, 0]
    assert [window["alarms"] for window in found["windows"]] == [0, 2, 0]
    assert [window["releases"] for window in found["windows"]] == [0, 0, 1]
    assert [len(window["events"]) for window in found["windows"]] == [2, 3, 1]


def test_a_policy_in_which_nobody_answered_is_noted_with_the_reason(quarter: ModelFrame) -> None:
    refused = event(1, "version.rejected", at=1, version=1, why="roc_auc is 0.4, below 0.5.")
    failed = event(2, "training.failed", at=1, why="one class")
    released = event(3, "rollout.finished", at=30, version=2)
    stories = [
        story(quarter, "never", routed=[], events=[refused]),
        story(quarter, "later", routed=[], events=[failed, released]),
        story(quarter, "well", routed=[], events=[released, event(4, "version.rejected", at=60, version=3, why="worse")]),
    ]
    never, later = unanswered(stories)
    assert never == ("never: no row was answered, and such windows have no predictions; version 1 rejected: roc_auc is 0.4, below 0.5.")
    assert later.startswith("later: no row was answered before 2024-01-31 00:00 UTC")
    assert later.endswith("training failed: one class")
