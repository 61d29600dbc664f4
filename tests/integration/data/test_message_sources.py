"""Redis Streams keep the laws of message sources, and so does a list in memory; a source that forgets is caught."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from flyball.core.errors import UnavailableError
from flyball.data.declared.streams import RedisStreamSource, redis_stream
from flyball.data.errors import DatasetError
from flyball.data.sources._redis import RedisStream
from flyball.data.sources.messages import Message, MessageSource
from flyball.data.streamerrors import StreamKindError, StreamUnreachableError, StreamUrlError
from flyball.testing.messages import MessagePlace, MessageSourceConformance, numbered, numbers, take
from tests.redis import RedisServer, serving_redis

READINGS = redis_stream("READINGS_URL", "readings", group="tests")


class RedisPlace(MessagePlace):
    """A stream on a server of its own."""

    def __init__(self, server: RedisServer, source: RedisStreamSource = READINGS) -> None:
        self.server, self.source = server, source

    def open(self, *, abandoned_ms: int = 60_000) -> MessageSource:
        return RedisStream(self.source, {"READINGS_URL": self.server.url}, abandoned_ms=abandoned_ms)

    def send(self, *messages: Mapping[str, bytes]) -> None:
        with self.server.client() as client:
            for message in messages:
                client.xadd(self.source.stream, dict(message))  # type: ignore[arg-type]  # dict is invariant

    def stop(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()


@pytest.fixture
def redis_place(tmp_path: Path) -> Iterator[RedisPlace]:
    with serving_redis(tmp_path / "redis") as server:
        yield RedisPlace(server)


class TestRedis(MessageSourceConformance):
    @pytest.fixture
    def place(self, redis_place: RedisPlace) -> MessagePlace:
        return redis_place


class MemorySource:
    """A reader of a list."""

    def __init__(self, place: MemoryPlace) -> None:
        self._place, self._handed = place, set[str]()

    def read(self, limit: int, *, wait_seconds: float) -> Sequence[Message]:
        del wait_seconds
        self._there()
        left = [found for found in self._place.messages if found.offset not in self._place.done | self._handed]
        self._handed |= {found.offset for found in left[:limit]}
        return left[:limit]

    def acknowledge(self, offsets: Sequence[str]) -> None:
        self._there()
        self._place.done |= set(offsets)

    def _there(self) -> None:
        if self._place.away:
            self._handed = set()
            raise UnavailableError("It is away.")

    def close(self) -> None:
        self._handed = set()


class ForgetfulSource(MemorySource):
    """It takes what it hands out for done."""

    def read(self, limit: int, *, wait_seconds: float) -> Sequence[Message]:
        found = super().read(limit, wait_seconds=wait_seconds)
        self._place.done |= {message.offset for message in found}
        return found


class MemoryPlace(MessagePlace):
    """A list that stands for a server."""

    def __init__(self, reader: type[MemorySource] = MemorySource) -> None:
        self.messages, self.done, self.away = list[Message](), set[str](), False
        self._reader = reader

    def open(self) -> MessageSource:
        return self._reader(self)

    def send(self, *messages: Mapping[str, bytes]) -> None:
        for message in messages:
            self.messages.append(Message(f"{len(self.messages):06}", dict(message)))

    def stop(self) -> None:
        self.away = True

    def start(self) -> None:
        self.away = False


class TestMemory(MessageSourceConformance):
    @pytest.fixture
    def place(self) -> MessagePlace:
        return MemoryPlace()


def test_a_source_that_forgets_what_it_handed_out_is_caught() -> None:
    with pytest.raises(AssertionError):
        MessageSourceConformance().test_what_was_not_acknowledged_comes_again_to_the_next_one_and_before_what_is_new(
            MemoryPlace(ForgetfulSource)
        )


def test_what_another_consumer_has_left_is_taken_over(redis_place: RedisPlace) -> None:
    redis_place.send(*numbered(0, 3))
    with redis_place.server.client() as client:
        client.xgroup_create("readings", "tests", id="0")
        client.xreadgroup("tests", "somebody-else", {"readings": ">"}, count=2)
    source = redis_place.open(abandoned_ms=0)
    assert numbers(take(source, 3)) == [0, 1, 2]
    source.close()


def test_messages_that_the_stream_forgot_before_they_were_read_are_told(redis_place: RedisPlace) -> None:
    redis_place.send(*numbered(0, 3))
    source = redis_place.open()
    take(source, 3)
    source.close()
    with redis_place.server.client() as client:
        client.xtrim("readings", maxlen=1, approximate=False)
    source = redis_place.open()
    found = take(source, 3)
    assert [message.fields for message in found] == [None, None, {"n": b"2"}]
    source.close()


def test_a_stream_that_is_deleted_is_made_anew(redis_place: RedisPlace) -> None:
    redis_place.send(*numbered(0, 1))
    source = redis_place.open()
    take(source, 1)
    with redis_place.server.client() as client:
        client.flushall()
    with pytest.raises(StreamUnreachableError, match="made anew"):
        source.read(10, wait_seconds=0.0)
    redis_place.send(*numbered(5, 1))
    assert numbers(take(source, 1)) == [5]
    source.close()


def test_a_server_that_sleeps_is_told_in_seconds(redis_place: RedisPlace) -> None:
    redis_place.send(*numbered(0, 2))
    source = redis_place.open()
    assert numbers(source.read(1, wait_seconds=0.0)) == [0]
    with redis_place.server.asleep(), pytest.raises(StreamUnreachableError, match="in time"):
        source.read(1, wait_seconds=0.0)
    assert numbers(take(source, 2)) == [0, 1]
    source.close()


def test_what_is_no_stream_is_told(redis_place: RedisPlace) -> None:
    with redis_place.server.client() as client:
        client.set("readings", "x")
    with pytest.raises(StreamKindError, match="XADD"):
        redis_place.open().read(1, wait_seconds=0.0)


@pytest.mark.parametrize(("environment", "why"), [({}, "is not set"), ({"READINGS_URL": "http://secret@host"}, "holds no URL")])
def test_an_address_that_is_none_is_told_without_its_secret(environment: dict[str, str], why: str) -> None:
    with pytest.raises(StreamUrlError, match=why) as told:
        RedisStream(READINGS, environment)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(("variable", "stream"), [("redis://host", "s"), ("A B", "s"), ("A", ""), ("A", "x" * 100), ("A", "a\nb")])
def test_a_stream_is_declared_by_names(variable: str, stream: str) -> None:
    with pytest.raises(DatasetError):
        redis_stream(variable, stream)
