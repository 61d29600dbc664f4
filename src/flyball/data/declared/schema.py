"""A pandera schema as promises: what it says of columns and their values becomes checks; what it cannot be is refused by name.

Read by its shape, without importing pandera: a schema for Polars and one for pandas say the same in the same words. Its types
are compared with the contract's. `strict`, `ordered`, `coerce` and `required=False` ask for nothing here: no column beyond the
contract's is ever taken, by any order, and cells are always read as the contract's types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import polars as pl

from flyball.data.declared.check import Check, Severity
from flyball.data.errors import DatasetError

_TYPES: Mapping[str, tuple[str, ...]] = {
    "int": ("integer",), "uint": ("integer",), "float": ("number", "integer"), "decimal": ("number", "integer"), "bool": ("boolean",),
    "str": ("text",), "utf8": ("text",), "categor": ("text",), "enum": ("text",), "object": ("text",),
    "datetime": ("time",), "timestamp": ("time",), "date": ("date",),
}  # fmt: skip
_LONGEST_FIRST = sorted(_TYPES, key=len, reverse=True)


def _in_range(value: pl.Expr, said: Mapping[str, Any]) -> pl.Expr:
    low: pl.Expr = value >= said["min_value"] if said.get("include_min", True) else value > said["min_value"]
    high: pl.Expr = value <= said["max_value"] if said.get("include_max", True) else value < said["max_value"]
    return low & high


def _length(value: pl.Expr, said: Mapping[str, Any]) -> pl.Expr:
    length, exact = value.str.len_chars(), said.get("exact_value")
    low, high = (exact, exact) if exact is not None else (said.get("min_value"), said.get("max_value"))
    return (pl.lit(True) if low is None else length >= low) & (pl.lit(True) if high is None else length <= high)


_KNOWN: Mapping[str, Callable[[pl.Expr, Mapping[str, Any]], pl.Expr]] = {
    "equal_to": lambda value, said: value == said["value"],
    "not_equal_to": lambda value, said: value != said["value"],
    "greater_than": lambda value, said: value > said["min_value"],
    "greater_than_or_equal_to": lambda value, said: value >= said["min_value"],
    "less_than": lambda value, said: value < said["max_value"],
    "less_than_or_equal_to": lambda value, said: value <= said["max_value"],
    "in_range": _in_range,
    "isin": lambda value, said: value.is_in(list(said["allowed_values"])),
    "notin": lambda value, said: ~value.is_in(list(said["forbidden_values"])),
    "str_matches": lambda value, said: value.str.contains(f"^(?:{_pattern(said['pattern'])})"),
    "str_contains": lambda value, said: value.str.contains(_pattern(said["pattern"])),
    "str_startswith": lambda value, said: value.str.starts_with(said["string"]),
    "str_endswith": lambda value, said: value.str.ends_with(said["string"]),
    "str_length": _length,
}


def schema_checks(schema: object) -> tuple[Check, ...]:
    """The checks that a DataFrameSchema or a DataFrameModel makes, named by column and check.

    Raises:
        DatasetError: it is no such schema, or has a part that cannot be one of our checks; the part is named.
    """
    made = schema.to_schema() if isinstance(schema, type) and hasattr(schema, "to_schema") else schema
    columns = getattr(made, "columns", None)
    if not isinstance(columns, Mapping) or not hasattr(made, "checks"):
        raise DatasetError("Dataset(schema=...)", f"{schema!r} is no pandera DataFrameSchema or DataFrameModel")
    for check in made.checks:
        raise _refused(f"check {_name(check)!r} of the whole frame", "write it as fb.check(name, expression)")
    polars = type(made).__module__.startswith("pandera.api.polars")
    found = [check for name, column in columns.items() for check in _column(str(name), column, polars=polars)]
    together = getattr(made, "unique", None)
    if together:
        names = (together,) if isinstance(together, str) else tuple(together)
        found.append(Check(f"schema: ({', '.join(names)}) unique", pl.lit(True), Severity.HOLD, unique=names))
    return tuple(found)


def _column(name: str, column: Any, *, polars: bool) -> Iterator[Check]:
    if getattr(column, "regex", False):
        raise _refused(f"column {name!r}", "it is a pattern of names; name the columns")
    types = _types_of(column.dtype)
    if types:
        yield Check(f"schema: {name} type", pl.lit(True), None, name, types=types)
    if not column.nullable:
        yield Check(f"schema: {name} not null", pl.col(name).is_not_null(), None, name)
    if column.unique:
        yield Check(f"schema: {name} unique", pl.lit(True), Severity.HOLD, name, unique=(name,))
    for number, check in enumerate(column.checks, start=1):
        severity = Severity.WARN if getattr(check, "raise_warning", False) else None
        yield Check(f"schema: {name} {_name(check)} {number}", _expression(name, check, polars=polars), severity, name)


def _expression(name: str, check: Any, *, polars: bool) -> pl.Expr:
    value, known = pl.col(name), _KNOWN.get(str(check.name))
    if getattr(check, "groupby", None) is not None:
        raise _refused(f"check {_name(check)!r} of column {name!r}", "it groups rows; write it as fb.check(name, expression)")
    if known is not None and check.statistics:
        return known(value, check.statistics)
    function = getattr(check, "_check_fn", None)
    if function is None or (not polars and not check.element_wise):
        raise _refused(f"check {_name(check)!r} of column {name!r}", "it is a function of pandas; write it as fb.check(name, expression)")
    if check.element_wise:
        return value.map_batches(_OneByOne(function), return_dtype=pl.Boolean, is_elementwise=True)
    return value.map_batches(_Whole(function, name), return_dtype=pl.Boolean, is_elementwise=True)


class _OneByOne:
    """A function of one value, over a column of them; null stays null."""

    def __init__(self, function: Callable[[Any], object]) -> None:
        self.function = function

    def __call__(self, values: pl.Series) -> pl.Series:
        found = [None if value is None else bool(self.function(value)) for value in values]
        return pl.Series(values.name, found, dtype=pl.Boolean)


class _Whole:
    """A function of a Polars column, called as pandera calls it: with a lazy frame and the column's name."""

    def __init__(self, function: Callable[[Any], Any], name: str) -> None:
        self.function, self.name = function, name

    def __call__(self, values: pl.Series) -> pl.Series:
        answer = self.function(SimpleNamespace(lazyframe=values.to_frame(self.name).lazy(), key=self.name))
        found: pl.Series = answer.collect().to_series()
        return found.alias(values.name)


def _types_of(dtype: object) -> tuple[str, ...]:
    if dtype is None:
        return ()
    word = str(dtype).lower()
    found = next((known for known in _LONGEST_FIRST if word.startswith(known)), None)
    if found is None:
        raise _refused(f"type {dtype}", "a dataset holds booleans, numbers, text, dates and times")
    return _TYPES[found]


def _pattern(pattern: object) -> str:
    return str(getattr(pattern, "pattern", pattern))


def _name(check: Any) -> str:
    return str(getattr(check, "name", None) or getattr(check, "error", None) or check)


def _refused(what: str, why: str) -> DatasetError:
    return DatasetError("Dataset(schema=...)", f"the schema's {what} cannot be taken over: {why}")
