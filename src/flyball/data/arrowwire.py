"""The wire form of an Arrow stream, read with every place checked: whatever the bytes say of themselves, no more is believed than is there.

The metadata of a message are a flatbuffer (https://flatbuffers.dev/internals), of which only what rows need is read. Nothing here
allocates by a number that the sender wrote.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from flyball.data.pusherrors import BrokenBodyError

_CONTINUES = b"\xff\xff\xff\xff"
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
_MOST_FIELDS, _MOST_BYTES_OF_A_NAME = 20_000, 1_000


class WireError(Exception):
    """Bytes that cannot be what they are said to be; `read_messages` and its users tell of it as of a broken body."""


def broken(why: str) -> BrokenBodyError:
    """The error of an Arrow stream that lies."""
    return BrokenBodyError("an Arrow stream", why)


@dataclass(frozen=True, slots=True)
class Table:
    """A flatbuffer's table at `place` of `data`; a field that is not there is its default."""

    data: bytes
    place: int

    def _field(self, index: int) -> int | None:
        (back,) = _unpack("<i", self.data, place=self.place)
        vtable = self.place - back
        (size,) = _unpack("<H", self.data, place=vtable)
        at = 4 + 2 * index
        if at + 2 > size:
            return None
        (offset,) = _unpack("<H", self.data, place=vtable + at)
        return self.place + offset if offset else None

    def number(self, index: int, *, form: str, default: int = 0) -> int:
        """The number of that form in a field."""
        place = self._field(index)
        return default if place is None else int(_unpack("<" + form, self.data, place=place)[0])

    def table(self, index: int) -> Table | None:
        """The table that a field refers to."""
        place = self._field(index)
        return None if place is None else Table(self.data, self._follow(place))

    def text(self, index: int) -> str | None:
        """The text that a field refers to."""
        place = self._field(index)
        if place is None:
            return None
        start, count = self._vector(place, 1)
        if count > _MOST_BYTES_OF_A_NAME:
            raise WireError(f"it has a name of {count:,} bytes")
        try:
            return self.data[start : start + count].decode()
        except UnicodeDecodeError as error:
            raise WireError("a name is not UTF-8") from error

    def tables(self, index: int) -> list[Table]:
        """The tables of the vector that a field refers to."""
        place = self._field(index)
        if place is None:
            return []
        start, count = self._vector(place, 4)
        if count > _MOST_FIELDS:
            raise WireError(f"it has {count:,} fields")
        return [Table(self.data, self._follow(start + 4 * number)) for number in range(count)]

    def structs(self, index: int, form: str) -> list[tuple[int, ...]]:
        """The structs, or numbers, of the vector that a field refers to."""
        place = self._field(index)
        if place is None:
            return []
        size = struct.calcsize("<" + form)
        start, count = self._vector(place, size)
        return list(struct.iter_unpack("<" + form, self.data[start : start + count * size]))

    def _follow(self, place: int) -> int:
        return place + int(_unpack("<I", self.data, place=place)[0])

    def _vector(self, place: int, size: int) -> tuple[int, int]:
        start = self._follow(place)
        (count,) = _unpack("<I", self.data, place=start)
        if start + 4 + count * size > len(self.data):
            raise WireError("a list is longer than the message")
        return start + 4, int(count)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its kind, its header, and its body."""

    kind: int
    header: Table
    body: memoryview


def read_messages(content: bytes) -> Iterator[Message]:
    """The messages of a stream, in order, to its end.

    Raises:
        WireError: the stream ends within one, or one lies.
    """
    place, view = 0, memoryview(content)
    while place < len(content):
        if content[place : place + 4] != _CONTINUES:
            raise WireError(f"no message begins at byte {place + 1:,}")
        (size,) = _unpack("<i", content, place=place + 4)
        place += 8
        if size == 0:
            return
        if not 0 < size <= len(content) - place:
            raise WireError("it ends within a message")
        metadata = content[place : place + size]
        place += size
        message = Table(metadata, int(_unpack("<I", metadata, place=0)[0]))
        header, length = message.table(2), message.number(3, form="q")
        if header is None or not 0 <= length <= len(content) - place:
            raise WireError("it ends within a message's body")
        yield Message(message.number(1, form="B"), header, view[place : place + length])
        place += length


def _unpack(form: str, data: bytes, *, place: int) -> tuple[int, ...]:
    if place < 0:
        raise WireError("a place before the message is referred to")
    try:
        return struct.unpack_from(form, data, place)
    except struct.error as error:
        raise WireError("a place behind the message is referred to") from error
