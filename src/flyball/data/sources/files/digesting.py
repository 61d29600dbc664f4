"""A file whose bytes are digested while they are read, so that what was parsed is what was digested."""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import BinaryIO, Self

from flyball.core.ids import Digest
from flyball.data.sources.files.unpacking import BLOCK_BYTES


class Digesting:
    """A `Stream` over a file from its beginning. Not thread-safe."""

    def __init__(self, file: BinaryIO) -> None:
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
        while self.read(BLOCK_BYTES):
            pass
        return Digest(self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()
