"""Uniqueness, and keys that stand in other datasets: each takes one pass over the columns that it compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.hashes import find_repeats
from flyball.data.contracts.model import KeyCheck, UniqueCheck
from flyball.data.contracts.outcome import EXAMPLES, Context
from flyball.data.contracts.spill import CHUNK_ROWS, COUNT, PARTNER, Grouping
from flyball.data.model import KNOWN_TIME, Dataset

_HASH = "__hash"
_SEED = 20_131_231
_MOST_HASHES = 1_000_000


@dataclass(frozen=True)
class Found:
    """Of the rows without a null in the compared columns: how many there are, how many broke the promise, and some of their values."""

    checked: int
    broken: int
    examples: tuple[str, ...]


def find_repeated(dataset: Dataset, check: UniqueCheck, *, rows: pl.LazyFrame, context: Context) -> Found:
    """The rows whose values in the check's columns an earlier one has.

    One pass over hashes of the columns; where some come twice, one more compares the rows that have them. Rows with known times
    are a history: those of one key are corrections of each other and repeat nothing.
    """
    columns = tuple(check.columns)
    history = KNOWN_TIME in rows.collect_schema()
    others = tuple(name for name in dataset.key if name not in columns) if history else ()
    together = [rows.select(*columns, *others)]
    if context.before is not None:
        together.append(context.before.select(*columns, *others))
    compared = pl.concat(together, how="vertical_relaxed").drop_nulls(list(columns))
    if history and not others:  # the key is among the columns: rows that have the same are corrections of each other
        return Found(int(compared.select(pl.len()).collect(engine="streaming").item()), 0, ())
    hashed = pl.struct(columns).hash(_SEED).alias(_HASH) if len(columns) > 1 else pl.col(columns[0]).hash(_SEED).alias(_HASH)
    chunks = (chunk.to_series().to_numpy() for chunk in _batches(compared.select(hashed)))
    repeats = find_repeats(chunks, memory_bytes=context.memory_bytes, scratch=context.scratch)
    if not len(repeats.hashes):
        return Found(repeats.rows, 0, ())
    if len(repeats.hashes) <= _MOST_HASHES:
        compared = compared.filter(hashed.is_in(pl.Series(repeats.hashes).implode()))
    return _compared(columns, others, rows=compared, context=context, checked=repeats.rows)


def _compared(columns: tuple[str, ...], others: tuple[str, ...], *, rows: pl.LazyFrame, context: Context, checked: int) -> Found:
    grouping = Grouping(keys=(*columns, *others), by=columns, memory_bytes=context.memory_bytes, scratch=context.scratch)
    broken, examples = 0, list[str]()
    for groups in grouping.groups(_counted(rows)):
        together = groups.group_by(list(columns)).agg(pl.len().cast(pl.Int64).alias(COUNT)) if others else groups
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
    known = _distinct(partners, context.memory_bytes)
    if known is not None:
        return _without(columns, rows=rows, partners=known)
    grouping = Grouping(keys=columns, by=columns, memory_bytes=context.memory_bytes, scratch=context.scratch)
    checked = broken = 0
    examples: list[str] = []
    for groups in grouping.groups(_both(rows.select(columns), partners, columns=columns)):
        checked += int(groups[COUNT].sum())
        orphans = groups.filter(pl.col(COUNT) > 0, pl.col(PARTNER) == 0)
        broken += int(orphans[COUNT].sum())
        if orphans.height and len(examples) < EXAMPLES:
            examples += [_shown(row, columns) for row in _first(orphans, columns).iter_rows(named=True)]
    return Found(checked, broken, tuple(examples[:EXAMPLES]))


def _distinct(partners: pl.LazyFrame, memory_bytes: int) -> pl.DataFrame | None:
    """What there is to be found, without repetitions; None where it is more than half of what may be held."""
    kept: list[pl.DataFrame] = []
    size = 0
    for chunk in _batches(partners.drop_nulls()):
        kept.append(chunk.unique())
        size += int(kept[-1].estimated_size())
        if size > memory_bytes // 2:
            kept = [pl.concat(kept).unique()]
            size = int(kept[0].estimated_size())
            if size > memory_bytes // 2:
                return None
    return pl.concat(kept).unique() if kept else partners.head(0).collect()


def _without(columns: tuple[str, ...], *, rows: pl.LazyFrame, partners: pl.DataFrame) -> Found:
    """The rows without partner, by a join whose smaller side is held."""
    marked = partners.lazy().with_columns(pl.lit(1, dtype=pl.Int64).alias(PARTNER))
    joined = rows.select(columns).drop_nulls().join(marked, on=list(columns), how="left", maintain_order="none")
    checked = broken = 0
    shown: pl.DataFrame | None = None
    for chunk in _batches(joined):
        orphans = chunk.filter(pl.col(PARTNER).is_null())
        checked, broken = checked + chunk.height, broken + orphans.height
        if orphans.height:
            some = orphans.select(columns).unique()
            shown = pl.concat([some] if shown is None else [shown, some]).unique().sort(columns).head(EXAMPLES)
    examples = () if shown is None else tuple(_shown(row, columns) for row in shown.iter_rows(named=True))
    return Found(checked, broken, examples)


def _both(rows: pl.LazyFrame, partners: pl.LazyFrame, *, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    for chunk in _batches(partners.drop_nulls(list(columns))):
        yield chunk.unique().with_columns(pl.lit(0, dtype=pl.Int64).alias(COUNT), pl.lit(1, dtype=pl.Int64).alias(PARTNER))
    yield from _counted(rows.drop_nulls(list(columns)))


def _counted(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    one, none = pl.lit(1, dtype=pl.Int64).alias(COUNT), pl.lit(0, dtype=pl.Int64).alias(PARTNER)
    return _batches(rows.with_columns(one, none))


def _batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    yield from rows.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=False, engine="streaming")


def _first(groups: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """The same few groups whatever order they came in."""
    return groups.sort([COUNT, *columns], descending=[True, *(False for _ in columns)]).head(EXAMPLES)


def _shown(row: Mapping[str, object], columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name}={row[name]}" for name in columns)[:200]
