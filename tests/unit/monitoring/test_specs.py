"""What may be watched, and at which rate of false alarms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flyball.monitoring import AlarmRate, MonitorSpec, drift, performance, quality, resources, unwatched_in_backtest
from flyball.monitoring.errors import MonitorSpecError

WEEK = timedelta(days=7)


def test_a_rate_is_a_number_per_duration() -> None:
    assert drift().false_alarms == AlarmRate(1, timedelta(days=90))
    assert drift(false_alarms="2 per 1w").false_alarms == AlarmRate(2, WEEK)
    assert str(drift("3 per 36h").false_alarms) == "3 per 1d12h"


@pytest.mark.parametrize(
    "text", ["", "1", "one per 90d", "0 per 90d", "1 per", "1 per 0d", "1 per month", "1/90d", "-1 per 90d", "1.5 per 90d"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(MonitorSpecError, match="Write, for example, '1 per 90d'"):
        drift(text)


def test_a_rate_is_a_probability_per_window() -> None:
    rate = drift("1 per 90d").false_alarms
    assert rate.per_window(WEEK) == pytest.approx(7 / 90)
    assert rate.share(2).per_window(WEEK) == pytest.approx(3.5 / 90)
    assert str(rate.share(2)) == "1 per 180d"
    with pytest.raises(MonitorSpecError, match=r"1 per 1w asks for 1.00 false alarms|1 per 7d asks for 1.00 false alarms"):
        drift("1 per 7d").false_alarms.per_window(WEEK)


def test_only_resources_have_nothing_to_watch_in_a_backtest() -> None:
    monitors: list[MonitorSpec] = [drift(), performance(), quality()]
    assert unwatched_in_backtest(monitors) == ()
    assert unwatched_in_backtest([*monitors, resources()]) == (
        "resources() has nothing to watch in a backtest: no process answers requests.",
    )
