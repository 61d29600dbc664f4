"""Lines of JSON objects, cell by cell as text, in chunks of lines. Memory is bounded by the chunk, not by the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl
import polars.exceptions as plx

from flyball.data.errors import SourceEmptyError, SourceEncodingError, SourceUnreadableError
from flyball.data.sources.files.columns import MAX_COLUMNS, check_columns
from flyball.data.sources.files.csvchunks import CHUNK_BYTES, ROW_BYTES
from flyball.data.sources.files.unpacking import Stream

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass
class JsonChunks:
    """The rows of a text of which every line is an object; `open` gives the text anew, for it is read twice where it is long.

    The columns are all names that any line has, in the order in which they come first; a name that a line lacks is null. A
    number or a true or false becomes the text that JSON has for it, a list or an object its JSON.

    Raises:
        SourceEmptyError: no bytes or no rows.
        SourceEncodingError: it is not UTF-8.
        SourceUnreadableError: a line is no object, or longer than ROW_BYTES.
        DatasetError: a name cannot be a column's.
    """

    name: str
    open: Callable[[], Stream]
    _rows: int = 0

    def __iter__(self) -> Iterator[pl.DataFrame]:
        names: dict[str, None] = {}  # a dictionary keeps the order
        first: bytes | None = None
        for number, chunk in enumerate(self._chunks()):
            first = chunk if number == 0 else None
            names |= self._names(chunk)
            if len(names) > MAX_COLUMNS:
                break
        check_columns(self.name, list(names))
        if not names:
            raise SourceEmptyError(self.name)
        self._rows = 0
        for chunk in self._chunks() if first is None else [first]:
            yield self._parsed(chunk, list(names))

    def _chunks(self) -> Iterator[bytes]:
        stream, data, offset, any_bytes = self.open(), b"", 0, False
        while more := stream.read(CHUNK_BYTES):
            if not any_bytes and more.startswith(b"\xef\xbb\xbf"):
                more, offset = more[3:], 3
            any_bytes = True
            data += more
            cut = data.rfind(b"\n") + 1
            if not cut and len(data) >= ROW_BYTES:
                raise SourceUnreadableError(self.name, f"a line is longer than {ROW_BYTES >> 20} MB")
            if cut:
                _check_text(self.name, data[:cut], offset=offset)
                yield data[:cut]
                data, offset = data[cut:], offset + cut
        if not any_bytes:
            raise SourceEmptyError(self.name, "content")
        _check_text(self.name, data, offset=offset)
        if data.strip():
            yield data

    def _names(self, chunk: bytes) -> dict[str, None]:
        """The names that the chunk's lines have, in the order in which they come first."""
        try:
            lines: list[dict[str, Any]] = _OBJECT.decode_lines(chunk)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            lines = list(self._objects(chunk))
        self._rows += len(lines)
        names: dict[str, None] = {}
        for line in lines:
            if line.keys() - names.keys():
                names |= dict.fromkeys(line)
        return names

    def _parsed(self, chunk: bytes, columns: list[str]) -> pl.DataFrame:
        schema = dict.fromkeys(columns, pl.String())
        try:
            frame = pl.read_ndjson(chunk, schema=schema)
        except (plx.PolarsError, plx.PanicException):  # numbers beyond 64 bits, and lines that are none
            rows = [{name: _text(row.get(name)) for name in columns} for row in self._objects(chunk)]
            frame = pl.DataFrame(rows, schema=schema)
        self._rows += frame.height
        return frame

    def _objects(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        lines = (line for line in chunk.split(b"\n") if line.strip())
        for number, line in enumerate(lines, start=self._rows + 1):
            try:
                row = json.loads(line, parse_int=str, parse_float=str, parse_constant=_refuse)
            except (ValueError, RecursionError) as error:
                raise SourceUnreadableError(self.name, f"line {number:,} is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise SourceUnreadableError(self.name, f"line {number:,} is no object with the row's columns")
            yield row


def _check_text(name: str, chunk: bytes, *, offset: int) -> None:
    if chunk[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in chunk:
        raise SourceEncodingError(name, offset + max(0, chunk.find(b"\0")), likely="UTF-16")
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceEncodingError(name, offset + error.start, likely="ISO-8859-1") from error


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _text(cell: object) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return json.dumps(cell, ensure_ascii=False)
