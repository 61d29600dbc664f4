"""Tables of text, cell by cell as text, in chunks that end with a row. Memory is bounded by the chunk, not by the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import polars.exceptions as plx

from flyball.data.errors import SourceEmptyError, SourceEncodingError, SourceUnreadableError
from flyball.data.sources.files.columns import NULLS, check_columns
from flyball.data.sources.files.unpacking import Stream

CHUNK_BYTES = 4 << 20
"""What is parsed at once: small enough for the caches of a processor, which makes it faster than more."""
_CHUNKS_PER_FRAME = 4
_HEAD_BYTES = 1 << 16
ROW_BYTES = 32 << 20
"""No row is longer; a quotation mark that is never closed would make one row of the rest."""


@dataclass
class CsvChunks:
    """The rows of a text; the first line names the columns, `separator` is found there unless it is given.

    Cells are texts; "", NA, N/A, NaN, nan, NULL and null are null, and so are the cells that a short row lacks.

    Raises:
        SourceEmptyError: no bytes, no header or no rows.
        SourceEncodingError: it is not UTF-8.
        SourceUnreadableError: it ends inside a row, a row has more cells than the header, or is longer than ROW_BYTES.
        DatasetError: the header names a column twice or one that cannot be used.
    """

    name: str
    stream: Stream
    separator: str | None = None
    _offset: int = 0
    _rows: int = 0

    def __iter__(self) -> Iterator[pl.DataFrame]:
        data = self._first_line()
        if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise SourceEncodingError(self.name, 0, likely="UTF-16")
        if data.startswith(b"\xef\xbb\xbf"):
            data, self._offset = data[3:], 3
        header, rest = self._split_header(data)
        separator = self.separator or max(",;\t|", key=header.count)
        columns = [column.strip() for column in next(csv.reader([header], delimiter=separator))]
        check_columns(self.name, columns)
        # Without a header of its own Polars takes the width from a chunk's first row, which may be a short one.
        head = separator.join(str(number) for number in range(len(columns))).encode() + b"\n"
        waiting: list[pl.DataFrame] = []
        for chunk in self._chunks(rest, head=head, width=len(columns), separator=separator):
            waiting.append(self._parsed(chunk, columns, skipped=len(head), separator=separator))
            if len(waiting) == _CHUNKS_PER_FRAME:
                yield pl.concat(waiting, rechunk=False)
                waiting = []
        if not self._rows:
            raise SourceEmptyError(self.name)
        if waiting:
            yield pl.concat(waiting, rechunk=False)

    def _first_line(self) -> bytes:
        """The file's beginning, with a line feed in it unless it has one line only."""
        data = self.stream.read(_HEAD_BYTES)
        if not data:
            raise SourceEmptyError(self.name, "content")
        while b"\n" not in data and (more := self.stream.read(CHUNK_BYTES)):
            data += more
            if len(data) > ROW_BYTES:
                raise SourceUnreadableError(self.name, f"its first line is longer than {ROW_BYTES >> 20} MB")
        return data

    def _split_header(self, data: bytes) -> tuple[str, bytes]:
        line, _, rest = data.partition(b"\n")
        self._check_text(line)
        header = line.decode("utf-8").rstrip("\r")
        if not header.strip():
            raise SourceEmptyError(self.name, "header")
        if "\r" in header:
            raise SourceUnreadableError(self.name, "its lines end with a carriage return alone; write them with line feeds")
        if header.count('"') % 2:
            raise SourceUnreadableError(self.name, "its header does not end on the first line")
        self._offset += len(line) + 1
        return header, rest

    def _chunks(self, data: bytes, *, head: bytes, width: int, separator: str) -> Iterator[bytes]:
        """Whole rows below `head`; each byte is copied once, for at this speed copies are what costs."""
        while more := self.stream.read(CHUNK_BYTES):
            cut = row_end(more, open_=data.count(b'"') % 2 == 1)
            if cut:
                yield b"".join([head, data, memoryview(more)[:cut]])
                data = more[cut:]
                continue
            data += more
            if len(data) >= ROW_BYTES:
                raise SourceUnreadableError(
                    self.name, f"a row is longer than {ROW_BYTES >> 20} MB; perhaps a quotation mark is never closed"
                )
        self._check_end(data, width=width, separator=separator)
        if data:
            yield head + data

    def _check_end(self, data: bytes, *, width: int, separator: str) -> None:
        """A file cut off inside a quoted cell or a row is refused; one cut off between two cells' characters cannot be told."""
        if data.count(b'"') % 2:
            raise SourceUnreadableError(self.name, "it ends inside a quoted cell")
        if not data or data.endswith(b"\n") or b'"' in (last := data.rsplit(b"\n", 1)[-1]):
            return
        cells = last.count(separator.encode()) + 1
        if cells < width:
            raise SourceUnreadableError(self.name, f"it ends inside a row: the last line has {cells} of {width} cells")

    def _parsed(self, chunk: bytes, columns: list[str], *, skipped: int, separator: str) -> pl.DataFrame:
        if (zero := chunk.find(b"\0")) >= 0:
            raise SourceEncodingError(self.name, self._offset + zero - skipped, likely="UTF-16")
        try:
            frame = pl.read_csv(chunk, separator=separator, infer_schema=False, null_values=NULLS, encoding="utf8")
        except (plx.PolarsError, plx.PanicException) as error:
            rows = chunk[skipped:]
            self._check_text(rows)
            raise SourceUnreadableError(self.name, self._why(rows, error, width=len(columns), separator=separator)) from error
        frame.columns = columns
        self._offset += len(chunk) - skipped
        self._rows += frame.height
        return frame

    def _check_text(self, chunk: bytes) -> None:
        if (zero := chunk.find(b"\0")) >= 0:
            raise SourceEncodingError(self.name, self._offset + zero, likely="UTF-16")
        try:
            chunk.decode("utf-8")
        except UnicodeDecodeError as error:
            around = chunk[error.start : error.start + 1]
            likely = "WINDOWS-1252" if b"\x80" <= around < b"\xa0" else "ISO-8859-1"
            raise SourceEncodingError(self.name, self._offset + error.start, likely=likely) from error

    def _why(self, chunk: bytes, error: BaseException, *, width: int, separator: str) -> str:
        """What a person should look for; the engine says no more than that something is wrong somewhere."""
        csv.field_size_limit(ROW_BYTES)
        rows = csv.reader(io.StringIO(chunk.decode("utf-8"), newline=""), delimiter=separator, strict=True)
        number = self._rows
        try:
            for row in rows:
                number += 1
                if len(row) > width:
                    return f"row {number:,} has {len(row):,} cells, its header has {width:,}"
        except csv.Error as found:
            return f"row {number + 1:,} is no row of cells ({found})"
        return f"a cell has a quotation mark where none may stand ({str(error).strip().splitlines()[0].rstrip('.')})"


def row_end(data: bytes, *, open_: bool = False) -> int:
    """Where the last whole row of the data ends: behind the last line feed that stands in no quoted cell; 0 where there is none.

    `open_` says that the data begin inside a quoted cell.
    """
    at = data.rfind(b"\n")
    quotes = data.count(b'"', 0, at) + open_ if at >= 0 else 0
    while at >= 0 and quotes % 2:
        opened = data.rfind(b'"', 0, at)
        before = data.rfind(b"\n", 0, opened) if opened >= 0 else -1
        quotes -= data.count(b'"', max(before, 0), opened + 1)
        at = before
    return at + 1
