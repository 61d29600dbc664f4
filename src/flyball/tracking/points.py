"""Metric points as arrays: packed for the disk, put in order, paged and sampled. It knows no database.

A point that is logged twice is one point: who repeats a request that was answered too late changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Longs: TypeAlias = NDArray[np.int64]
Doubles: TypeAlias = NDArray[np.float64]

RECORD_BYTES = 28
_RECORD = np.dtype([("key", "<i4"), ("step", "<i8"), ("time_ms", "<i8"), ("value", "<f8")])
_HEAD = struct.Struct("<BI")
_INTS = struct.Struct("<qqB")
_FORM = 1
_MOST = 2**63 - 1
_WIDTHS: tuple[type[np.unsignedinteger], ...] = (np.uint8, np.uint16, np.uint32, np.uint64)

Point: TypeAlias = tuple[int, int, int, float]  # key, step, time_ms, value


@dataclass(frozen=True, slots=True)
class Columns:
    """Points of one metric of one run; three arrays of the same length."""

    times: Longs
    steps: Longs
    values: Doubles

    def __len__(self) -> int:
        return len(self.times)

    def take(self, which: NDArray[np.bool_] | Longs | slice) -> Columns:
        """The points at these places."""
        return Columns(self.times[which], self.steps[which], self.values[which])

    def step_column(self) -> Longs:
        """The steps."""
        return self.steps

    @property
    def step_range(self) -> tuple[int, int] | None:
        """The first and the last step where each is above the one before it; None where one is not."""
        rising = len(self) and bool(np.all(self.steps[1:] > self.steps[:-1]))
        return (int(self.steps[0]), int(self.steps[-1])) if rising else None


NOTHING = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def records(points: Sequence[Point]) -> bytes:
    """28 bytes per point: key, step, time and value, little-endian.

    Raises:
        struct.error: a number does not fit.
    """
    return struct.pack("<" + "iqqd" * len(points), *(part for point in points for part in point))


def by_key(stored: Iterable[bytes]) -> dict[int, Columns]:
    """The points of these records, by key, in the order in which they stand."""
    table = np.frombuffer(b"".join(stored), dtype=_RECORD)
    if not len(table):
        return {}
    order = np.argsort(table["key"], kind="stable")
    keys, starts = np.unique(table["key"][order], return_index=True)
    return {int(key): _columns(table[part]) for key, part in zip(keys, np.split(order, starts[1:]), strict=True)}


def of_key(stored: Iterable[bytes], key: int) -> Columns:
    """The points of these records that have `key`, in the order in which they stand."""
    table = np.frombuffer(b"".join(stored), dtype=_RECORD)
    return _columns(table[table["key"] == key])


def _columns(table: NDArray[np.void]) -> Columns:
    return Columns(table["time_ms"].astype(np.int64), table["step"].astype(np.int64), table["value"].astype(np.float64))


def joined(parts: Sequence[Columns]) -> Columns:
    """The points of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    return Columns(*(np.concatenate([getattr(part, name) for part in parts]) for name in Columns.__slots__))


def pack(columns: Columns) -> bytes:
    """Times and steps as differences of the least width that holds them, values as they are; `unpack` gives the same points."""
    return _HEAD.pack(_FORM, len(columns)) + _packed(columns.times) + _packed(columns.steps) + columns.values.astype("<f8").tobytes()


@dataclass(frozen=True, slots=True)
class Packed:
    """Packed points, of which only what is asked for is unpacked."""

    times: _Packing
    steps: _Packing
    values: Doubles

    @classmethod
    def of(cls, packed: bytes) -> Packed:
        """The points that were packed.

        Raises:
            ValueError: it was packed by a newer version.
        """
        form, count = _HEAD.unpack_from(packed)
        if form != _FORM:
            raise ValueError(f"packed points of form {form}, which this version does not know")
        times = _Packing.at(packed, _HEAD.size, count=count)
        steps = _Packing.at(packed, times.end, count=count)
        return cls(times, steps, np.frombuffer(packed, "<f8", count, steps.end).astype(np.float64, copy=False))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def step_range(self) -> tuple[int, int] | None:
        """The first and the last step where each is above the one before it; None where one is not."""
        steps = self.steps
        if not len(self) or (len(self) > 1 and steps.least <= 0):
            return None
        above = 0 if steps.above is None else int(steps.above.sum(dtype=np.uint64))
        last = steps.first + steps.least * (len(self) - 1) + above
        # Beyond it the differences have wrapped around: these steps do not rise.
        wrapped = last > _MOST or (steps.above is not None and steps.above.sum(dtype=np.float64) > 2.0**63)
        return None if wrapped else (steps.first, last)

    def step_column(self) -> Longs:
        """The steps."""
        return self.steps.all()

    def take(self, which: Longs | slice) -> Columns:
        """The points at these places."""
        return Columns(self.times.take(which), self.steps.take(which), self.values[which])


