"""How a journal lies on disk: frames in segment files, each verifiable by itself.

A frame is what one `append` wrote, so that it is visible as a whole or not at all: the length of its body, the number of its entries, a
CRC-32, then the body: the entries' lengths and their bytes. The CRC covers the position of the first entry too: neither a
tail of zeros nor a frame from elsewhere passes for one.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flyball.storage.errors import EntryTooLargeError
from flyball.storage.journal import Entry

FRAME_LIMIT_BYTES = 1 << 30
CHUNK_BYTES = 1 << 18

_HEAD = struct.Struct("<III")  # length of the body, entries, CRC
_PLACE = struct.Struct("<QII")  # position of the first entry, length of the body, entries
_ONE = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Mark:
    """The frame at `offset` of the segment that begins with position `segment` begins with `position`."""

    segment: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole append: `count` entries, the first of which is at `mark`; the next frame, if any, is at `after`."""

    mark: Mark
    count: int
    body: bytes
    after: Mark

    def entries(self, position: int) -> list[Entry]:
        """The entries with positions above `position`."""
        lengths = struct.unpack_from(f"<{self.count}I", self.body)
        start, found = self.count * _ONE.size, []
        for number, length in enumerate(lengths, self.mark.position):
            if number > position:
                found.append(Entry(number, self.body[start : start + length]))
            start += length
        return found


def encode(position: int, payloads: Sequence[bytes]) -> bytes:
    """The frame of `payloads`, the first of which has `position`.

    Raises:
        EntryTooLargeError: they are larger than a frame may be.
    """
    count, sizes = len(payloads), [len(payload) for payload in payloads]
    size = count * _ONE.size + sum(sizes)
    if size > FRAME_LIMIT_BYTES:
        raise EntryTooLargeError(size, limit_bytes=FRAME_LIMIT_BYTES)
    body = b"".join((struct.pack(f"<{count}I", *sizes), *payloads))
    return _HEAD.pack(size, count, zlib.crc32(body, zlib.crc32(_PLACE.pack(position, size, count)))) + body


def frames(descriptor: int, mark: Mark) -> Iterator[Frame]:
    """The whole frames of an open segment from `mark` on, up to its end or to the first that is not whole."""
    data, start = b"", mark.offset  # what was read, and where in the file it begins
    while True:
        data, start = _enough(descriptor, (data, start), offset=mark.offset, size=_HEAD.size)
        if len(data) - (mark.offset - start) < _HEAD.size:
            return
        size, count, crc = _HEAD.unpack_from(data, mark.offset - start)
        end = mark.offset + _HEAD.size + size
        data, start = _enough(descriptor, (data, start), offset=mark.offset, size=end - mark.offset)
        body = data[mark.offset - start + _HEAD.size : end - start]
        if len(body) < size or zlib.crc32(body, zlib.crc32(_PLACE.pack(mark.position, size, count))) != crc:
            return
        frame = Frame(mark, count, body, Mark(mark.segment, end, mark.position + count))
        yield frame
        mark = frame.after


def _enough(descriptor: int, read: tuple[bytes, int], *, offset: int, size: int) -> tuple[bytes, int]:
    """What was read when it has `size` bytes from `offset` on, else a new chunk that begins at `offset`; shorter at the file's end."""
    data, start = read
    if len(data) - (offset - start) >= size:
        return read
    if size > CHUNK_BYTES and os.fstat(descriptor).st_size < offset + size:
        return b"", offset  # a length that is damage, or a frame that is not whole yet: no reason to read on
    return os.pread(descriptor, max(size, CHUNK_BYTES), offset), offset


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of the file, closed behind the block."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def segment_path(root: Path, first: int) -> Path:
    """The file of the segment whose first entry has position `first`."""
    return root / f"SEGMENT-{first:020d}.log"


def segments(root: Path) -> list[int]:
    """The first positions of all segments, ascending; none where there is no journal yet."""
    try:
        names = os.listdir(root)  # noqa: PTH208  a tenth of what Path.iterdir costs, at every idle poll
    except FileNotFoundError:
        return []
    return sorted(int(name[8:-4]) for name in names if name.startswith("SEGMENT-") and name.endswith(".log") and name[8:-4].isdecimal())


class Acknowledgement:
    """The acknowledged position, in a small file that is replaced as a whole."""

    def __init__(self, root: Path) -> None:
        self._path = root / "acknowledged"

    def get(self) -> int:
        """The position, 0 when there is none: what stands there in no such form says nothing."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return 0
        return int(text) if text.endswith("\n") and text[:-1].isdecimal() else 0

    def set(self, position: int) -> None:
        """It is `position` for every process from now on."""
        aside = self._path.with_name(f"acknowledged.{os.getpid()}")
        try:
            aside.write_text(f"{position}\n")
            aside.replace(self._path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
