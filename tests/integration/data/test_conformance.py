"""The backends of data and lineage keep their ports' laws, and the suites that say so catch broken ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flyball.data._sqlstore import SqlPushes, SqlVersions
from flyball.data.model import DatasetVersion
from flyball.data.pushes import Push, PushStore
from flyball.data.store import VersionStore
from flyball.lineage._sqlstore import SqlLineage
from flyball.lineage.model import Edge
from flyball.lineage.store import LineageStore
from flyball.testing.data import VersionStoreSuite
from flyball.testing.data_lineage import LineageStoreSuite
from flyball.testing.data_pushes import PushStoreSuite
from flyball.testing.suite import failing_tests
from tests.databases import OnEveryEngine


class TestSqlVersions(OnEveryEngine, VersionStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[VersionStore]:
        with self.opened(place) as database:
            yield SqlVersions(database)


class TestSqlLineage(OnEveryEngine, LineageStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[LineageStore]:
        with self.opened(place) as database:
            yield SqlLineage(database)


class TestSqlPushes(OnEveryEngine, PushStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[PushStore]:
        with self.opened(place) as database:
            yield SqlPushes(database)


class _CaseBlind(SqlPushes):
    """Takes two keys for one that differ in case only."""

    def create(self, dataset: str, position: int, *, pushes: Sequence[Push], offsets: Mapping[str, frozenset[str]] | None = None) -> None:
        super().create(dataset, position, pushes=[replace(push, key=push.key.lower()) for push in pushes], offsets=offsets)


class _Forgetful(SqlVersions):
    """Takes any move for a fact."""

    def set(self, version: DatasetVersion) -> None:
        try:
            super().set(version)
        except RuntimeError:
            return


class _OneSided(SqlLineage):
    """Finds no edge from its parent."""

    def list_children(self, parent: str) -> list[Edge]:
        return super().list_parents(parent)


def test_the_suite_catches_a_version_store_that_swallows_illegal_moves() -> None:
    class Broken(TestSqlVersions):
        @contextmanager
        def open(self, place: Path) -> Iterator[VersionStore]:
            with self.opened(place) as database:
                yield _Forgetful(database)

    assert failing_tests(Broken) == ["test_a_state_moves_legally_or_not_at_all"]


def test_the_suite_catches_a_lineage_store_that_finds_edges_from_one_end_only() -> None:
    class Broken(TestSqlLineage):
        @contextmanager
        def open(self, place: Path) -> Iterator[LineageStore]:
            with self.opened(place) as database:
                yield _OneSided(database)

    assert failing_tests(Broken) == [
        "test_an_edge_is_found_from_both_ends",
        "test_edges_are_ordered_by_the_far_end",
        "test_walks_go_all_the_way_and_end_in_circles",
    ]


def test_the_suite_catches_a_push_store_that_is_blind_to_case() -> None:
    class Broken(TestSqlPushes):
        @contextmanager
        def open(self, place: Path) -> Iterator[PushStore]:
            with self.opened(place) as database:
                yield _CaseBlind(database)

    assert failing_tests(Broken) == ["test_a_key_keeps_its_first_answer"]
