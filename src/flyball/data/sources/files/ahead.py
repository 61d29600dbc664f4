"""The next block is read, unpacked and digested while the one before it is parsed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from flyball.data.sources.files.unpacking import Stream


class Ahead:
    """A `Stream` that is one block ahead of its reader, who always asks for `size` bytes. Errors come where their block would."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self._size = stream, size
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._next: Future[bytes] | None = None
        self._left = b""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; fewer where a block ends."""
        block = self._left or self._block()
        self._left = block[size:]
        return block[:size] if self._left else block

    def _block(self) -> bytes:
        block = (self._next or self._pool.submit(self._stream.read, self._size)).result()
        self._next = self._pool.submit(self._stream.read, self._size) if block else None
        return block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
