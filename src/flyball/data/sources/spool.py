"""What has no stable content of its own, written to scratch chunk by chunk as it comes: digested as written, proved when read.

Memory is bounded by a chunk. A chunk is an Arrow IPC file; chunks may differ in type where the place is not sure of it, and come out
in one schema.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.core.ids import Digest
from flyball.data.errors import SourceChangedError
from flyball.data.sources.cells import check_names, plain, together
from flyball.data.sources.rowdigest import RowDigest
from flyball.storage.errors import os_errors

CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class _Chunk:
    path: Path
    digest: str
    schema: pl.Schema


class Spool:
    """Rows of one part in a directory of their own below `scratch`, in the order in which they were added. One thread."""

    def __init__(self, scratch: Path, place: str) -> None:
        with os_errors(scratch):
            scratch.mkdir(parents=True, exist_ok=True)
            self._folder: Path | None = Path(tempfile.mkdtemp(prefix="spool-", dir=scratch))
        self._place = place
        self._chunks: list[_Chunk] = []
        self._waiting: list[pl.DataFrame] = []
        self._digest = RowDigest()
        self._names: set[str] = set()
        self.rows = self.size_bytes = 0

    def add_all(self, frames: Iterable[pl.DataFrame]) -> None:
        """Write the frames in pieces of at most `CHUNK_ROWS` rows; what is smaller waits for what comes next.

        Raises:
            ColumnTypeError: a column holds what a dataset cannot.
            DatasetError: a column's name cannot be used.
            UnavailableError: the disk is full, or cannot be written.
        """
        for frame in frames:
            self._check(frame)
            for piece in frame.iter_slices(CHUNK_ROWS) if frame.height else [frame]:
                self._add(plain(piece, self._place))
        self._flush()

    def _check(self, frame: pl.DataFrame) -> None:
        """The names of all frames together can stand in a table."""
        if not self._names.issuperset(frame.columns):
            self._names.update(frame.columns)
            check_names(self._names, self._place)

    def _add(self, frame: pl.DataFrame) -> None:
        if self._waiting and self._waiting[0].schema != frame.schema:
            self._flush()
        if frame.height or not (self._chunks or self._waiting):
            self._waiting.append(frame)
        if sum(part.height for part in self._waiting) >= CHUNK_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        frame = pl.concat(self._waiting, rechunk=True)
        self._waiting.clear()
        self._digest.add(frame)
        content = io.BytesIO()
        frame.write_ipc(content, compression="lz4")
        path = self._home / f"{len(self._chunks):06}.arrow"
        with os_errors(path):
            path.write_bytes(content.getbuffer())
        self.rows += frame.height
        self.size_bytes += content.getbuffer().nbytes
        self._chunks.append(_Chunk(path, hashlib.sha256(content.getbuffer()).hexdigest(), frame.schema))

    @property
    def schema(self) -> pl.Schema:
        """The one schema of all rows: the columns of all chunks, in the order in which they came; empty where nothing came."""
        return together([chunk.schema for chunk in self._chunks]) if self._chunks else pl.Schema()

    @property
    def digest(self) -> Digest:
        """Equal for equal rows in equal order, never for others."""
        return self._digest.digest

    def read(self) -> Iterator[pl.DataFrame]:
        """All rows again, a chunk at a time, at least one frame.

        Raises:
            SourceChangedError: scratch is not what was written there.
        """
        schema = self.schema
        if not self._chunks:
            yield pl.DataFrame()
        for chunk in self._chunks:
            try:
                content = chunk.path.read_bytes()
            except OSError as error:
                raise SourceChangedError(self._place) from error
            if hashlib.sha256(content).hexdigest() != chunk.digest:
                raise SourceChangedError(self._place)
            yield _in_schema(pl.read_ipc(io.BytesIO(content)).lazy(), chunk.schema, wanted=schema).collect()

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily."""
        schema = self.schema
        return pl.concat([_in_schema(pl.scan_ipc(chunk.path), chunk.schema, wanted=schema) for chunk in self._chunks])

    def close(self) -> None:
        """Remove all that was written; idempotent."""
        if self._folder is not None:
            with suppress(FileNotFoundError):
                shutil.rmtree(self._folder)
            self._folder = None

    @property
    def _home(self) -> Path:
        assert self._folder is not None, "a closed spool takes no rows"
        return self._folder


def _in_schema(rows: pl.LazyFrame, found: pl.Schema, *, wanted: pl.Schema) -> pl.LazyFrame:
    return rows.select((pl.col(name) if name in found else pl.lit(None).alias(name)).cast(dtype) for name, dtype in wanted.items())
