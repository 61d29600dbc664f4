"""What every worker says of itself in memory that the master sees too: no message, no system call, no waiting for either.

A worker writes its own slot and nobody else does; a value is written and read whole.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from typing import Self

_SLOT = struct.Struct("=qqdd")
_STRIDE = 64  # a cache line each


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker as it last said: connections it has `taken` in all and those `open`, its mean queue delay, and when it was last alive."""

    taken: int
    open: int
    delay_seconds: float
    beat_seconds: float


class Board:
    """Slots for `places` workers; `descriptor` opens the same board in another process."""

    def __init__(self, descriptor: int, places: int) -> None:
        self.descriptor, self.places = descriptor, places
        self._map = mmap.mmap(descriptor, places * _STRIDE)

    @classmethod
    def create(cls, places: int) -> Self:
        """A new board, all of zeros."""
        descriptor = os.memfd_create("flyball-workers")
        os.ftruncate(descriptor, places * _STRIDE)
        return cls(descriptor, places)

    def get(self, place: int) -> Seen:
        """What stands in the slot."""
        return Seen(*_SLOT.unpack_from(self._map, place * _STRIDE))

    def set(self, place: int, seen: Seen) -> None:
        """Write the slot."""
        _SLOT.pack_into(self._map, place * _STRIDE, seen.taken, seen.open, seen.delay_seconds, seen.beat_seconds)

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()
        os.close(self.descriptor)
