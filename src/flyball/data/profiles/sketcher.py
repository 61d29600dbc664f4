"""What a version's rows are like, kept while they pass: sketches of every column, fed by chunks, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import polars as pl

from flyball.data.model import EVENT_TIME, KNOWN_TIME
from flyball.data.profiles.columns import ColumnSketch
from flyball.data.profiles.encoding import decode, encode
from flyball.data.profiles.summary import summarise

CELLS = 1 << 23
MOST_ROWS = 1 << 16
WIDE = 512


class Sketcher:
    """Sketches of the columns of `schema`: those of users, and the two times of a stored row; others with "__" are passed over.

    Feed it chunks of any size: equal rows in equal order give equal bytes, however they were cut. It keeps at most a block of
    rows and some tens of kilobytes for each column, of more than 512 columns some kilobytes. A column that a chunk lacks is null
    there; one that `schema` lacks is passed over. One thread at a time.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self.columns = {
            name: ColumnSketch.of(dtype, small=len(schema) > WIDE)
            for name, dtype in schema.items()
            if name in {EVENT_TIME, KNOWN_TIME} or not name.startswith("__")
        }
        self.rows = 0
        self._waiting: list[pl.DataFrame] = []
        self._block = max(256, min(MOST_ROWS, CELLS // max(1, len(self.columns))))

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a chunk, whose columns have the schema's kinds."""
        self.rows += frame.height
        found = frame.schema
        known = [name for name in self.columns if name in found]
        if not known:  # a frame without columns has no rows
            for column in self.columns.values():
                column.add(pl.Series([None]).new_from_index(0, frame.height))
            return
        self._waiting.append(frame.select(known))
        if sum(chunk.height for chunk in self._waiting) >= self._block:
            self._sketch(whole=False)

    def settle(self) -> None:
        """Let `columns` hold all rows that were added. What comes later is as if it were merged."""
        self._sketch(whole=True)

    def merge(self, other: Sketcher) -> None:
        """Add what the other holds, which is as if its rows had been added, within the bounds that both state.

        Raises:
            KindsDifferError: a column is of another kind there; this sketcher is not to be used any more.
        """
        self.settle()
        other.settle()
        for name, column in other.columns.items():
            if name not in self.columns:
                self.columns[name] = ColumnSketch(column.type, column.kind, rows=self.rows, nulls=self.rows)
            self.columns[name].merge(column, name=name)
        self.rows += other.rows
        for name in self.columns.keys() - other.columns.keys():
            self.columns[name].rows += other.rows
            self.columns[name].nulls += other.rows

    def encode(self) -> bytes:
        """All that it holds; equal for equal rows in equal order."""
        self.settle()
        return encode(self.rows, self.columns)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The sketcher that `encode` wrote, ready for more.

        Raises:
            ProfileDamagedError: the bytes are none of ours.
        """
        found = cls({})
        found.rows, found.columns = decode(data)
        found._block = max(256, min(MOST_ROWS, CELLS // max(1, len(found.columns))))
        return found

    def summary(self) -> Mapping[str, Any]:
        """The readable profile; see `summary.summarise`."""
        self.settle()
        return summarise(self.rows, self.columns)

    def _sketch(self, *, whole: bool) -> None:
        """Sketch the blocks that are full, and the rest as well where `whole`."""
        if not self._waiting:
            return
        rows = self._waiting[0] if len(self._waiting) == 1 else pl.concat(self._waiting, how="diagonal_relaxed")
        place = 0
        while rows.height - place >= (1 if whole else self._block):
            block = rows.slice(place, self._block)
            cells = dict(zip(block.columns, block.iter_columns(), strict=True))
            for name, column in self.columns.items():
                column.add(cells.get(name, pl.Series([None]).new_from_index(0, block.height)))
            place += block.height
        self._waiting = [rows.slice(place)] if place < rows.height else []
