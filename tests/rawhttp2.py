"""A client of HTTP/2 that does only what it is told: it need not make room for answers, nor end what it began."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

DATA, HEADERS, RST, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_INITIAL_WINDOW = 4


def frame(kind: int, flags: int, *, stream: int, payload: bytes = b"") -> bytes:
    """A frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _written(name: str, value: str) -> bytes:
    """A header that goes into no table, its texts as they are."""
    return b"\x00" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


@dataclass
class RawClient:
    """One connection, whose streams have `window` bytes of room for an answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    next_stream: int = 1
    told: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    async def connect(cls, port: int, *, window: int) -> Self:
        """The connection, once both have said how they speak."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client.writer.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, stream=0, payload=struct.pack(">HI", _INITIAL_WINDOW, window))
        )
        while (await client.read())[:2] != (SETTINGS, _ACK):
            pass
        return client

    def call(self, path: str, message: bytes | None = b"", *, whole: bool = True, packed: bool = False) -> int:
        """Begin a call; its stream's number. Without a message, or with one that is not `whole`, it does not end.

        A message that is said to be `packed` is gzip's.
        """
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        head = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "content-type": "application/grpc"}
        more = [*head.items(), ("te", "trailers"), *([("grpc-encoding", "gzip")] if packed else [])]
        self.writer.write(frame(HEADERS, _END_HEADERS, stream=stream, payload=b"".join(_written(*item) for item in more)))
        if message is not None:
            size = len(message) + (0 if whole else 100)
            self.writer.write(frame(DATA, _END_STREAM if whole else 0, stream=stream, payload=struct.pack(">BI", packed, size) + message))
        return stream

    def make_room(self, stream: int) -> None:
        """The stream's answer may come."""
        self.writer.write(frame(WINDOW, 0, stream=stream, payload=struct.pack(">I", 1 << 20)))

    async def read(self) -> tuple[int, int, int, bytes]:
        """The next frame: kind, flags, stream and payload; what HTTP/2 itself asks is answered on the way.

        Raises:
            asyncio.IncompleteReadError, ConnectionError: the connection has ended.
        """
        head = await self.reader.readexactly(9)
        size, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
        payload = await self.reader.readexactly(size)
        if kind in {SETTINGS, PING} and not flags & _ACK:
            self.writer.write(frame(kind, _ACK, stream=0, payload=payload if kind == PING else b""))
        return kind, flags, stream, payload

    async def ended(self) -> None:
        """The server has closed the connection when this returns."""
        try:
            while True:
                await self.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def trailers(self, stream: int) -> bytes:
        """The last headers of the stream, as they came."""
        while stream not in self.told:
            kind, flags, of, payload = await self.read()
            if kind == HEADERS and flags & _END_STREAM:
                self.told[of] = payload
        return self.told[stream]

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError):  # the server may have been faster
            await self.writer.wait_closed()
