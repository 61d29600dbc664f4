"""The registry's backend keeps its port's laws, and the suite that says so catches a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.registry._sqlmodels import SqlModels
from flyball.registry._sqlstore import SqlRegistry
from flyball.registry.model import VersionState
from flyball.registry.modelstore import ModelStore
from flyball.registry.store import RegistryStore
from flyball.testing.registered import ModelStoreSuite
from flyball.testing.registry import RegistryStoreSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlRegistry(OnEveryEngine, RegistryStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[RegistryStore]:
        with self.opened(place) as database:
            yield SqlRegistry(database)


class _RashRegistry(SqlRegistry):
    """Moves a version from whatever state it is in."""

    def set_state(self, model: str, number: int, *, state: VersionState, expected: VersionState) -> bool:
        found = self.find(model, number)
        return super().set_state(model, number, state=state, expected=found.state if found else expected)


def test_the_suite_catches_a_store_that_moves_from_any_state() -> None:
    class Broken(TestSqlRegistry):
        @contextmanager
        def open(self, place: Path) -> Iterator[RegistryStore]:
            with self.opened(place) as database:
                yield _RashRegistry(database)

    assert failing_tests(Broken) == ["test_a_state_moves_only_from_the_expected_one", "test_of_many_movers_one_moves"]


class TestSqlModels(OnEveryEngine, ModelStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[ModelStore]:
        with self.opened(place) as database:
            yield SqlModels(database)


class _ForgetfulModels(SqlModels):
    """Counts the versions that are there."""

    def next_number(self, name: str) -> int:
        return len(self.list_versions(name)) + 1


def test_the_suite_catches_a_store_that_gives_numbers_again() -> None:
    class Broken(TestSqlModels):
        @contextmanager
        def open(self, place: Path) -> Iterator[ModelStore]:
            with self.opened(place) as database:
                yield _ForgetfulModels(database)

    assert failing_tests(Broken) == ["test_numbers_outlive_versions_and_models"]
