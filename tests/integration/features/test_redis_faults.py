"""The online store on a Redis that is gone, hangs, forgets, or is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.features._redis import RedisOnlineStore
from flyball.features.errors import OnlineStoreError, OnlineUrlError
from flyball.features.online import Revision, TableWrite
from tests.redis import RedisServer, free_port, serving_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with serving_redis(tmp_path / "redis") as found:
        yield found


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisOnlineStore]:
    made = RedisOnlineStore(server.url, answer_seconds=60.0)
    yield made
    made.close()


def test_a_server_that_was_killed_is_asked_again_when_it_is_back(server: RedisServer, store: RedisOnlineStore) -> None:
    before = store.set({"sky": TableWrite({b"a": b"1"})})
    seen = store.version()
    server.kill()
    for _ in range(2):
        with pytest.raises(OnlineStoreError, match="computed anew"):
            store.version()
        with pytest.raises(OnlineStoreError):
            store.set({"sky": TableWrite({b"a": b"2"})})
    server.start()
    assert store.version() == seen
    assert store.changes_after(Revision(), ["sky"]).tables["sky"].values == {b"a": b"1"}
    assert store.set({"sky": TableWrite({b"a": b"3"})}) == Revision(before.store, before.number + 1)


def test_a_server_that_hangs_is_not_waited_for(server: RedisServer, store: RedisOnlineStore) -> None:
    store.set({"sky": TableWrite({b"a": b"1"})})
    hasty = RedisOnlineStore(server.url, answer_seconds=0.2)
    with server.asleep(), pytest.raises(OnlineStoreError, match=r"(?i)timeout"):
        hasty.version()
    hasty.close()
    assert store.list() == ["sky"]


def test_a_server_without_what_it_held_is_a_new_store(server: RedisServer, store: RedisOnlineStore) -> None:
    first = store.set({"sky": TableWrite({b"a": b"1"}), "pace": TableWrite({b"b": b"1"})})
    with server.client() as client:
        client.flushall()
    assert store.changes_after(first, ["sky"]).tables == {}
    again = store.set({"sky": TableWrite({b"c": b"1"})})
    assert again.store != first.store
    assert store.changes_after(first, ["sky", "pace"]).tables["sky"].values == {b"c": b"1"}


def test_a_server_that_went_back_to_an_older_state_is_told_by_its_writer(server: RedisServer, store: RedisOnlineStore) -> None:
    old = store.set({"sky": TableWrite({b"a": b"1"})})
    with server.client() as client:
        key = "{flyball:online}:store"
        snapshot = client.dump(key) or b""
        last = store.set({"sky": TableWrite({b"a": b"2"})})
        client.restore(key, 0, snapshot, replace=True)
    assert store.changes_after(last, ["sky"]).tables["sky"].fresh
    again = store.set({"sky": TableWrite({b"b": b"1"})})
    assert again.store != old.store
    assert store.changes_after(last, ["sky"]).tables["sky"].fresh


def test_a_store_that_was_cleared_is_a_new_one(server: RedisServer, store: RedisOnlineStore) -> None:
    first = store.set({"sky": TableWrite({b"a": b"1"}, closed=5)})
    other = RedisOnlineStore(f"{server.url}?prefix=other")
    other.set({"sky": TableWrite({b"a": b"1"})})
    assert store.clear()
    assert not store.clear()
    with server.client() as client:
        assert {key for key in client.scan_iter() if b"flyball:online" in key} == set()
    assert other.list() == ["sky"]
    assert store.set({"sky": TableWrite()}).store != first.store
    other.close()


def test_a_table_of_many_entities_is_read_whole(store: RedisOnlineStore) -> None:
    values = {f"{number}".encode(): b"x" * 50 for number in range(5_001)}
    store.set({"sky": TableWrite(values)})
    assert store.changes_after(Revision(), ["sky"]).tables["sky"].values == values


@pytest.mark.parametrize("url", ["", "redis", "http://127.0.0.1:6379/0", "redis://127.0.0.1:port/0", "redis://127.0.0.1:6379/0?nonsense=1"])
def test_a_url_that_names_no_redis_is_refused(url: str) -> None:
    with pytest.raises(OnlineUrlError, match="FLYBALL_ONLINE_URL"):
        RedisOnlineStore(url)


def test_an_error_shows_no_password() -> None:
    store = RedisOnlineStore(f"redis://user:s3cret@127.0.0.1:{free_port()}/0?prefix=shop")
    with pytest.raises(OnlineStoreError, match=r"redis://127\.0\.0\.1") as caught:
        store.list()
    assert "s3cret" not in str(caught.value)
