"""Uniqueness, and keys that stand in other datasets: each takes one pass over the columns that it compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.model import KeyCheck, UniqueCheck
from flyball.data.contracts.outcome import EXAMPLES, Context
from flyball.data.contracts.spill import CHUNK_ROWS, COUNT, PARTNER, Grouping
from flyball.data.model import KNOWN_TIME, Dataset

_KEY = "__key:"


@dataclass(frozen=True)
class Found:
    """Of the rows without a null in the compared columns: how many there are, how many broke the promise, and some of their values."""

    checked: int
    broken: int
    examples: tuple[str, ...]


def find_repeated(dataset: Dataset, check: UniqueCheck, *, rows: pl.LazyFrame, context: Context) -> Found:
    """The rows whose values in the check's columns an earlier one has.

    Rows with known times are a history: those of one key are corrections of each other and repeat nothing.
    """
    columns = tuple(check.columns)
    history = KNOWN_TIME in rows.collect_schema()
    others = tuple(name for name in dataset.key if name not in columns) if history else ()
    grouping = Grouping(keys=(*columns, *others), by=columns, memory_bytes=context.memory_bytes, scratch=context.scratch)
    checked = broken = 0
    examples: list[str] = []
    for groups in grouping.groups(_chunks(rows.select(*columns, *others), columns)):
        checked += int(groups[COUNT].sum())
        counted = groups.with_columns(pl.lit(1, dtype=pl.Int64).alias(COUNT)) if history else groups
        together = counted.group_by(list(columns)).agg(pl.col(COUNT).sum()) if others else counted
        repeated = together.filter(pl.col(COUNT) > 1)
        broken += int((repeated[COUNT] - 1).sum())
        if repeated.height and len(examples) < EXAMPLES:
            examples += [f"{_shown(row, columns)} ({row[COUNT]:,} times)" for row in _first(repeated, columns).iter_rows(named=True)]
    return Found(checked, broken, tuple(examples[:EXAMPLES]))


def find_orphans(check: KeyCheck, *, rows: pl.LazyFrame, other: pl.LazyFrame, context: Context) -> Found:
    """The rows whose values in the check's columns do not stand in those of `other`; types are compared as those of `rows`."""
    columns, to = tuple(check.columns), tuple(check.to or check.columns)
    schema = rows.select(columns).collect_schema()
    partners = other.select(pl.col(theirs).cast(schema[ours], strict=False).alias(ours) for ours, theirs in zip(columns, to, strict=True))
    grouping = Grouping(keys=columns, by=columns, memory_bytes=context.memory_bytes, scratch=context.scratch)
    checked = broken = 0
    examples: list[str] = []
    for groups in grouping.groups(_both(rows.select(columns), partners, columns)):
        checked += int(groups[COUNT].sum())
        orphans = groups.filter(pl.col(COUNT) > 0, pl.col(PARTNER) == 0)
        broken += int(orphans[COUNT].sum())
        if orphans.height and len(examples) < EXAMPLES:
            examples += [_shown(row, columns) for row in _first(orphans, columns).iter_rows(named=True)]
    return Found(checked, broken, tuple(examples[:EXAMPLES]))


def _both(rows: pl.LazyFrame, partners: pl.LazyFrame, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    for chunk in _chunks(partners, columns):
        yield chunk.with_columns(pl.lit(0, dtype=pl.Int64).alias(COUNT), pl.lit(1, dtype=pl.Int64).alias(PARTNER))
    yield from _chunks(rows, columns)


def _chunks(rows: pl.LazyFrame, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    one, none = pl.lit(1, dtype=pl.Int64).alias(COUNT), pl.lit(0, dtype=pl.Int64).alias(PARTNER)
    named = rows.drop_nulls(list(columns)).with_columns(one, none)
    yield from named.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=False, engine="streaming")


def _first(groups: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """The same few groups whatever order they came in."""
    return groups.sort([COUNT, *columns], descending=[True, *(False for _ in columns)]).head(EXAMPLES)


def _shown(row: Mapping[str, object], columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name}={row[name]}" for name in columns)[:200]
