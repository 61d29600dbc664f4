"""The digest of rows as values: it knows nothing of chunks, of a file's bytes, or of what lies in memory where a cell is null."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest


class RowDigest:
    """Equal for equal rows in equal order, however they are cut into frames; SHA-256 over each column's nulls, lengths and values.

    Columns are of the types that `cells.plain` gives. Where a column changes its type from frame to frame, where it does so counts.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count in the rows of `frame`, behind those that were before it."""
        for name in frame.columns:
            self._columns.setdefault(name, _Column()).add(frame[name], before=self._rows)
        self._rows += frame.height

    @property
    def digest(self) -> Digest:
        """The digest of all rows so far."""
        columns = [[name, column.types, column.hexdigests()] for name, column in self._columns.items()]
        return digest({"rows": self._rows, "columns": columns})


class _Column:
    def __init__(self) -> None:
        self.types: list[tuple[int, str]] = []
        self._nulls, self._lengths, self._values = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()

    def add(self, cells: pl.Series, *, before: int) -> None:
        if not self.types or self.types[-1][1] != str(cells.dtype):
            self.types.append((before, str(cells.dtype)))
        if cells.dtype == pl.Null:
            return
        self._nulls.update(cells.is_null().to_numpy().tobytes())
        if cells.dtype == pl.String:
            texts = cells.fill_null("")
            self._lengths.update(texts.str.len_bytes().to_numpy().tobytes())
            self._values.update(texts.str.join("").item().encode())
        else:
            self._values.update(_NUMBERS.get(cells.dtype, _physical)(cells).to_numpy().tobytes())

    def hexdigests(self) -> list[str]:
        return [found.hexdigest() for found in (self._nulls, self._lengths, self._values)]


def _physical(cells: pl.Series) -> pl.Series:
    return cells.to_physical().fill_null(0)


_NUMBERS: dict[pl.DataType, Callable[[pl.Series], pl.Series]] = {
    pl.Boolean(): lambda cells: cells.fill_null(value=False),
    pl.Float64(): lambda cells: cells.fill_null(0.0) + 0.0,  # -0.0 is 0.0
}
