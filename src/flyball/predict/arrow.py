"""Rows as an Arrow IPC stream, and answers as one.

The library that reads a stream believes what the stream says of its own sizes, and a compressed one unpacks to whatever it likes. So the
messages are walked first, as their format has them (`https://arrow.apache.org/docs/format/Columnar.html`): every length that is said
lies inside of what is there, no batch has more rows than a request may have, and nothing is compressed or nested.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from flyball.predict.errors import ArrowError
from flyball.serving.asked import Answer
from flyball.serving.errors import TooManyRowsError
from flyball.serving.rowform import MAX_ROWS

KIND = b"application/vnd.apache.arrow.stream"
_CONTINUES = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_NODE_BYTES = 16
_MOST_COLUMNS = 10_000
_MOST_MESSAGES, _MOST_PAIRS = 4_000, 200_000
"""Each costs a look of ours, and a body of nothing else holds fifty thousand: who sends rows has no more batches than rows."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a flatbuffer: its fields by their place; one that is not there is 0."""

    data: bytes
    start: int

    def field(self, place: int) -> int:
        """Where the field is, 0 where it is not."""
        table = self.start - self.read("<i", self.start)
        size = self.read("<H", table)
        entry = 4 + 2 * place
        offset = self.read("<H", table + entry) if entry + 2 <= size else 0
        return self.start + offset if offset else 0

    def number(self, form: str, place: int) -> int:
        where = self.field(place)
        return self.read(form, where) if where else 0

    def table(self, place: int) -> _Table:
        where = self.field(place)
        if not where:
            raise ArrowError("a message has no content")
        return _Table(self.data, where + self.read("<I", where))

    def pairs(self, place: int) -> Iterator[tuple[int, int]]:
        """The vector of structures of two numbers each."""
        where = self.field(place)
        if where:
            start = where + self.read("<I", where)
            count = self.read("<I", start)
            if count > _MOST_PAIRS:
                raise ArrowError("a message has more columns than a request may")
            for index in range(count):
                at = start + 4 + index * _NODE_BYTES
                yield self.read("<q", at), self.read("<q", at + 8)

    def read(self, form: str, where: int) -> int:
        try:
            if where < 0:
                raise ArrowError("a message points before itself")
            found: int = struct.unpack_from(form, self.data, where)[0]
        except struct.error as error:
            raise ArrowError("a message points behind itself") from error
        return found


def check(body: bytes, *, most_rows: int = MAX_ROWS) -> int:
    """How many rows the stream has; what it says of its sizes is so.

    Raises:
        ArrowError: it is no stream, or one that is not taken.
        TooManyRowsError: it has more rows than a request may have.
    """
    place, rows, pairs = 0, 0, 0
    for number, (kind, head, start, size) in enumerate(_messages(body), start=1):
        place = start + size
        if kind in {_DICTIONARY, _BATCH}:
            batch = head.table(1) if kind == _DICTIONARY else head
            length, looked = _check_batch(batch, size, most_rows=most_rows)
            pairs += looked
            rows += length if kind == _BATCH else 0
        elif kind != _SCHEMA:
            raise ArrowError("it has a message that is neither schema nor rows")
        if rows > most_rows:
            raise TooManyRowsError(rows, limit=most_rows)
        if number > _MOST_MESSAGES or pairs > _MOST_PAIRS:
            raise ArrowError("it has more batches or columns than its rows can need; write it as one batch")
    if place == 0:
        raise ArrowError("it has no message")
    return rows


def _messages(body: bytes) -> Iterator[tuple[int, _Table, int, int]]:
    """The messages: kind, content, and where the bytes of it begin and how many they are."""
    place = 0
    while place + 8 <= len(body):
        mark, size = struct.unpack_from("<II", body, place)
        place += 8
        if mark != _CONTINUES:
            raise ArrowError("it does not begin as a stream does")
        if size == 0:
            return
        if place + size > len(body):
            raise ArrowError("it ends within a message")
        message = _Table(body[place : place + size], 0)
        message = _Table(message.data, message.read("<I", 0))
        place += size
        inside = message.number("<q", 3)
        if not 0 <= inside <= len(body) - place:
            raise ArrowError("it ends within its values")
        yield message.number("<B", 1), message.table(2), place, inside
        place += inside


def _check_batch(batch: _Table, size: int, *, most_rows: int) -> tuple[int, int]:
    """How many rows the batch has, and how many facts of its columns were looked at."""
    if batch.field(3):
        raise ArrowError("its values are compressed")
    length = batch.number("<q", 0)
    if length < 0:
        raise ArrowError("it has a negative number of rows")
    if length > most_rows:
        raise TooManyRowsError(length, limit=most_rows)
    looked = 0
    for rows, nulls in batch.pairs(1):
        looked += 1
        if rows != length or not 0 <= nulls <= rows:
            raise ArrowError("a column is nested, or has not the length of its batch")
    for start, count in batch.pairs(2):
        looked += 1
        if start < 0 or count < 0 or start + count > size:
            raise ArrowError("a column lies outside of its batch")
    return length, looked


def read(body: bytes, *, most_rows: int = MAX_ROWS) -> dict[str, pl.Series]:
    """The columns of the stream.

    Raises:
        ArrowError: it is no stream, or one that is not taken.
        TooManyRowsError: it has more rows than a request may have.
    """
    check(body, most_rows=most_rows)
    try:
        frame = pl.read_ipc_stream(io.BytesIO(body), use_pyarrow=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ArrowError("it is damaged") from error  # the library's own words are about its source
    if frame.width > _MOST_COLUMNS:
        raise ArrowError(f"it has {frame.width:,} columns; it may have {_MOST_COLUMNS:,}")
    return {series.name: series for series in frame.get_columns()}


def render(answer: Answer) -> bytes:
    """The answer as a stream of one batch, with the columns of `frame_of`."""
    return written([frame_of(answer)])


def written(frames: Sequence[pl.DataFrame]) -> bytes:
    """The frames as one stream; what one of them has not is null there."""
    out = io.BytesIO()
    frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed", rechunk=True)
    frame.write_ipc_stream(out, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def frame_of(answer: Answer) -> pl.DataFrame:
    """A column for each field of a prediction in JSON, and `probability.CLASS` for each class."""
    rows = answer.rows
    columns = [pl.Series("key", keys) for keys in [rows.keys()] if keys]
    columns += [
        pl.Series("id", answer.column(lambda part: part.ids), dtype=pl.String),
        _said(answer),
        pl.Series("score", answer.column(lambda part: part.scores), dtype=pl.Float64),
        pl.Series("version", answer.column(lambda part: [part.version] * len(part.rows)), dtype=pl.Int64),
        pl.Series("route", answer.column(lambda part: [part.route] * len(part.rows)), dtype=pl.String),
    ]
    if any(part.probabilities for part in answer.parts):
        each = answer.column(lambda part: part.probabilities or [{}] * len(part.rows))
        names = dict.fromkeys(name for row in each for name in row)
        columns += [pl.Series(f"probability.{name}", [row.get(name) for row in each], dtype=pl.Float64) for name in names]
    if any(part.warnings for part in answer.parts):
        warned = answer.column(lambda part: [part.warnings.get(place, []) for place in range(len(part.rows))])
        columns.append(pl.Series("warnings", warned, dtype=pl.List(pl.String)))
    return pl.DataFrame(columns)


def _said(answer: Answer) -> pl.Series:
    values = answer.column(lambda part: part.predictions)
    with suppress(TypeError, OverflowError):  # values of several types are their texts
        return pl.Series("prediction", values, strict=True)
    return pl.Series("prediction", [str(value) for value in values], dtype=pl.String)
