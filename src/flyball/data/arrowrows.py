"""An Arrow stream as a frame, by a reader of our own: a body that lies is refused, and no library is asked to believe it.

Flat columns of numbers, booleans, texts, dates and timestamps, not compressed: what rows consist of. Every offset, length and count is
checked against the bytes that are there before anything is made of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flyball.data.arrowwire import BATCH, DICTIONARY, SCHEMA, Table, WireError, broken, read_messages
from flyball.data.bodies import MAX_ROWS
from flyball.data.errors import RowsError
from flyball.data.model import TIME
from flyball.data.pusherrors import ArrowKindError

_NULL, _INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 1, 2, 3, 5, 6, 8, 10, 20, 24
_HINT = "Send flat columns of numbers, booleans, texts, dates and timestamps, not compressed; gzip the body instead"
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_FIRST, _LAST = _FIRST_DAY * 86_400_000_000, (_LAST_DAY + 1) * 86_400_000_000 - 1
"""What lies out of the calendar is put at its edge: Polars panics at such times, and a row with an edge in it is set aside."""
_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)
_INLINE = 12
_MOST_CELLS = 10_000_000

Bytes = memoryview
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: int
    type: Table


class _Buffers:
    """The buffers of one batch, handed out in order."""

    def __init__(self, header: Table, body: Bytes) -> None:
        if header.table(3) is not None:
            raise ArrowKindError("a compressed batch", hint=_HINT)
        self.length = header.number(0, form="q")
        self.valid_rows: NDArray[np.bool_] | None = None
        self._body, self._left = body, len(body)
        self._nodes, self._places = iter(header.structs(1, "qq")), iter(header.structs(2, "qq"))
        self._variadic = iter(header.structs(4, "q"))

    def node(self) -> None:
        """Begin a column, which has as many rows as the batch."""
        length, _ = next(self._nodes, (-1, 0))
        if length != self.length:
            raise WireError("a column has another number of rows than its batch")

    def next(self) -> Bytes:
        """The next buffer."""
        offset, length = next(self._places, (-1, 0))
        if offset < 0 or length < 0 or offset + length > len(self._body):
            raise WireError("a buffer lies outside of its batch")
        self._left -= length
        if self._left < 0:  # many columns in the same bytes would be far more than was sent
            raise WireError("its buffers overlap")
        return self._body[offset : offset + length]

    def views(self) -> list[Bytes]:
        """The data buffers of a column of views."""
        (count,) = next(self._variadic, (-1,))
        if not 0 <= count <= MAX_ROWS:
            raise WireError("a column has an impossible number of buffers")
        return [self.next() for _ in range(count)]

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        """The next buffer as so many numbers."""
        found = self.next()
        size = np.dtype(dtype).itemsize * count
        if len(found) < size:
            raise WireError("a buffer is shorter than its rows")
        return np.frombuffer(found[:size], dtype=dtype)

    def bits(self) -> NDArray[np.bool_]:
        """The next buffer as a bit for each row."""
        return self._bits(self.next())

    def valid(self) -> NDArray[np.bool_] | None:
        """Which rows have a value; None where all have."""
        found = self.next()
        return None if len(found) == 0 else self._bits(found)

    def _bits(self, found: Bytes) -> NDArray[np.bool_]:
        size = (self.length + 7) // 8
        if len(found) < size:
            raise WireError("a buffer is shorter than its rows")
        return np.unpackbits(np.frombuffer(found[:size], dtype=np.uint8), count=self.length, bitorder="little").astype(np.bool_)


def read_arrow(dataset: str, content: bytes) -> pl.DataFrame:
    """The rows of an Arrow stream; a timestamp with a zone is UTC, one without stays without.

    Raises:
        BrokenBodyError: the stream is damaged, or lies about itself.
        ArrowKindError: it has a type that rows have no use for, or is compressed.
        RowsError: it has more than 10,000 rows.
    """
    try:
        return _read(dataset, content)
    except WireError as error:
        raise broken(str(error)) from error


def _read(dataset: str, content: bytes) -> pl.DataFrame:
    fields: list[_Field] | None = None
    frames, rows = list[pl.DataFrame](), 0
    for message in read_messages(content):
        if message.kind == SCHEMA and fields is None:
            fields = list(_fields(message.header))
        elif message.kind == BATCH and fields is not None:
            buffers = _Buffers(message.header, message.body)
            rows += buffers.length
            if buffers.length < 0 or rows > MAX_ROWS:
                raise RowsError(dataset, f"they are {rows:,}; send 1 to {MAX_ROWS:,} at once")
            if rows * len(fields) > _MOST_CELLS:
                raise RowsError(dataset, f"they have {rows * len(fields):,} cells; send at most {_MOST_CELLS:,} at once")
            frames.append(pl.DataFrame([_column(field, buffers) for field in fields]))
        elif message.kind == DICTIONARY:
            raise ArrowKindError("a dictionary (a categorical column)", hint="Cast it to text")
        else:
            raise WireError("its messages come in no order that has a meaning")
    if fields is None:
        raise WireError("it has no schema")
    return pl.concat(frames) if frames else pl.DataFrame()


def _fields(schema: Table) -> Iterator[_Field]:
    if schema.number(0, form="h"):
        raise ArrowKindError("numbers of the other byte order", hint="Send little-endian numbers")
    seen = set[str]()
    for field in schema.tables(1):
        name, kind, type_ = field.text(0) or "", field.number(2, form="B"), field.table(3)
        if field.table(4) is not None:
            raise ArrowKindError(f"the categorical column {name[:60]!r}", hint="Cast it to text")
        if kind not in _READERS or type_ is None:
            raise ArrowKindError(f"the column {name[:60]!r} of a type that is not taken", hint=_HINT)
        if name in seen:
            raise WireError(f"it has two columns {name[:60]!r}")
        seen.add(name)
        yield _Field(name, kind, type_)


def _column(field: _Field, buffers: _Buffers) -> pl.Series:
    buffers.node()
    if field.kind == _NULL:
        return pl.repeat(None, buffers.length, dtype=pl.Null, eager=True).alias(field.name)
    valid = buffers.valid_rows = buffers.valid()
    values = _READERS[field.kind](field.type, buffers).alias(field.name)
    return values if valid is None else values.set(pl.Series(~valid), None)


def _ints(kind: Table, buffers: _Buffers) -> pl.Series:
    bits = kind.number(0, form="i")
    if bits not in {8, 16, 32, 64}:
        raise WireError(f"it has integers of {bits} bits")
    return pl.Series(buffers.array(f"<{'i' if kind.number(1, form='B') else 'u'}{bits // 8}", buffers.length))


def _floats(kind: Table, buffers: _Buffers) -> pl.Series:
    form = {0: "<f2", 1: "<f4", 2: "<f8"}.get(kind.number(0, form="h"))
    if form is None:
        raise WireError("it has floats of no known size")
    return pl.Series(buffers.array(form, buffers.length).astype(np.float64))


def _bools(kind: Table, buffers: _Buffers) -> pl.Series:
    del kind
    return pl.Series(buffers.bits())


def _dates(kind: Table, buffers: _Buffers) -> pl.Series:
    if kind.number(0, form="h", default=1) == 0:
        days = pl.Series(buffers.array("<i4", buffers.length).astype(np.int64))
    else:
        days = pl.Series(buffers.array("<i8", buffers.length)) // 86_400_000
    return days.clip(_FIRST_DAY, _LAST_DAY).cast(pl.Int32).cast(pl.Date)


def _timestamps(kind: Table, buffers: _Buffers) -> pl.Series:
    unit, zone = kind.number(0, form="h"), kind.text(1)
    if not 0 <= unit < len(_PER_SECOND):
        raise WireError("it has timestamps of no known unit")
    numbers = pl.Series(buffers.array("<i8", buffers.length))
    per_second = _PER_SECOND[unit]
    if per_second > 1_000_000:
        numbers = numbers // 1_000
    elif per_second < 1_000_000:
        factor = 1_000_000 // per_second
        numbers = numbers.clip(_FIRST // factor, _LAST // factor) * factor
    return numbers.clip(_FIRST, _LAST).cast(TIME if zone else pl.Datetime("us"))


def _texts(wide: str) -> Callable[[Table, _Buffers], pl.Series]:
    def read(kind: Table, buffers: _Buffers) -> pl.Series:
        del kind
        if buffers.length == 0:
            buffers.next(), buffers.next()
            return pl.Series([], dtype=pl.String)
        offsets: Numbers = buffers.array(wide, buffers.length + 1).astype(np.int64)
        data = bytes(buffers.next())
        if offsets[0] < 0 or offsets[-1] > len(data) or (np.diff(offsets) < 0).any():
            raise WireError("a text lies outside of its buffer")
        return _strings(data, offsets)

    return read


def _strings(data: bytes, offsets: Numbers) -> pl.Series:
    places = offsets.tolist()
    if data.isascii():
        text = data.decode("ascii")
        return pl.Series([text[start:end] for start, end in itertools.pairwise(places)], dtype=pl.String)
    try:
        return pl.Series([data[start:end].decode() for start, end in itertools.pairwise(places)], dtype=pl.String)
    except UnicodeDecodeError as error:
        raise WireError("a text is not UTF-8") from error


def _views(kind: Table, buffers: _Buffers) -> pl.Series:
    del kind
    raw = buffers.array("<u1", 16 * buffers.length)
    views, heads = raw.tobytes(), raw.view("<u4").reshape(-1, 4)
    held = [bytes(found) for found in buffers.views()]
    lengths, numbers, offsets = heads[:, 0].astype(np.int64), heads[:, 2], heads[:, 3].astype(np.int64)
    if buffers.valid_rows is not None:
        lengths = np.where(buffers.valid_rows, lengths, 0)  # what stands where no value is may be anything
    apart = lengths > _INLINE
    ends = np.array([*map(len, held), 0], dtype=np.int64)[np.minimum(numbers, len(held))]
    if (apart & (offsets + lengths > ends)).any():
        raise WireError("a text lies outside of its buffer")
    where = zip(lengths.tolist(), numbers.tolist(), offsets.tolist(), range(4, len(views) + 4, 16), strict=True)
    try:
        cells = [
            (views[place : place + length] if length <= _INLINE else held[number][offset : offset + length]).decode()
            for length, number, offset, place in where
        ]
    except UnicodeDecodeError as error:
        raise WireError("a text is not UTF-8") from error
    return pl.Series(cells, dtype=pl.String)


_READERS: dict[int, Callable[[Table, _Buffers], pl.Series]] = {
    _NULL: _bools, _INT: _ints, _FLOAT: _floats, _BOOL: _bools, _DATE: _dates, _TIMESTAMP: _timestamps,
    _UTF8: _texts("<i4"), _LARGE_UTF8: _texts("<i8"), _UTF8_VIEW: _views,
}  # fmt: skip
