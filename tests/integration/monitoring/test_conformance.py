"""The window store's backend keeps its port's laws, and the suite that says so catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flyball.monitoring._sqlstore import SqlWindowStore
from flyball.monitoring.store import WindowStore
from flyball.monitoring.windows import Window
from flyball.testing.monitoring import WindowStoreSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlWindowStore(OnEveryEngine, WindowStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[WindowStore]:
        with self.opened(place) as database:
            yield SqlWindowStore(database)


class _Shallow(SqlWindowStore):
    """Keeps the counts of a window and loses its reports."""

    def set(self, window: Window) -> None:
        super().set(replace(window, drift=None, quality=None))


def test_the_suite_catches_a_store_that_loses_reports() -> None:
    class Broken(TestSqlWindowStore):
        @contextmanager
        def open(self, place: Path) -> Iterator[WindowStore]:
            with self.opened(place) as database:
                yield _Shallow(database)

    assert failing_tests(Broken) == ["test_a_window_comes_back_whole", "test_the_last_one_set_counts"]
