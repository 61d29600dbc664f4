"""Rows grouped by their keys in bounded memory: what does not fit is put down in files by a hash of the keys, and taken up part by part."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flyball.storage.errors import os_errors

COUNT, PARTNER = "__count", "__partner"
CHUNK_ROWS = 262_144
_PARTS = 32
_LEVELS = 4
_SEED = 20_131_231


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Groups by `keys`, sums COUNT and takes the greatest PARTNER; groups that agree in `by` (some of `keys`) stay together."""

    keys: tuple[str, ...]
    by: tuple[str, ...]
    memory_bytes: int
    scratch: Path | None = None

    def groups(self, chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """All groups, in frames that have whole sets of those that agree in `by`; scratch files are gone when the last was taken.

        Raises:
            UnavailableError: the disk is full.
        """
        with ExitStack() as stack:
            yield from self._groups(chunks, level=0, stack=stack)

    def _groups(self, chunks: Iterable[pl.DataFrame], *, level: int, stack: ExitStack) -> Iterator[pl.DataFrame]:
        kept: list[pl.DataFrame] = []
        size, spilled = 0, None
        for chunk in chunks:
            kept.append(self._grouped([chunk]))
            size += int(kept[-1].estimated_size())
            if size < self.memory_bytes or level == _LEVELS:
                continue
            kept = [self._grouped(kept)]
            size = int(kept[0].estimated_size())
            if spilled is not None or size > self.memory_bytes // 2:
                spilled = spilled or self._folder(stack)
                self._put_down(kept[0], spilled, level=level)
                kept, size = [], 0
        if spilled is None:
            if kept:
                yield self._grouped(kept)
            return
        if kept:
            self._put_down(self._grouped(kept), spilled, level=level)
        for part in range(_PARTS):
            yield from self._groups(_taken_up(spilled, part), level=level + 1, stack=stack)

    def _grouped(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        rows = pl.concat(frames)
        return rows.group_by(list(self.keys)).agg(pl.col(COUNT).sum(), pl.col(PARTNER).max())

    def _folder(self, stack: ExitStack) -> Path:
        with os_errors(self.scratch or Path(tempfile.gettempdir())):
            if self.scratch is not None:
                self.scratch.mkdir(parents=True, exist_ok=True)
            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flyball-keys-", dir=self.scratch)))

    def _put_down(self, groups: pl.DataFrame, folder: Path, *, level: int) -> None:
        part = "__part"
        numbered = groups.with_columns((pl.struct(self.by).hash(_SEED + level) % _PARTS).cast(pl.Int32).alias(part))
        with os_errors(folder):
            for (number,), rows in numbered.partition_by(part, as_dict=True, include_key=False).items():
                place = folder / str(number)
                place.mkdir(exist_ok=True)
                rows.write_ipc(place / f"{len(list(place.iterdir())):06}.arrow")


def _taken_up(folder: Path, part: int) -> Iterator[pl.DataFrame]:
    place = folder / str(part)
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        yield pl.read_ipc(path)
        path.unlink()
