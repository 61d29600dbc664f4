"""The rows of one ingest go through a sieve: judged chunk by chunk, kept until all have come, and parted by what is stored.

Memory is bounded by a chunk and by some bytes for each row of the batch; rows that wait lie in scratch when they are many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from flyball.data.contracts.compiled import Compiled
from flyball.data.contracts.judging import AT_FILE, AT_ROW, FILE, PLACE, QUARANTINE, RAW, REASON, ROW, Look
from flyball.data.model import EVENT_TIME, KNOWN_TIME, TIME, SourceFile
from flyball.data.newness import Newness, Parted, Texts
from flyball.data.spill import CHUNK_ROWS, Spill

_PAST = "changes the past: its key is stored with other values, known as late or later; a correction needs a later known time"


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """What came of all rows: rows read = added + quarantined + duplicates. The rows themselves can be had any number of times."""

    added: int
    quarantined: int
    duplicates: int
    corrections: int
    breaks: Counter[str]
    reasons: Counter[str]
    unexpected: frozenset[str]
    missing: frozenset[str]
    schema: pl.Schema
    _good: Spill
    _mask: pl.Series
    _aside: Spill

    def accepted(self) -> Iterator[pl.DataFrame]:
        """The rows that are added, in their order, chunk by chunk: the contract's columns and both times."""
        return _masked(self._good, self._mask, columns=self.schema.names())

    def places(self) -> Iterator[pl.DataFrame]:
        """Of the rows that are added, in their order, the part's name and the number of the row in it: AT_FILE and AT_ROW."""
        return _masked(self._good, self._mask, columns=PLACE)

    def aside(self) -> Iterator[pl.DataFrame]:
        """The rows that are set aside, in the schema QUARANTINE."""
        return iter(self._aside)

    def scan(self) -> pl.LazyFrame:
        """The rows that are added, lazily."""

        def chunks(columns: list[str] | None, predicate: pl.Expr | None, *_: int | None) -> Iterator[pl.DataFrame]:
            for chunk in self.accepted():
                found = chunk if predicate is None else chunk.filter(predicate)
                yield found if columns is None else found.select(columns)

        return register_io_source(chunks, schema=self.schema)


@dataclass
class Sieve:
    """Takes the parts of a batch in their order, then settles them once. Not thread-safe."""

    compiled: Compiled
    scratch: Path
    rows: int = 0
    known: int = 0
    breaks: Counter[str] = field(default_factory=Counter)
    unexpected: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        contract = self.compiled.contract
        self.schema = pl.Schema({**contract.schema, EVENT_TIME: TIME, KNOWN_TIME: TIME})
        self._newness = Newness(self.compiled.dataset.key, list(contract.columns))
        self._good, self._broken = Spill(self.scratch / "good"), Spill(self.scratch / "broken")

    def take(self, part: SourceFile, chunks: Iterable[pl.DataFrame], *, look: Look) -> SourceFile:
        """Judge the part's rows as far as one looks: the part with what was left out of it.

        Raises:
            UnknownColumnError: it lacks a column that may not be null.
            UnavailableError: scratch is full.
        """
        at, left_out = 0, 0
        firsts: list[datetime] = []
        for chunk in chunks:
            for cells in chunk.iter_slices(CHUNK_ROWS):
                checked = self.compiled.judge(cells, place=part.name, first_row=at + 1, look=look)
                at += cells.height
                self._newness.add(checked)
                self._good.add(checked.good)
                self._broken.add(checked.broken)
                self.breaks.update(checked.breaks)
                self.unexpected.update(checked.unexpected)
                self.missing.update(checked.missing)
                left_out += checked.left_out
                firsts += [checked.next_known] if checked.next_known is not None else []
        self.rows += at - left_out
        if not left_out:
            return replace(part, arrival=look.arrival)
        return replace(part, known_by=look.known_by, left_out=left_out, next_known=min(firsts, default=None), arrival=look.arrival)

    def settle(self, stored: pl.LazyFrame | None, aside: pl.LazyFrame | None) -> Sifted:
        """Part all rows, given those `stored` in the dataset's table and those set `aside` before (has RAW)."""
        parted = self._newness.part(stored)
        kept = self._set_aside(parted, aside)
        added = int(parted.accepted.sum())
        reasons: Counter[str] = Counter()
        for chunk in kept:
            reasons.update(reasons_in(chunk))
        return Sifted(
            added=added, quarantined=kept.rows, duplicates=self.rows - added - kept.rows, corrections=parted.corrections,
            breaks=self.breaks, reasons=reasons, unexpected=frozenset(self.unexpected), missing=frozenset(self.missing), schema=self.schema,
            _good=self._good, _mask=parted.accepted, _aside=kept,
        )  # fmt: skip

    def _set_aside(self, parted: Parted, aside: pl.LazyFrame | None) -> Spill:
        kept = Spill(self.scratch / "aside")
        if not self._broken.rows and not parted.late.any():
            return kept
        wanted = pl.concat([self._newness.texts(), *(Texts.marks(rows) for rows in self._late(parted))])
        texts = Texts.standing(aside, wanted)
        for rows in chain(_masked(self._broken, ~parted.stored, columns=QUARANTINE.names()), self._late(parted)):
            kept.add(texts.fresh(rows))
        return kept

    def _late(self, parted: Parted) -> Iterator[pl.DataFrame]:
        """The rows that would change the past, as they are set aside."""
        columns = list(self.compiled.contract.columns)
        return (_past(columns, chunk) for chunk in _masked(self._good, parted.late, columns=[*columns, *PLACE]))


def reasons_in(quarantined: pl.DataFrame) -> Mapping[str, int]:
    """The reasons, without the cells that differ from row to row, and how many rows gave them."""
    kinds = quarantined.select(pl.col(REASON).str.split("; ")).explode(REASON).with_columns(pl.col(REASON).str.replace(r": .*$", ""))
    return dict(kinds.group_by(REASON).len("rows").rows())


def _masked(spill: Spill, mask: pl.Series, *, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    at = 0
    for chunk in spill:
        kept = mask.slice(at, chunk.height)
        at += chunk.height
        if kept.all():
            yield chunk.select(columns)
        elif kept.any():
            yield chunk.filter(kept).select(columns)


def _past(columns: Sequence[str], late: pl.DataFrame) -> pl.DataFrame:
    return late.select(
        pl.col(AT_FILE).alias(FILE),
        pl.col(AT_ROW).alias(ROW),
        pl.lit(_PAST).alias(REASON),
        pl.struct(columns).struct.json_encode().alias(RAW),
    ).cast(QUARANTINE)
