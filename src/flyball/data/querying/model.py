"""What a query may see and how much it may take, as values that travel to its process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

BATCH, DONE, FAILED = b"B", b"E", b"X"
"""What stands before each message of a query's process: rows, the end, or why there is none."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the catalogue: `select` gives its rows from `files` and reads nothing else; DuckDB's dialect, written by us."""

    schema: str
    name: str
    select: str
    files: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a query may take: real time, memory of the engine, and scratch space on disk."""

    seconds: float = 60.0
    memory_bytes: int = 1 << 30
    scratch_bytes: int = 8 << 30
    threads: int = 2


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One query as its process is told of it; with `parquet`, rows go to that file instead of to the caller."""

    sql: str
    views: tuple[View, ...]
    limits: Limits
    scratch: str
    parquet: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a query has no answer."""

    kind: Literal["query", "not-select", "file", "memory", "disk"]
    why: str


def quoted(name: str) -> str:
    """`name` as an identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as a string, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"


def parquet_of(files: Sequence[str]) -> str:
    """Parquet files of one schema, as something to select from."""
    return f"read_parquet([{', '.join(literal(file) for file in files)}])"


def rows_of(place: str, *, columns: Sequence[str], ranges: Sequence[tuple[int, int]], arrival: str) -> str:
    """A SELECT of `columns` from a place, of the rows whose `arrival` lies in one of the (inclusive) ranges."""
    chosen = " or ".join(f"{quoted(arrival)} between {first} and {last}" for first, last in ranges) or "false"
    return f"select {', '.join(map(quoted, columns))} from {place} where ({chosen})"  # noqa: S608  all parts are quoted


def latest_of(rows: str, *, key: Sequence[str], order: Sequence[str]) -> str:
    """Of the rows that a SELECT gives, of each `key` the last in `order`."""
    keys, last = ", ".join(map(quoted, key)), ", ".join(f"{quoted(name)} desc" for name in order)
    return f"select * from ({rows}) qualify row_number() over (partition by {keys} order by {last}) = 1"  # noqa: S608  all parts are quoted
