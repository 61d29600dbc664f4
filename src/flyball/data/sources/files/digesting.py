"""A file whose bytes are digested while they are read, so that what was parsed is what was digested."""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Protocol, Self

from flyball.core.ids import Digest

_BUFFER_BYTES = 1 << 18


class ReadableFile(Protocol):
    """An open file of bytes."""

    def read(self, size: int = -1, /) -> bytes: ...
    def readinto(self, buffer: bytearray, /) -> int | None: ...
    def seek(self, position: int, /) -> int: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Digesting:
    """A `Stream` over a file from its beginning. Not thread-safe."""

    def __init__(self, file: ReadableFile) -> None:
        self.file = file
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer than `size` at the end only."""
        data = self.file.read(size)
        while len(data) < size and (more := self.file.read(size - len(data))):
            data += more
        self._hash.update(data)
        return data

    def again(self) -> Self:
        """From the beginning, with a digest of its own."""
        self.file.seek(0)
        self._hash = hashlib.sha256()
        return self

    def digest(self) -> Digest:
        """The SHA-256 of the whole file; what was not read yet is read now."""
        buffer = bytearray(_BUFFER_BYTES)
        view = memoryview(buffer)
        while size := self.file.readinto(buffer):
            self._hash.update(view[:size])
        return Digest(self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()
