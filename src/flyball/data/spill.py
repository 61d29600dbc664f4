"""Frames that wait until it is known what becomes of them: in memory while they are few, else in files of a scratch directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import polars.exceptions as plx

from flyball.storage.errors import from_os, os_errors

HELD_BYTES = 64 << 20
CHUNK_ROWS = 1 << 17


class Spill:
    """Frames come out in the order in which they were added, cut otherwise. Not thread-safe while frames are added.

    At most `held_bytes` of them are in memory; the files lie in `folder`, which is made when it is needed.
    """

    def __init__(self, folder: Path, *, held_bytes: int = HELD_BYTES) -> None:
        self._folder, self._limit = folder, held_bytes
        self._held: list[pl.DataFrame] = []
        self._bytes = 0
        self._files: list[Path] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Keep the frame.

        Raises:
            UnavailableError: the disk is full, or cannot be written.
        """
        if not frame.height:
            return
        if self._held and self._held[0].schema != frame.schema:
            self._flush()
        self._held.append(frame)
        self.rows += frame.height
        self._bytes += int(frame.estimated_size())
        if self._bytes > self._limit:
            self._flush()

    @property
    def held_bytes(self) -> int:
        """How much of it is in memory."""
        return self._bytes

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """All frames again; any number of times."""
        for path in self._files:
            with os_errors(path):
                found = pl.read_ipc(path)
            yield from found.iter_slices(CHUNK_ROWS)
        yield from self._held

    def _flush(self) -> None:
        path = self._folder / f"{len(self._files):06}.arrow"
        with os_errors(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                pl.concat(self._held).write_ipc(path, compression="lz4")
            except plx.PolarsError as error:  # a full disk, in words only
                raise from_os(error, path) from error
        self._files.append(path)
        self._held, self._bytes = [], 0
