"""Where rows to be scored come from, in batches that are the same whenever they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from flyball.app.scoring.errors import ScoringInputError
from flyball.app.scoring.job import BATCH_ROWS
from flyball.data.model import ARRIVAL, DatasetVersion, VersionState
from flyball.data.rows import Rows
from flyball.data.store import VersionStore
from flyball.storage.tables import TableStore


class Source(Protocol):
    """Rows in numbered batches, from 1: a batch has the same rows each time, as long as `stand` is the same."""

    @property
    def name(self) -> str: ...
    @property
    def stand(self) -> str: ...
    def columns(self) -> list[str]: ...
    def batches(self) -> Iterator[tuple[int, pl.DataFrame]]: ...


@dataclass(frozen=True)
class FileSource:
    """A Parquet, CSV, NDJSON or Arrow file, read in its order."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def stand(self) -> str:
        found = self.path.stat()
        return f"{found.st_size}-{found.st_mtime_ns}"

    def columns(self) -> list[str]:
        return self._scan().collect_schema().names()

    def batches(self) -> Iterator[tuple[int, pl.DataFrame]]:
        waiting: list[pl.DataFrame] = []
        number = 0
        for part in self._scan().collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            waiting.append(part)
            while sum(frame.height for frame in waiting) >= BATCH_ROWS:
                whole = pl.concat(waiting)
                number += 1
                yield number, whole[:BATCH_ROWS]
                waiting = [whole[BATCH_ROWS:]]
        rest = pl.concat(waiting) if waiting else pl.DataFrame()
        if rest.height:
            yield number + 1, rest

    def _scan(self) -> pl.LazyFrame:
        match self.path.suffix.lower():
            case ".parquet":
                return pl.scan_parquet(self.path)
            case ".csv":
                return pl.scan_csv(self.path, try_parse_dates=True)
            case ".ndjson" | ".jsonl":
                return pl.scan_ndjson(self.path)
            case ".arrow" | ".feather" | ".ipc":
                return pl.scan_ipc(self.path)
        raise ScoringInputError(self.name, "it is no .parquet, .csv, .ndjson or .arrow file")


@dataclass(frozen=True)
class DatasetSource:
    """The accepted rows of a dataset, by their arrival: merged files change nothing."""

    dataset: str
    tables: TableStore
    versions: tuple[DatasetVersion, ...]

    @classmethod
    def of(cls, dataset: str, *, versions: VersionStore, tables: TableStore) -> DatasetSource:
        """The dataset as it stands.

        Raises:
            ScoringInputError: it has no accepted rows.
        """
        accepted = [version for version in versions.list(dataset) if version.state is VersionState.ACCEPTED]
        last = accepted[-1] if accepted else None
        if last is None:
            raise ScoringInputError(dataset, "it is no file that is there, and no dataset with rows")
        return cls(dataset, tables, tuple(version for version in accepted if version.table == last.table and version.added))

    @property
    def name(self) -> str:
        return f"dataset/{self.dataset}"

    @property
    def stand(self) -> str:
        return f"@{self.versions[-1].number}" if self.versions else "@0"

    def columns(self) -> list[str]:
        return [name for name in self._scan().collect_schema().names() if not name.startswith("__")]

    def batches(self) -> Iterator[tuple[int, pl.DataFrame]]:
        ranges = [(version.first_arrival, version.last_arrival) for version in self.versions]
        first, last = min(low for low, _ in ranges), max(high for _, high in ranges)
        for number, start in enumerate(range(first, last + 1, BATCH_ROWS), start=1):
            within = pl.col(ARRIVAL).is_between(start, start + BATCH_ROWS, closed="left")
            found = self._scan().filter(within).collect().sort(ARRIVAL)
            yield number, found.drop(name for name in found.columns if name.startswith("__"))

    def _scan(self) -> pl.LazyFrame:
        return Rows(self.tables).scan(self.versions)
