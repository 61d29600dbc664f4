"""An online store that loses what it held is filled again by whoever writes it, without a new row, and that is told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.features._redis import RedisOnlineStore
from flyball.features.errors import OnlineStoreError
from flyball.features.vectors import Vectors
from tests.redis import RedisServer, serving_redis
from tests.shops import START, Yard, opened_yard, sale


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with serving_redis(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def yard(server: RedisServer, tmp_path: Path) -> Iterator[Yard]:
    with server.client() as client:
        client.flushall()
    with opened_yard(tmp_path, redis_url=server.url) as found:
        yield found


def newcomer(yard: Yard, server: RedisServer) -> Vectors:
    """The look-ups of a model server that starts now, and has read nothing yet."""
    return Vectors(yard.features, RedisOnlineStore(server.url))


def test_what_a_redis_has_lost_is_written_again_without_a_new_row(yard: Yard, server: RedisServer) -> None:
    before = yard.seen()
    assert before["latest.amount"] == 1.0
    assert not yard.online.check()
    with server.client() as client:
        client.flushall()
    assert yard.seen() == before  # who has read it answers as before
    assert yard.online.check()
    assert not yard.online.check()
    assert yard.seen() == before
    yard.vectors = newcomer(yard, server)
    assert yard.seen() == before


def test_a_replica_that_never_had_the_last_write_is_given_it(yard: Yard, server: RedisServer) -> None:
    with server.client() as client:
        behind = {key: client.dump(key) or b"" for key in client.scan_iter()}
        yard.push(sale(7, START, amount=7.0))
        yard.intake.apply_all()
        for key, value in behind.items():
            client.restore(key, 0, value, replace=True)
    assert yard.online.check()
    assert not yard.online.check()
    assert yard.seen()["latest.amount"] == 7.0
    yard.vectors = newcomer(yard, server)
    assert yard.seen()["latest.amount"] == 7.0


def test_a_row_that_comes_into_an_empty_store_is_published_with_all_others_and_the_loss_is_told(yard: Yard, server: RedisServer) -> None:
    with server.client() as client:
        client.flushall()
    yard.push({**sale(7, START, amount=7.0), "shop": "b"})
    yard.intake.apply_all()
    yard.vectors = newcomer(yard, server)
    assert yard.seen()["latest.amount"] == 1.0
    assert yard.online.check()
    assert not yard.online.check()


def test_what_could_not_be_written_is_written_when_the_store_is_back_and_is_no_loss(yard: Yard, server: RedisServer) -> None:
    server.kill()
    try:
        for work in (lambda: yard.push(sale(7, START, amount=7.0)), yard.online.check):
            with pytest.raises(OnlineStoreError):
                work()
    finally:
        server.start()
    assert not yard.online.check()
    assert yard.seen()["latest.amount"] == 7.0


def test_a_file_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    with opened_yard(tmp_path) as yard:
        before = yard.seen()
        for file in tmp_path.glob("online.db*"):
            file.unlink()
        assert yard.online.check()
        assert not yard.online.check()
        assert yard.seen() == before
