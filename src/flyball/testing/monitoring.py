"""The laws of `WindowStore`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from flyball.monitoring.data_quality import ColumnQuality, QualityReport
from flyball.monitoring.drift_report import DriftReport, SeriesDrift
from flyball.monitoring.store import WindowStore
from flyball.monitoring.window_performance import Performance
from flyball.monitoring.windows import Window
from flyball.registry.evidence import Estimate
from flyball.testing.suite import Suite

_WEEK = timedelta(days=7)
_START = datetime(2013, 2, 28, tzinfo=UTC)


def _window(number: int, *, model: str = "late") -> Window:
    return Window(model, _START + number * _WEEK, _START + (number + 1) * _WEEK)


def _full() -> Window:
    series = (SeriesDrift("sky.temp", 1 / 3, 0.1, threshold=0.3, alarmed=True), SeriesDrift("score", None, None))
    drift = DriftReport(6000, series, 3.5, 2.9, alarmed=True, provisional=True, why="moved")
    quality = QualityReport(6000, (ColumnQuality("sky.temp", 0.1, 0.02, None, 0.0),), ("sky.temp is null",))
    metrics = {
        "roc_auc": Performance("roc_auc", 5900, Estimate(0.7, 0.68, 0.72, 5900)),
        "r2": Performance("r2", 0, None, "no rows"),
    }
    return _window(0).closed(6000, 100, drift=drift, quality=quality).matured(5950, metrics)


class WindowStoreSuite(Suite):
    """A model has one window per start, and it comes back as it was kept."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[WindowStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_what_was_not_set_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.find("late", _START) is None
            assert store.list("late") == []

    def test_a_window_comes_back_whole(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            store.set(_full())
            assert other.find("late", _START) == _full()

    def test_an_instant_is_found_in_every_zone(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.set(_window(0))
            assert store.find("late", _START.astimezone(timezone(timedelta(hours=-5)))) == _window(0)

    def test_the_last_one_set_counts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for window in (_window(0), _full()):
                store.set(window)
            assert store.list("late") == [_full()]

    def test_windows_are_listed_by_start_within_the_bounds(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for number in (2, 0, 3, 1):
                store.set(_window(number))
            store.set(_window(1, model="early"))
            assert store.list("late") == [_window(number) for number in range(4)]
            assert store.list("late", since=_START + _WEEK, until=_START + 3 * _WEEK) == [_window(1), _window(2)]
