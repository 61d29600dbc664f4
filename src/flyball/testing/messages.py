"""The laws of message sources, for every backend: subclass `MessageSourceConformance` and give it a place to write to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import pytest

from flyball.core.errors import UnavailableError
from flyball.data.sources.messages import Message, MessageSource

PATIENCE_SECONDS = 60.0


class MessagePlace(ABC):
    """A stream to write to, and one group's way through it."""

    @abstractmethod
    def open(self) -> MessageSource:
        """A reader of the group, as a process of its own would open it."""

    @abstractmethod
    def send(self, *messages: Mapping[str, bytes]) -> None:
        """Append the messages to the stream."""

    @abstractmethod
    def stop(self) -> None:
        """The stream's server is gone."""

    @abstractmethod
    def start(self) -> None:
        """It is there again, with all that it was told."""


def numbered(first: int, count: int) -> list[dict[str, bytes]]:
    """Messages that say which they are."""
    return [{"n": str(number).encode()} for number in range(first, first + count)]


def numbers(found: Sequence[Message]) -> list[int]:
    """Which messages they are."""
    return [int((message.fields or {})["n"]) for message in found]


def take(source: MessageSource, count: int, *, limit: int = 100) -> list[Message]:
    """So many messages, or as many as come in a minute."""
    found: list[Message] = []
    for _ in range(int(PATIENCE_SECONDS)):
        found += source.read(limit, wait_seconds=1.0)
        if len(found) >= count:
            break
    return found


class MessageSourceConformance:
    """Every test gets a `place` of its own, by a fixture of the subclass."""

    def test_messages_come_in_order_each_once_and_no_more_than_asked_for(self, place: MessagePlace) -> None:
        place.send(*numbered(0, 25))
        source = place.open()
        parts = [source.read(10, wait_seconds=1.0) for _ in range(3)]
        assert [len(part) for part in parts] == [10, 10, 5]
        found = [message for part in parts for message in part]
        assert numbers(found) == list(range(25))
        assert len({message.offset for message in found}) == 25
        assert source.read(10, wait_seconds=0.0) == []
        place.send(*numbered(25, 1))
        assert numbers(take(source, 1)) == [25]
        source.close()

    def test_a_stream_that_nobody_has_written_to_is_empty(self, place: MessagePlace) -> None:
        source = place.open()
        assert list(source.read(10, wait_seconds=0.0)) == []
        place.send(*numbered(0, 2))
        assert numbers(take(source, 2)) == [0, 1]
        source.close()

    def test_what_was_not_acknowledged_comes_again_to_the_next_one_and_before_what_is_new(self, place: MessagePlace) -> None:
        place.send(*numbered(0, 6))
        source = place.open()
        found = take(source, 6)
        source.acknowledge([message.offset for message in found[:2]])
        source.close()
        place.send(*numbered(6, 2))
        source = place.open()
        again = take(source, 6)
        assert numbers(again) == [2, 3, 4, 5, 6, 7]
        assert [message.offset for message in again[:4]] == [message.offset for message in found[2:]]
        source.close()

    def test_what_was_acknowledged_never_comes_again(self, place: MessagePlace) -> None:
        place.send(*numbered(0, 4))
        source = place.open()
        found = take(source, 4)
        source.acknowledge([message.offset for message in found])
        source.acknowledge([message.offset for message in found])  # twice is once
        source.acknowledge([])
        source.close()
        source = place.open()
        assert list(source.read(10, wait_seconds=0.0)) == []
        source.close()

    def test_messages_are_any_bytes(self, place: MessagePlace) -> None:
        place.send({"a": b"\x00\xff\r\n", "b": b""}, {"a": b"x" * 100_000})
        source = place.open()
        assert [message.fields for message in take(source, 2)] == [{"a": b"\x00\xff\r\n", "b": b""}, {"a": b"x" * 100_000}]
        source.close()

    def test_a_server_that_is_gone_is_told_and_nothing_is_lost(self, place: MessagePlace) -> None:
        place.send(*numbered(0, 3))
        source = place.open()
        found = take(source, 3)
        source.acknowledge([found[0].offset])
        place.stop()
        with pytest.raises(UnavailableError):
            source.read(10, wait_seconds=0.0)
        with pytest.raises(UnavailableError):
            source.acknowledge([found[1].offset])
        place.start()
        place.send(*numbered(3, 1))
        assert numbers(take(source, 3)) == [1, 2, 3]
        source.close()

    def test_closing_is_repeatable(self, place: MessagePlace) -> None:
        source = place.open()
        source.close()
        source.close()