@dataclass(frozen=True, slots=True)
class _Packing:
    """Whole numbers as their differences above the least one; None where all differences are equal."""

    count: int
    first: int
    least: int
    above: NDArray[np.unsignedinteger] | None
    end: int

    @classmethod
    def at(cls, packed: bytes, at: int, *, count: int) -> _Packing:
        first, least, width = _INTS.unpack_from(packed, at)
        at += _INTS.size
        many = max(0, count - 1)
        above = np.frombuffer(packed, f"<u{width}", many, at) if width else None
        return cls(count, first, least, above, at + width * many)

    def all(self) -> Longs:
        numbers = np.full(self.count, self.least, np.int64)
        if self.above is not None:
            numbers[1:] += self.above.astype(np.uint64).view(np.int64)
        numbers[:1] = self.first
        return np.cumsum(numbers, out=numbers)

    def take(self, which: Longs | slice) -> Longs:
        if self.above is None and not isinstance(which, slice):
            return which * np.int64(self.least) + np.int64(self.first)
        return self.all()[which]


def unpack(packed: bytes) -> Columns:
    """The points that were packed.

    Raises:
        ValueError: it was packed by a newer version.
    """
    return Packed.of(packed).take(slice(None))


def _packed(numbers: Longs) -> bytes:
    # Differences wrap around at 64 bits, and so do the sums that take them back: every int64 survives.
    apart = np.diff(numbers)
    least = apart.min() if len(apart) else np.int64(0)
    above = (apart - least).view(np.uint64)
    most = int(above.max()) if len(above) else 0
    width = 0 if most == 0 else next(size for size in _WIDTHS if most <= np.iinfo(size).max)(0).nbytes
    body = above.astype(f"<u{width}").tobytes() if width else b""
    return _INTS.pack(int(numbers[0]) if len(numbers) else 0, int(least), width) + body


def ranks(values: Doubles) -> Longs:
    """Whole numbers in the order of the values; NaN is above all, and equal to itself."""
    bits = np.where(np.isnan(values), np.nan, values).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


def by_time(columns: Columns) -> Columns:
    """In the order of (time, step, value), each point once."""
    return _once(columns, major=columns.times, minor=columns.steps)


def by_step(columns: Columns) -> Columns:
    """In the order of (step, time, value), each point once."""
    return _once(columns, major=columns.steps, minor=columns.times)


def _once(columns: Columns, *, major: Longs, minor: Longs) -> Columns:
    if bool(np.all(major[1:] > major[:-1])):  # as they nearly always are
        return columns
    rank = ranks(columns.values)
    order = np.lexsort((rank, minor, major))
    same = np.ones(len(order), np.bool_)
    same[:1] = False
    for column in (major, minor, rank):
        sorted_column = column[order]
        same[1:] &= sorted_column[1:] == sorted_column[:-1]
    return columns.take(order[~same])


def after(columns: Columns, mark: tuple[int, int, int]) -> Columns:
    """The points above (time, step, rank of the value)."""
    time_ms, step, rank = mark
    same_time, same_step = columns.times == time_ms, columns.steps == step
    above = (columns.times > time_ms) | (same_time & ((columns.steps > step) | (same_step & (ranks(columns.values) > rank))))
    return columns.take(above)


def sampled(columns: Columns, most: int) -> Columns:
    """At most `most` of the points, evenly spread over their order: the first of each of `most` equal shares, and always the last point."""
    return columns if len(columns) <= most else columns.take(shares(len(columns), most))


def shares(count: int, most: int) -> Longs:
    """The places of at most `most` of `count`: the first of each of `most` equal shares, but the very last for the last of them."""
    if count <= most:
        return np.arange(count, dtype=np.int64)
    share, rest = divmod(count, most)
    places = np.arange(most, dtype=np.int64) * share + np.minimum(np.arange(most), rest)
    places[-1] = count - 1
    return places
