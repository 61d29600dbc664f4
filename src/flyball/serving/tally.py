"""What may be lost is written down while the journal has no room for it, so that the heir of a killed server tells what that had counted.

Two small files take turns: a write that was cut off leaves the other one whole. What is about to be told stands here with the position
that the journal will give it, by which a successor knows whether it was told. Nothing is written before anything is lost.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from flyball.serving.record import Lost

NAMES = ("losses.0", "losses.1")
_ROOM_BYTES = 4096
_HEAD = struct.Struct("<QII")  # the number of the write, the length of what follows, its CRC
_LOG = logging.getLogger(__name__)


class Losing(msgspec.Struct, array_like=True, kw_only=True):
    """Rows of an endpoint that were lost in one way, and that the journal does not tell of yet; times as in `Lost`."""

    endpoint: str
    how: str
    rows: int
    start: int
    end: int
    why: str

    def told(self) -> Lost:
        """As an entry of the journal."""
        return Lost(endpoint=self.endpoint, rows=self.rows, start=self.start, end=self.end, why=self.why)


class _Stand(msgspec.Struct, array_like=True):
    """`telling` is the position of the last entry that will tell of all of them; 0 where nobody is about to."""

    losses: list[Losing]
    telling: int


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Stand)


class Tally:
    """The counts beside the journal in the directory `place`, which has one writer. For one event loop.

    What was set outlives the death of the process. Where nothing can be written, counts live as long as the process does, and it is said.
    """

    def __init__(self, place: Path) -> None:
        self._paths = [place / name for name in NAMES]
        self._descriptors: list[int] = []
        self._number = 0
        self._failed = False

    def find(self, last: int) -> list[Losing]:
        """What the predecessor had counted and not told in a journal whose last entry has the position `last`."""
        found = [read for path in self._paths if (read := _read(path)) is not None]
        if not found:
            return []
        self._number, stand = max(found, key=lambda read: read[0])
        return [] if 0 < stand.telling <= last else stand.losses

    def set(self, losses: Sequence[Losing], *, telling: int = 0) -> None:
        """These, and no others, are counted and not told."""
        self._number += 1
        body = _ENCODER.encode(_Stand(list(losses), telling))
        head = _HEAD.pack(self._number, len(body), zlib.crc32(body, self._number & 0xFFFFFFFF))
        try:
            if not self._descriptors:
                self._open()
            os.pwrite(self._descriptors[self._number % 2], head + body, 0)
        except OSError as error:
            if not self._failed:
                _LOG.warning("Rows that are lost are counted in memory alone: %s", error)
            self._failed = True

    def close(self) -> None:
        """Let go of the files; idempotent."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def _open(self) -> None:
        with ExitStack() as opening:
            made = []
            for path in self._paths:
                made.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
                opening.callback(os.close, made[-1])
                os.posix_fallocate(made[-1], 0, _ROOM_BYTES)  # before the disk is so full that records are lost for it
            opening.pop_all()
        self._descriptors = made


def _read(path: Path) -> tuple[int, _Stand] | None:
    try:
        data = path.read_bytes()
        number, size, crc = _HEAD.unpack_from(data)
        body = data[_HEAD.size : _HEAD.size + size]
        whole = len(body) == size and zlib.crc32(body, number & 0xFFFFFFFF) == crc
        return (number, _DECODER.decode(body)) if whole else None
    except (OSError, struct.error, msgspec.DecodeError):
        return None
