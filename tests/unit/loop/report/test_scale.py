"""Places on a drawing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.loop.report.scale import TimeScale, fit_values, levels

NUMBERS = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda value: round(value, 6))


@given(values=st.lists(NUMBERS, min_size=1, max_size=8))
@settings(max_examples=60)
def test_every_value_lies_between_the_ends_and_ticks_are_few(values: list[float]) -> None:
    scale = fit_values(values, bottom=300.0, top=20.0)
    tolerance = 1e-6 * max(1.0, *(abs(value) for value in values))
    assert scale.low <= min(values) + tolerance
    assert max(values) <= scale.high + tolerance
    assert 2 <= len(scale.ticks()) <= 8
    assert len({scale.format(tick) for tick in scale.ticks()}) == len(scale.ticks())


def test_larger_values_are_higher_up() -> None:
    scale = fit_values([0.6, 0.8], bottom=300.0, top=20.0)
    assert scale(0.8) < scale(0.7) < scale(0.6)
    assert [scale.format(tick) for tick in scale.ticks()] == ["0.60", "0.65", "0.70", "0.75", "0.80"]


@pytest.mark.parametrize(("days", "months"), [(1, 1), (31, 1), (32, 2), (365, 12), (800, 27)])
def test_months_are_utc_calendar_months(days: int, months: int) -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    scale = TimeScale(start, start + timedelta(days=days), 0.0, 100.0)
    found = list(scale.months())
    assert len(found) == months
    assert all(first.day == 1 and first.hour == 0 for first in found)
    assert list(TimeScale(start + timedelta(hours=9), start + timedelta(days=days), 0.0, 100.0).months()) == found
    assert scale(found[0]) == 0.0


def test_times_outside_are_held_at_the_edge() -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)
    scale = TimeScale(start, start + timedelta(days=10), 10.0, 20.0)
    assert scale(start - timedelta(days=1)) == 10.0
    assert scale(start + timedelta(days=99)) == 20.0
    assert TimeScale(start, start, 10.0, 20.0)(start) == 10.0


def test_levels_rise_in_equal_ratios_between_the_ends() -> None:
    assert levels([0.1, 6.4], least=0.05, count=5) == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert levels([0.0, 0.01], least=0.05, count=5) == [0.05]
    assert levels([], least=0.05, count=5) == [0.05]
