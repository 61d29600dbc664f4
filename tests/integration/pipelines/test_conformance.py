"""The backends of pipelines keep their ports' laws, and each suite catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flyball.core.ids import Digest
from flyball.pipelines import Executor, InlineExecutor, Manifest, ProcessExecutor, StepCache, StepFailedError, Work
from flyball.pipelines._sqlstore import SqlStepCache
from flyball.testing.pipelines import ExecutorSuite, ProcessExecutorSuite, StepCacheSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlStepCache(OnEveryEngine, StepCacheSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[StepCache]:
        with self.opened(place) as database:
            yield SqlStepCache(database)


class TestInlineExecutor(ExecutorSuite):
    @contextmanager
    def open(self) -> Iterator[Executor]:
        yield InlineExecutor()


class TestProcessExecutor(ProcessExecutorSuite):
    @contextmanager
    def open(self) -> Iterator[Executor]:
        executor = ProcessExecutor()
        try:
            yield executor
        finally:
            executor.close()


class _ForgetfulCache:
    """Keeps the last manifest instead of the first."""

    def __init__(self) -> None:
        self._kept: dict[Digest, Manifest] = {}

    def find(self, key: Digest) -> Manifest | None:
        return self._kept.get(key)

    def commit(self, key: Digest, manifest: Manifest) -> Manifest:
        self._kept[key] = manifest
        return manifest


class _SilentExecutor(InlineExecutor):
    """Takes a failed step for an empty summary."""

    def execute(self, work: Work, timeout_seconds: float | None = None) -> dict[str, Any]:
        try:
            return super().execute(work, timeout_seconds)
        except StepFailedError:
            return {}


def test_the_suite_catches_a_cache_that_forgets() -> None:
    shared = _ForgetfulCache()

    class Broken(StepCacheSuite):
        @contextmanager
        def open(self, place: Path) -> Iterator[StepCache]:
            del place
            yield shared

    assert "test_the_first_commit_is_kept" in failing_tests(Broken)


def test_the_suite_catches_an_executor_that_swallows_failures() -> None:
    class Broken(ExecutorSuite):
        @contextmanager
        def open(self) -> Iterator[Executor]:
            yield _SilentExecutor()

    assert "test_what_it_raises_is_told_with_its_traceback" in failing_tests(Broken)
