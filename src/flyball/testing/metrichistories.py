"""The laws of metric histories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from flyball.core.errors import InvalidError
from flyball.testing.trackingservices import TrackingSuite, point
from flyball.tracking.errors import IntervalError
from flyball.tracking.trackedrun import Metric
from flyball.tracking.tracking import Tracking


def _log(tracking: Tracking, run: str, *, metrics: Sequence[Metric]) -> None:
    for start in range(0, len(metrics), 1000):
        tracking.runs.log_batch(run, metrics=metrics[start : start + 1000])


class MetricHistorySuite(TrackingSuite):
    """Every point that was logged is there once, by (time, step, value)."""

    def test_history_is_in_order_and_has_each_point_once(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = tracking.runs.create("0").head.id
            points = [point("a", value, step=step, time_ms=time) for value in (2.0, 1.0) for step in (1, 0) for time in (9, 3)]
            for each in (*points, *points):
                tracking.runs.log_metric(run, each)
            tracking.runs.log_batch(run, metrics=[*points, point("b", 1)])
            ordered = sorted(points, key=lambda each: (each.time_ms, each.step, each.value))
            assert tracking.metrics.history(run, "a").items == tuple(ordered)
            assert tracking.metrics.history(run, "never").items == ()

    def test_nan_and_infinities_stand_in_the_history(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = tracking.runs.create("0").head.id
            _log(tracking, run, metrics=[point("a", value) for value in (math.nan, 1.0, math.inf, -math.inf, math.nan)])
            values = [metric.value for metric in tracking.metrics.history(run, "a").items]
            assert values[:3] == [-math.inf, 1.0, math.inf]
            assert [math.isnan(value) for value in values[3:]] == [True]

    def test_pages_are_the_whole_history(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = tracking.runs.create("0").head.id
            points = [point("a", float(at % 7), step=at % 50, time_ms=at // 100) for at in range(20_500)]
            _log(tracking, run, metrics=points)
            whole = tracking.metrics.history(run, "a").items
            assert list(whole) == sorted(set(points), key=lambda each: (each.time_ms, each.step, each.value))
            for size in (997, len(whole) - 1, len(whole), len(whole) + 1):
                pages: list[Metric] = []
                token = None
                while True:
                    page = tracking.metrics.history(run, "a", max_results=size, token=token)
                    pages += page.items
                    token = page.token
                    if token is None:
                        break
                    assert len(page.items) == size
                assert tuple(pages) == whole

    def test_a_token_is_that_of_its_history(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = tracking.runs.create("0").head.id
            _log(tracking, run, metrics=[point(key, 1.0, step=step) for key in "ab" for step in range(3)])
            token = tracking.metrics.history(run, "a", max_results=1).token
            for wrong in (f"{token}x", "abc", "é"):
                with pytest.raises(InvalidError):
                    tracking.metrics.history(run, "a", token=wrong)
            with pytest.raises(InvalidError):
                tracking.metrics.history(run, "b", token=token)

    def test_many_keys_keep_their_points(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking, self.open(tmp_path) as other:
            run = tracking.runs.create("0").head.id
            points = [point(f"m{key}", key + step / 100, step=step, time_ms=step) for step in range(100) for key in range(170)]
            _log(tracking, run, metrics=points)
            for key in (0, 85, 169):
                found = other.metrics.history(run, f"m{key}").items
                assert found == tuple(each for each in points if each.key == f"m{key}")
            assert {metric.step for metric in other.runs.get(run).metrics} == {99}

    def test_an_interval_is_an_even_sample_with_both_ends(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            runs = [tracking.runs.create("0").head.id for _ in range(2)]
            for run in runs:
                _log(tracking, run, metrics=[point("a", step / 2, step=step, time_ms=20_000 - step) for step in range(10_000)])
            found = tracking.metrics.interval(runs, "a", start=100, end=9_000, max_results=50)
            assert [run for run, _ in found] == [run for run in runs for _ in range(50)]
            steps = [metric.step for run, metric in found if run == runs[1]]
            assert (steps[0], steps[-1]) == (100, 9_000)
            apart = [after - before for before, after in pairwise(steps)]
            assert set(apart[:-1]) <= {178, 179}
            assert all(metric.value == metric.step / 2 for _, metric in found)
            assert len(tracking.metrics.interval(runs[:1], "a")) == 2500
            assert [metric.step for _, metric in tracking.metrics.interval(runs[:1], "a", max_results=1)] == [9_999]

    def test_a_short_interval_is_whole_and_half_a_one_is_refused(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as tracking:
            run = tracking.runs.create("0").head.id
            _log(tracking, run, metrics=[point("a", 1.0, step=step, time_ms=time) for step in range(5) for time in (2, 1)])
            steps = [(metric.step, metric.time_ms) for _, metric in tracking.metrics.interval([run], "a", start=1, end=2)]
            assert steps == [(1, 1), (1, 2), (2, 1), (2, 2)]
            assert tracking.metrics.interval([run], "never") == []
            with pytest.raises(IntervalError):
                tracking.metrics.interval([run], "a", start=1)
