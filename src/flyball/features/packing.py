"""How look-ups lie in the online store: a table for each, an entity's key as bytes, and its packed value as a short timeline of steps.

A step is a list ``[since, event, value, …]`` of microseconds, microseconds and the values in their physical form, or ``[since]`` where
nothing answers from then on. The packed value is ``[schema, step, …]`` in MessagePack, steps by rising `since`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec
import polars as pl

from flyball.core.canonical import digest
from flyball.features.definitions import definition
from flyball.features.errors import OnlineSchemaError, OnlineTypeError
from flyball.features.lookup import ViewLookup
from flyball.features.windowing import WindowLookup

OnlineLookup: TypeAlias = ViewLookup | WindowLookup
Key: TypeAlias = Any
"""An entity as a dictionary finds it: its value in physical form, a tuple where it has several parts; None where a part is null."""
Step: TypeAlias = tuple[Any, ...]
"""``(since, event, value, …)``; event and values are None where nothing answers."""

KEPT = 2
"""How many steps before the present one stay, for prediction times slightly behind the writer's."""
Values: TypeAlias = "list[Any] | pl.Series"
"""A column: a series, or, where its type is plain, a list of values in physical form."""
Makers: TypeAlias = "Mapping[str, Callable[[Sequence[Any]], pl.Series]]"
"""By name, what makes a series of a column's physical values; see `logical`."""
_PLAIN: frozenset[Any] = frozenset((
    pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary,
    pl.Date, pl.Time,
))  # fmt: skip
_FORMAT = 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list).decode


@dataclass(frozen=True)
class OnlineTable:
    """Where the answers of one look-up lie. Look-ups of equal meaning share a table, whatever feature set and role they belong to."""

    name: str
    schema: bytes
    entity: tuple[pl.DataType, ...]
    values: tuple[pl.DataType, ...]

    @classmethod
    def of(cls, lookup: OnlineLookup, rows: Mapping[str, pl.DataType]) -> OnlineTable:
        """The table of `lookup`; `rows` are the types of the predicted rows' columns, which are those of the entity.

        Raises:
            OnlineTypeError: a value is of a nested type.
        """
        feature = lookup.feature
        entity, values = tuple(rows[name] for name in feature.bound), tuple(lookup.dtypes.values())
        for name, dtype in (*zip(feature.bound, entity, strict=True), *lookup.dtypes.items()):
            if dtype.is_nested() or dtype == pl.Object:
                raise OnlineTypeError(name, str(dtype))
        columns = [name.partition(".")[2] for name in lookup.dtypes]
        types = {
            "format": _FORMAT,
            "columns": columns,
            "types": [str(dtype) for dtype in values],
            "entity": [str(dtype) for dtype in entity],
        }
        # Whom a view is bound to decides who asks, not what is answered; what stands for nothing is for the reader to say.
        found = digest({**definition(replace(feature, role=None, default={}, missing="default")), **types})
        return cls(f"{feature.name}-{found[:16]}", bytes.fromhex(found[16:32]), entity, values)

    def pack(self, steps: Sequence[Step]) -> bytes:
        """The packed value of `steps`, which rise in `since`."""
        return _encode([self.schema, *(step if step[1] is not None else step[:1] for step in steps)])

    def unpack(self, value: bytes) -> list[Step]:
        """The steps that were packed.

        Raises:
            OnlineSchemaError: they were packed for other columns.
        """
        schema, *steps = _decode(value)
        if schema != self.schema:
            raise OnlineSchemaError(self.name)
        nothing = (None,) * (1 + len(self.values))
        return [tuple(step) if len(step) > 1 else (*step, *nothing) for step in steps]

    def pack_key(self, key: Key) -> bytes:
        """The bytes that stand for an entity: equal for equal entities."""
        return _encode(key)

    def unpack_key(self, entity: bytes) -> Key:
        """The entity that the bytes stand for."""
        key = msgspec.msgpack.decode(entity)
        return tuple(key) if len(self.entity) > 1 else key

    def keys(self, bound: Sequence[Values]) -> list[Key]:
        """The entity of each row whose parts stand in `bound`."""
        parts = [_part(values, dtype) for values, dtype in zip(bound, self.entity, strict=True)]
        if len(parts) == 1:
            return parts[0]
        return [None if None in key else key for key in zip(*parts, strict=True)]


def physical(series: pl.Series) -> list[Any]:
    """The values as MessagePack has them: times and durations as integers, decimals and enums as text, all else as it is."""
    dtype = series.dtype
    if _as_text(dtype):
        return series.cast(pl.String).to_list()
    return series.to_physical().to_list() if dtype.is_temporal() else series.to_list()


def logical(name: str, dtype: pl.DataType) -> Callable[[Sequence[Any]], pl.Series]:
    """What makes a column of `dtype` of values in their physical form; made once, since it is called for every request."""
    if _as_text(dtype):
        return lambda values: pl.Series(name, values, dtype=pl.String).cast(dtype)
    if dtype.is_temporal():
        whole = pl.Series([], dtype=dtype).to_physical().dtype
        return lambda values: pl.Series(name, values, dtype=whole).cast(dtype)
    bare = dtype if dtype.is_nested() else dtype.base_type()  # of simple types the class is understood sooner than a value of it
    return lambda values: pl.Series(name, values, dtype=bare)


def _as_text(dtype: pl.DataType) -> bool:
    return dtype.is_decimal() or dtype in (pl.Enum, pl.Int128)


def is_plain(dtype: pl.DataType) -> bool:
    """Whether values of that type are kept in their physical form everywhere: in the store, in a request's columns and in the log."""
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return dtype.time_unit == "us"
    return dtype in _PLAIN


def _part(values: Values, dtype: pl.DataType) -> list[Any]:
    whole = physical(values) if isinstance(values, pl.Series) else values
    if dtype.is_float():
        # Frames hold that nan equals nan and 0.0 equals -0.0; dictionaries and bytes do not.
        return [value if value is None else "nan" if value != value else value + 0.0 for value in whole]  # noqa: PLR0124 - only nan differs from itself
    return whole
