"""What master and workers say to each other, as messages of a length (4 bytes, big-endian) and so many bytes of MessagePack.

Connections go beside it, as descriptors over a socket of their own, so that no plan keeps one waiting.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Literal, TypeAlias

import msgspec

from flyball.core.exposition import Family

LENGTH = struct.Struct(">I")
LONGEST_BYTES = 256 << 20
Verb: TypeAlias = Literal["figures", "load", "unload"]


class Hello(msgspec.Struct, tag=True):
    """A worker has begun and can be told what to serve."""


class Prepare(msgspec.Struct, tag=True):
    """Load this plan, as JSON, beside what is in force; nobody answers at the endpoints `without`."""

    number: int
    plan: bytes
    without: list[str]


class Prepared(msgspec.Struct, tag=True):
    """It is loaded; why endpoints stay as they were, by name."""

    number: int
    refused: dict[str, str]


class Commit(msgspec.Struct, tag=True):
    """Put what was prepared into force, but the endpoints `keep`."""

    number: int
    keep: list[str]


class Forget(msgspec.Struct, tag=True):
    """What was prepared is not wanted."""

    number: int


class Committed(msgspec.Struct, tag=True):
    """It is in force."""

    number: int
    revision: int


class Count(msgspec.Struct, tag=True):
    """Say what you counted."""

    number: int


class Counted(msgspec.Struct, tag=True):
    """What the worker counted; number 0 answers nobody."""

    number: int
    figures: list[Family]


class Shed(msgspec.Struct, tag=True):
    """So many connections are to come anew after their next answer, so that others get them."""

    connections: int


class Ask(msgspec.Struct, tag=True):
    """A worker was asked for something that concerns all."""

    number: int
    verb: Verb
    endpoint: str = ""


class Told(msgspec.Struct, tag=True):
    """The answer; `refused` says why nothing was done, and `unknown` that there is no such endpoint."""

    number: int
    figures: list[Family] = []
    refused: str = ""
    unknown: bool = False


Down: TypeAlias = Prepare | Commit | Forget | Count | Shed | Told
Up: TypeAlias = Hello | Prepared | Committed | Counted | Ask
_ENCODER = msgspec.msgpack.Encoder()
_DOWN: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_UP: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)


def framed(message: Down | Up) -> bytes:
    """The message with its length."""
    data = _ENCODER.encode(message)
    return LENGTH.pack(len(data)) + data


async def receive_down(reader: asyncio.StreamReader) -> Down:
    """The next message of the master.

    Raises:
        EOFError: it has ended.
    """
    return _DOWN.decode(await _receive(reader))


async def receive_up(reader: asyncio.StreamReader) -> Up:
    """The next message of a worker.

    Raises:
        EOFError: it has ended.
        msgspec.DecodeError: it said something else.
    """
    return _UP.decode(await _receive(reader))


async def _receive(reader: asyncio.StreamReader) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > LONGEST_BYTES:
        raise EOFError
    return await reader.readexactly(length)
