"""The suite of the online store holds our backends to its laws, and catches one that breaks them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flyball.features._redis import RedisOnlineStore
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.online import Changes, OnlineStore, Revision
from flyball.testing.online import OnlineStoreSuite
from flyball.testing.suite import failing_tests
from tests.redis import RedisServer, serving_redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with serving_redis(tmp_path_factory.mktemp("redis")) as found:
        yield found


class TestSqliteOnlineStore(OnlineStoreSuite):
    @contextmanager
    def write(self, place: Path) -> Iterator[OnlineStore]:
        store = SqliteOnlineStore.write(place / "online.db")
        yield store
        store.close()

    @contextmanager
    def read(self, place: Path) -> Iterator[OnlineStore]:
        store = SqliteOnlineStore.read(place / "online.db")
        yield store
        store.close()


class TestRedisOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.server = server

    @contextmanager
    def write(self, place: Path) -> Iterator[OnlineStore]:
        store = RedisOnlineStore(f"{self.server.url}?prefix={place.name}")
        yield store
        store.close()

    @contextmanager
    def read(self, place: Path) -> Iterator[OnlineStore]:
        with self.write(place) as store:
            yield store


class Forgetful(SqliteOnlineStore):
    """It tells no entity that is gone, and takes any revision for its own."""

    def changes_after(self, revision: Revision, tables: Collection[str]) -> Changes:
        found = super().changes_after(Revision(), tables)
        again = super().changes_after(Revision(found.revision.store, revision.number), tables)
        for table in again.tables.values():
            for entity in [entity for entity, value in table.values.items() if value is None]:
                table.values.pop(entity)  # type: ignore[attr-defined]  # it is a dict
        return again


class Broken(OnlineStoreSuite):
    @contextmanager
    def write(self, place: Path) -> Iterator[OnlineStore]:
        store = SqliteOnlineStore.write(place / "online.db")
        yield store
        store.close()

    @contextmanager
    def read(self, place: Path) -> Iterator[OnlineStore]:
        store = Forgetful(place / "online.db", mode="ro")
        yield store
        store.close()


def test_a_backend_that_forgets_is_caught() -> None:
    assert failing_tests(Broken) == ["test_a_revision_of_another_store_is_no_revision", "test_what_is_gone_is_told_as_none"]
