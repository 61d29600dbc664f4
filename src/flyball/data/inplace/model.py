"""A file that is read in place: what it was when it was taken, which of its rows count, and how they are read.

A row's arrival number is that of its file's first row and its place in the file. Which rows count was decided when the file was
taken; no later change of a contract, and no release of a library, decides it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import polars as pl

from flyball.core.ids import Digest
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, TIME, DatasetVersion
from flyball.data.values import ColumnType

PREFIX = "inplace."
FILES = pl.Schema({
    "place": pl.String(), "size_bytes": pl.Int64(), "modified": pl.Int64(), "content": pl.String(), "partition": pl.String(),
    "recipe": pl.String(), "first": pl.Int64(), "last": pl.Int64(), "counted": pl.Int64(), "starts": pl.Binary(), "lengths": pl.Binary(),
    "job": pl.String(),
})  # fmt: skip
"""The columns of a table of such files; no row of theirs is in it."""


def is_in_place(version: DatasetVersion) -> bool:
    """Whether the version's rows lie in a table of others, where they are not ours to erase."""
    return version.table.startswith(PREFIX)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a file's columns become rows: the contract's types, and the times by the declaration and by when the file came."""

    types: dict[str, ColumnType]
    event_time: str
    known_time: str | None = None
    known_shift: timedelta | None = None
    arrival: datetime | None = None

    @property
    def schema(self) -> pl.Schema:
        """The columns of the rows."""
        types = {name: kind.dtype for name, kind in self.types.items()}
        return pl.Schema({**types, EVENT_TIME: TIME, KNOWN_TIME: TIME, ARRIVAL: pl.Int64()})

    def times(self) -> list[pl.Expr]:
        """Both times of a row, of its typed columns."""
        event = pl.col(self.event_time).cast(TIME)
        known = event if self.known_time is None else pl.col(self.known_time).cast(TIME)
        known = known if self.known_shift is None else known + self.known_shift
        if self.arrival is not None:
            known = pl.max_horizontal(known, pl.lit(self.arrival, dtype=TIME))
        return [event.alias(EVENT_TIME), known.alias(KNOWN_TIME)]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A file of a table of others: its path on this machine, and the values of its partition as text."""

    place: str
    partition: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Which rows of a file count, as runs of rows: each begins at a row (from 0) and has a length."""

    starts: pl.Series
    lengths: pl.Series

    @classmethod
    def of(cls, rows: Iterable[pl.Series]) -> Runs:
        """The runs of the ascending row numbers (from 0) that come in chunks."""
        parts = [_runs(chunk) for chunk in rows if chunk.len()]
        both = pl.concat([pl.DataFrame(schema={"start": pl.Int64, "length": pl.Int64}), *parts])
        begins = (pl.col("start") != pl.col("start").shift(1) + pl.col("length").shift(1)).fill_null(True).cum_sum().alias("run")
        joined = both.with_columns(begins).group_by("run", maintain_order=True).agg(pl.col("start").first(), pl.col("length").sum())
        return cls(starts=joined["start"], lengths=joined["length"])

    @property
    def rows(self) -> int:
        """How many rows count."""
        return int(self.lengths.sum())

    def all_of(self, rows: int) -> bool:
        """Whether all of a file's rows count."""
        return self.rows == rows

    def frame(self, first: int) -> pl.DataFrame:
        """The arrival numbers of each run's first and last row, where the file's first row has the number `first`."""
        return pl.DataFrame({"first": self.starts + first, "last": self.starts + self.lengths + (first - 1)})


def _runs(rows: pl.Series) -> pl.DataFrame:
    numbers = rows.cast(pl.Int64).alias("start").to_frame()
    run = (pl.col("start") - pl.int_range(pl.len(), dtype=pl.Int64)).alias("run")
    found = (
        numbers.with_columns(run).group_by("run", maintain_order=True).agg(pl.col("start").first(), pl.len().cast(pl.Int64).alias("length"))
    )
    return found.select("start", "length")


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A file as it was taken: its rows have the arrival numbers `first` to `last`, of which those in `runs` count."""

    placed: Placed
    size_bytes: int
    modified: int
    content: Digest
    recipe: Recipe
    first: int
    last: int
    runs: Runs

    def has(self, ranges: Sequence[tuple[int, int]]) -> bool:
        """Whether a row that counts can lie in one of the (inclusive) ranges."""
        return self.runs.rows > 0 and any(first <= self.last and last >= self.first for first, last in ranges)

    def row(self, job: str) -> dict[str, object]:
        """As it stands in its table."""
        return {
            "place": self.placed.place, "size_bytes": self.size_bytes, "modified": self.modified, "content": self.content,
            "partition": msgspec.json.encode(dict(self.placed.partition)).decode(), "recipe": msgspec.json.encode(self.recipe).decode(),
            "first": self.first, "last": self.last, "counted": self.runs.rows, "starts": _packed(self.runs.starts),
            "lengths": _packed(self.runs.lengths), "job": job,
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Pinned:
        """As it stood in its table."""
        found = msgspec.convert(row, _Row)
        placed = Placed(place=found.place, partition=msgspec.json.decode(found.partition, type=dict[str, str | None]))
        return cls(
            placed=placed, size_bytes=found.size_bytes, modified=found.modified, content=Digest(found.content),
            recipe=msgspec.json.decode(found.recipe, type=Recipe), first=found.first, last=found.last,
            runs=Runs(starts=_unpacked(found.starts), lengths=_unpacked(found.lengths)),
        )  # fmt: skip


class _Row(msgspec.Struct):
    place: str
    size_bytes: int
    modified: int
    content: str
    partition: str
    recipe: str
    first: int
    last: int
    starts: bytes
    lengths: bytes


def _packed(numbers: pl.Series) -> bytes:
    import numpy as np

    return np.asarray(numbers.to_numpy(), dtype="<i8").tobytes()


def _unpacked(content: bytes) -> pl.Series:
    import numpy as np

    return pl.Series(np.frombuffer(content, dtype="<i8"), dtype=pl.Int64)
