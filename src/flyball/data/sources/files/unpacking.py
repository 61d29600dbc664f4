"""Packed files are unpacked block by block, and no further than a file of their size can honestly become."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Protocol

from flyball.core.optional import extra
from flyball.data.errors import SourceUnreadableError
from flyball.data.fileerrors import FileTooLargeError

BLOCK_BYTES = 1 << 20
ALWAYS_BYTES, AT_MOST_TIMES = 64 << 20, 200
"""What any file may unpack to, and how many times its own size beyond that: rows of real tables pack 5 to 50 times."""


class Stream(Protocol):
    """Bytes in their order; b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class _Member(Protocol):
    """One packed stream; several may stand behind each other in a file."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """zlib's stream, as those of the other packings are."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def _member(packing: str) -> _Member:
    match packing:
        case "gzip":
            return _Gzip()
        case "bzip2":
            return bz2.BZ2Decompressor()
        case "xz":
            return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=256 << 20)
        case _:
            with extra("zstd"):
                from backports import zstd

            found: _Member = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})
            return found


class Unpacked:
    """The content of a packed file as a `Stream`, in blocks of at most a megabyte; several packed streams are one content.

    Raises:
        SourceUnreadableError: it is damaged or ends early.
        FileTooLargeError: it becomes more than ALWAYS_BYTES and more than AT_MOST_TIMES its own size.
        MissingExtraError: the packing needs a library that is not installed.
    """

    def __init__(self, file: Stream, *, packing: str, where: str, size_bytes: int) -> None:
        self._file, self._packing, self._where = file, packing, where
        self._limit_bytes = max(ALWAYS_BYTES, AT_MOST_TIMES * size_bytes)
        self._out_bytes = 0
        self._member, self._input, self._at_end, self._fresh = _member(packing), b"", False, True

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, and fewer at the end only."""
        parts, left = [], size
        while left > 0 and (part := self._next(min(left, BLOCK_BYTES))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _next(self, size: int) -> bytes:
        while not self._at_end:
            if self._member.needs_input and not self._input:
                self._input = self._file.read(BLOCK_BYTES)
                if not self._input:
                    self._end()
                    break
            part = self._decompress(size)
            if self._member.eof:
                self._input = self._member.unused_data.lstrip(b"\0")  # some writers pad with zeros between streams
                self._member, self._fresh = _member(self._packing), True
            if part:
                self._out_bytes += len(part)
                if self._out_bytes > self._limit_bytes:
                    raise FileTooLargeError(
                        self._where,
                        f"it unpacks to more than {self._limit_bytes >> 20:,} MB, far more than a packed table does; unpack it yourself",
                    )
                return part
        return b""

    def _decompress(self, size: int) -> bytes:
        given, self._input = self._input, b""
        self._fresh = self._fresh and not given
        try:
            return self._member.decompress(given, size)
        except Exception as error:
            # Each packing has errors of its own; those of memory and interrupts are none.
            if not isinstance(error, zlib.error | lzma.LZMAError | OSError | ValueError | EOFError) and type(error).__name__ != "ZstdError":
                raise
            raise SourceUnreadableError(self._where, f"the {self._packing} stream is damaged ({error})") from error

    def _end(self) -> None:
        self._at_end = True
        if not self._fresh:
            raise SourceUnreadableError(self._where, f"the {self._packing} stream is damaged or ends early")


def unpacked(file: Stream, *, packing: str | None, where: str, size_bytes: int) -> Stream:
    """The file's content."""
    return file if packing is None else Unpacked(file, packing=packing, where=where, size_bytes=size_bytes)
