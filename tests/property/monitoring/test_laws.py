"""Laws of monitoring: windows move forward, values survive JSON, and alarms come at the stated rate."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.monitoring import AlarmRate, DriftReport, Performance, QualityReport, Reference, SeriesDrift, Window, performance_drop
from flyball.monitoring.data_quality import ColumnQuality
from flyball.monitoring.errors import IllegalWindowMoveError
from flyball.monitoring.windows import LEGAL_MOVES
from flyball.registry import Estimate

START = datetime(2013, 1, 3, tzinfo=UTC)
WEEK = timedelta(days=7)

numbers = st.floats(0, 1)
maybe = st.none() | numbers
series = st.builds(SeriesDrift, st.text(max_size=5), maybe, maybe, threshold=maybe, alarmed=st.booleans())
drifts = st.builds(
    DriftReport, st.integers(0, 9999), st.lists(series, max_size=3).map(tuple), maybe, maybe,
    alarmed=st.booleans(), provisional=st.booleans(), why=st.text(max_size=5),
)  # fmt: skip
columns = st.builds(ColumnQuality, st.text(max_size=5), numbers, numbers, maybe, maybe)
qualities = st.builds(
    QualityReport, st.integers(0, 9999), st.lists(columns, max_size=3).map(tuple), st.lists(st.text(max_size=5), max_size=2).map(tuple)
)
estimates = st.tuples(numbers, numbers, numbers).map(lambda found: Estimate(found[0], min(found[1:]), max(found[1:]), 500))
performances = st.builds(Performance, st.just("roc_auc"), st.integers(0, 9999), st.none() | estimates, st.none() | st.text(max_size=5))
OPEN = Window("late", START, START + WEEK)


@settings(max_examples=60)
@given(st.none() | drifts, st.none() | qualities, st.dictionaries(st.text(max_size=5), performances, max_size=2), st.integers(0, 99))
def test_a_window_comes_back_from_json_in_every_state(
    drift: DriftReport | None, quality: QualityReport | None, metrics: dict[str, Performance], resolved: int
) -> None:
    closed = OPEN.closed(99, resolved, drift=drift, quality=quality)
    for window in (OPEN, closed, closed.waiting(99), closed.matured(99, metrics)):
        assert Window.from_json(json.loads(json.dumps(window.to_json()))) == window


moves: dict[str, Callable[[Window], Window]] = {
    "close": lambda window: window.closed(9, 1, drift=None, quality=None),
    "wait": lambda window: window.waiting(5),
    "mature": lambda window: window.matured(9, {}),
}


@given(st.lists(st.sampled_from(sorted(moves)), max_size=8))
def test_a_window_makes_legal_moves_only(asked: list[str]) -> None:
    window = OPEN
    for name in asked:
        before = window
        try:
            window = moves[name](window)
        except IllegalWindowMoveError:
            continue
        assert window.state is before.state if name == "wait" else window.state in LEGAL_MOVES[before.state]


@given(estimates, estimates, st.floats(0.001, 0.2), st.floats(0, 0.5))
def test_a_worse_window_never_stops_an_alarm(expected: Estimate, found: Estimate, drop: float, by: float) -> None:
    worse = Estimate(found.value - by, found.low - by, found.high - by, found.n)
    first, second = (performance_drop(expected, Performance("roc_auc", 500, one), drop=drop).alarmed for one in (found, worse))
    assert second or not first


def _week(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    mood = rng.normal(0, 0.3, 3)
    return pl.DataFrame({f"x{index}": rng.normal(mood[index], 1, rows) for index in range(3)})


def test_alarms_come_at_about_the_stated_rate_where_nothing_has_changed() -> None:
    """One in ten windows; of 400 windows like the reference, 40 are expected, and a factor of two is left for chance."""
    rng, alarms, asked = np.random.default_rng(0), 0, 0
    rate = AlarmRate.parse("1 per 70d")
    times = pl.Series([START + number // 250 * WEEK for number in range(250 * 20)], dtype=pl.Datetime("us", "UTC"))
    for _ in range(20):
        reference = Reference.fit(pl.concat([_week(rng, 250) for _ in range(20)]), times, window=WEEK, rate=rate)
        alarms += sum(reference.compare(_week(rng, 250)).alarmed for _ in range(20))
        asked += 20
    assert 0.05 < alarms / asked < 0.2
