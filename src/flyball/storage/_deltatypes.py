"""Schemas as Delta's log writes them, for the dtypes that tables keep; and which those are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
from polars._typing import PolarsDataType

_PLAIN: Mapping[str, pl.DataType] = {
    "byte": pl.Int8(), "short": pl.Int16(), "integer": pl.Int32(), "long": pl.Int64(), "float": pl.Float32(), "double": pl.Float64(),
    "boolean": pl.Boolean(), "string": pl.String(), "binary": pl.Binary(), "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"), "timestamp_ntz": pl.Datetime("us"),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _PLAIN.items()}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


def encode_schema(schema: pl.Schema) -> str:
    """The schema as the log's `schemaString`."""
    return json.dumps({"type": "struct", "fields": [_field(name, dtype) for name, dtype in schema.items()]}, ensure_ascii=False)


def decode_schema(text: str) -> pl.Schema:
    """What `encode_schema` wrote.

    Raises:
        ValueError: it has a type that tables do not keep; the text names it.
    """
    return pl.Schema({field["name"]: _dtype(field["type"]) for field in json.loads(text)["fields"]})


def needs_ntz(schema: pl.Schema) -> bool:
    """Whether readers must know times without a zone, which were added to the format later."""
    return any('"timestamp_ntz"' in json.dumps(_name(dtype)) for dtype in schema.values())


def _field(name: str, dtype: PolarsDataType) -> dict[str, Any]:
    return {"name": name, "type": _name(dtype), "nullable": True, "metadata": {}}


def _name(dtype: PolarsDataType) -> str | dict[str, Any]:
    match dtype:
        case pl.List():
            return {"type": "array", "elementType": _name(dtype.inner), "containsNull": True}
        case pl.Struct():
            return {"type": "struct", "fields": [_field(field.name, field.dtype) for field in dtype.fields]}
        case pl.Decimal():
            return f"decimal({dtype.precision},{dtype.scale})"
        case pl.DataType():
            return _NAMES[dtype]
    return _NAMES[dtype()]


def _dtype(kind: str | Mapping[str, Any]) -> pl.DataType:
    if isinstance(kind, str):
        if found := _DECIMAL.fullmatch(kind):
            return pl.Decimal(int(found[1]), int(found[2]))
        if kind not in _PLAIN:
            raise ValueError(f"a column of type {kind}")
        return _PLAIN[kind]
    if kind["type"] == "array":
        return pl.List(_dtype(kind["elementType"]))
    if kind["type"] == "struct":
        return pl.Struct([pl.Field(field["name"], _dtype(field["type"])) for field in kind["fields"]])
    raise ValueError(f"a column of type {kind['type']}")


def find_unfit(given: pl.Schema) -> Iterable[str]:
    """Why no table can have these columns; nothing where one can."""
    if not given:
        yield "there are no columns"
    lowered = Counter(name.lower() for name in given)
    for name, dtype in given.items():
        if not name or any(ord(character) < 32 or ord(character) == 127 for character in name):
            yield f"column {name!r} has no name, or one with control characters, at which readers fail; rename it"
        if lowered[name.lower()] > 1:
            yield f"column {name!r} differs from another in case only; rename it"
        if not _keepable(dtype):
            yield f"column {name!r} has dtype {dtype}, which tables cannot keep; cast it"


def find_differences(given: pl.Schema, kept: pl.Schema) -> Iterable[str]:
    """Why rows with the columns `given` cannot be appended to a table with those `kept`."""
    for name in kept:
        if name not in given:
            yield f"column {name!r} is missing"
    for name, dtype in given.items():
        if name not in kept:
            yield f"column {name!r} is not in the table"
        elif dtype != kept[name]:
            yield f"column {name!r} has dtype {dtype} instead of {kept[name]}"


def _keepable(dtype: PolarsDataType) -> bool:
    match dtype:
        case pl.List():
            return _keepable(dtype.inner)
        case pl.Struct():
            return bool(dtype.fields) and all(_keepable(field.dtype) for field in dtype.fields)
        case pl.Decimal():
            return dtype.precision is not None
    return dtype in _NAMES
