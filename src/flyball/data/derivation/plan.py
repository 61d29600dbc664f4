"""What a derivation does to its inputs, seen without their rows: the plan that Polars makes of it, as plain values.

The function is called with frames that hold nothing and refuse to be read, so that one that looks at rows while it plans is found
out. The form of a plan is Polars' own and may change with its version; whatever is not understood counts as unknown, never as harmless.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from flyball.data.derivation.source import DerivedSource

Frames = Sequence[pl.LazyFrame]
_WORDS = re.compile(
    r"\b(join|group|having|order|limit|offset|union|intersect|except|with|distinct|over|select|from|qualify|unnest|lateral)\b|--|/\*",
    re.IGNORECASE,
)
_SIMPLE = re.compile(
    r"""\s*select\s+(?P<items>.+?)\s+from\s+"?(?P<table>[\w-]+)"?(?:\s+where\s+(?P<where>.+?))?\s*;?\s*""", re.IGNORECASE | re.DOTALL
)
_QUALIFIED = re.compile(r"[A-Za-z_\"]\.[A-Za-z_\"]")


class LookedAtRowsError(Exception):
    """A function that reads its inputs while it should only say what is to be done with them."""


@dataclass(frozen=True)
class Plan:
    """The plan, and the nodes in it that stand for the inputs, in their order."""

    root: Any
    leaves: tuple[Any, ...]


def caller(source: DerivedSource) -> Callable[[Frames], Any]:
    """What makes the derived frame of one frame per input, in their order."""
    if source.function is not None:
        function = source.function
        return lambda frames: function(*frames)
    query, names = str(source.query), [found.name for found in source.inputs]

    def ask(frames: Frames) -> pl.LazyFrame:
        tables = dict(zip(names, frames, strict=True))
        simple = _simple(query, tables)
        return pl.SQLContext(tables, eager=False).execute(query) if simple is None else simple

    return ask


def find_plan(call: Callable[[Frames], Any], schemas: Sequence[pl.Schema]) -> Plan | None:
    """What `call` does to inputs of these schemas; None where it reads them, fails, or nobody can tell."""
    leaves = [register_io_source(partial(_refuse, number), schema=schema) for number, schema in enumerate(schemas)]
    try:
        made = call(leaves)
        return Plan(_tree(made), tuple(_tree(leaf) for leaf in leaves)) if isinstance(made, pl.LazyFrame) else None
    except Exception:  # noqa: BLE001  what is wrong with it is told where it is run with rows
        return None


def _refuse(number: int, *_: object) -> Iterator[pl.DataFrame]:
    raise LookedAtRowsError(number)


def _tree(rows: pl.LazyFrame) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the form is not stable, which is why whatever is unknown is refused
        return json.loads(rows.serialize(format="json"))


def _simple(query: str, tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame | None:
    """The query as expressions, where it is `select ... from TABLE [where ...]` and nothing else; else None."""
    found = _SIMPLE.fullmatch(query)
    if found is None or found["table"] not in tables:
        return None
    items, where = found["items"], found["where"]
    if any(_WORDS.search(part) or _QUALIFIED.search(part) for part in (items, where or "")):
        return None
    rows = tables[found["table"]]
    try:
        if where is not None:
            rows = rows.filter(pl.sql_expr(where))
        return rows.select([pl.all() if item == "*" else pl.sql_expr(item) for item in _items(items)])
    except Exception:  # noqa: BLE001  Polars' own reading of the whole query says what is wrong with it
        return None


def _items(text: str) -> list[str]:
    """The parts of a list between its commas; those within brackets and quotes part nothing."""
    found, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth and not quote:
            found.append("")
        else:
            found[-1] += letter
    return [item.strip() for item in found]
