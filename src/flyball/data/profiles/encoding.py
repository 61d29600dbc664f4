"""Sketches as bytes: MessagePack with little-endian arrays, equal for equal sketches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from flyball.data.profiles.columns import ColumnSketch, Kind
from flyball.data.profiles.errors import ProfileDamagedError
from flyball.kernels.sketches import Distinct, Frequent, Moments, Quantiles

FORM = 1


class _Column(msgspec.Struct, frozen=True):
    type: str
    kind: Kind
    rows: int
    nulls: int
    nans: int
    infinities: tuple[int, int]
    low: int | float | None
    high: int | float | None
    examples: list[str | int | float | bool]
    moments: tuple[int, float, float]
    levels: list[bytes]
    turns: list[int]
    slack: int
    distinct: bytes
    keys: bytes
    counts: bytes
    missed: int
    names: list[str | int | float | bool]
    sizes: tuple[int, int, int]


class _Profile(msgspec.Struct, frozen=True):
    form: int
    rows: int
    columns: dict[str, _Column]


def encode(rows: int, columns: Mapping[str, ColumnSketch]) -> bytes:
    """The sketches of so many rows."""
    return msgspec.msgpack.encode(_Profile(FORM, rows, {name: _packed(column) for name, column in columns.items()}))


def decode(data: bytes) -> tuple[int, dict[str, ColumnSketch]]:
    """What `encode` was given.

    Raises:
        ProfileDamagedError: the bytes are none of ours.
    """
    try:
        found = msgspec.msgpack.decode(data, type=_Profile)
        if found.form != FORM:
            raise ProfileDamagedError(f"form {found.form} is unknown")
        if found.rows < 0:
            raise ProfileDamagedError("it has less than no rows")
        return found.rows, {name: _unpacked(column) for name, column in found.columns.items()}
    except (msgspec.MsgspecError, ValueError) as error:
        raise ProfileDamagedError(str(error)) from error


def _packed(column: ColumnSketch) -> _Column:
    quantiles, frequent = column.quantiles, column.frequent
    return _Column(
        column.type,
        column.kind,
        column.rows,
        column.nulls,
        column.nans,
        column.infinities,
        column.low,
        column.high,
        column.examples,
        (column.moments.count, column.moments.mean, column.moments.squares),
        [_bytes(level, "<f8") for level in quantiles.levels],
        list(quantiles.turns),
        quantiles.slack,
        _bytes(column.distinct.keys, "<u8"),
        _bytes(frequent.keys, "<u8"),
        _bytes(frequent.counts, "<i8"),
        frequent.slack,
        [column.names[key] for key in frequent.keys.tolist()],
        (quantiles.most, column.distinct.most, frequent.most),
    )


def _unpacked(column: _Column) -> ColumnSketch:
    keys, counts = np.frombuffer(column.keys, "<u8"), np.frombuffer(column.counts, "<i8")
    if (
        not len(keys) == len(counts) == len(column.names)
        or len(column.levels) != len(column.turns)
        or min(column.sizes) < 1
        or not 0 <= column.nulls <= column.rows
    ):
        raise ProfileDamagedError("its parts do not fit together")
    return ColumnSketch(
        column.type, column.kind, column.rows, column.nulls, column.nans, column.infinities, column.low, column.high, column.examples,
        names=dict(zip(keys.tolist(), column.names, strict=True)),
        moments=Moments(*column.moments),
        quantiles=Quantiles([np.frombuffer(level, "<f8") for level in column.levels], column.turns, column.slack, column.sizes[0]),
        distinct=Distinct(np.frombuffer(column.distinct, "<u8"), column.sizes[1]),
        frequent=Frequent(keys, counts, column.missed, column.sizes[2]),
    )  # fmt: skip


def _bytes(array: Any, form: str) -> bytes:
    return bytes(np.ascontiguousarray(array, dtype=form).tobytes())
