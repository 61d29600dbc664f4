"""A Delta table of somebody else: the data files of one version, each a part, read where they are and never copied before.

Delta never changes a data file: it is known by the table's id, its own name and its size, without a look into it. A file that was
compacted holds rows that were read before, which an ingest finds out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl
import polars.exceptions as plx

from flyball.core.canonical import digest
from flyball.core.errors import FlyballError
from flyball.core.optional import extra
from flyball.data.declared.tables import DeltaSource
from flyball.data.errors import SourceUnreadableError
from flyball.data.inplace.model import Placed
from flyball.data.model import SourceFile
from flyball.data.sourceerrors import (
    DatabaseDeniedError,
    DatabasePlaceError,
    NoRowsError,
    TableFeatureError,
    TableFilesGoneError,
    TableLostError,
)
from flyball.data.sources.cells import check_names, plain
from flyball.data.sources.port import Seen, Surroundings

with extra("store"):
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

_ROWS = 1 << 16
_PARTITION = "partition."


@dataclass(frozen=True)
class _File:
    uri: str
    partition: Mapping[str, Any]


class DeltaParts:
    """An `OpenSource` over one version of the table, the present one when parts are found; `position` is that version."""

    def __init__(self, source: DeltaSource, surroundings: Surroundings) -> None:
        self._place = source.describe()
        self._uri = str(surroundings.root / source.path)
        self._files: dict[str, _File] = {}
        self._schema = pl.Schema()

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        """See `OpenSource`; files are in the order in which they were written.

        Raises:
            TableFeatureError: the table has a feature that other readers than its own would get wrong.
            NoRowsError: it has no rows, and never had.
        """
        table = self._open()
        self._check_features(table)
        self._schema = pl.scan_delta(table).collect_schema()
        check_names(self._schema.names(), self._place)
        files = pl.DataFrame(table.get_add_actions(flatten=True))
        files = files.with_columns(pl.Series("uri", table.file_uris(), dtype=pl.String))  # both are in the order of the log
        parts = []
        for row in files.sort("modification_time", "path").iter_rows(named=True):
            partition = {key.removeprefix(_PARTITION): value for key, value in row.items() if key.startswith(_PARTITION)}
            self._files[row["path"]] = _File(row["uri"], partition)
            known = digest({"table": str(table.metadata().id), "file": row["path"], "size": row["size_bytes"]})
            parts.append(SourceFile(name=row["path"], size_bytes=row["size_bytes"], digest=known, position=str(table.version())))
        if not parts and not seen.digests:
            raise NoRowsError(self._place)
        return [part for part in parts if part.digest not in seen.digests]

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        """See `OpenSource`; columns that the file does not have are null."""
        file, some = self._files[part.name], False
        try:
            for frame in self._scan(file).collect_batches(chunk_size=_ROWS, maintain_order=True):
                some = True
                yield plain(frame, self._place)
        except (OSError, plx.PolarsError) as error:
            raise self._translated(error, part) from error
        if not some:
            yield plain(pl.DataFrame(schema=self._schema), self._place)

    def _translated(self, error: Exception, part: SourceFile) -> FlyballError:
        why = str(error).strip().splitlines()[0]
        if isinstance(error, FileNotFoundError) or "not found" in why.lower() or "no such file" in why.lower():
            return TableFilesGoneError(self._place, part.name, version=part.position or "")
        if isinstance(error, OSError):
            return TableLostError(self._place, why)
        return SourceUnreadableError(f"{self._place}/{part.name}", why)

    def place_of(self, part: SourceFile) -> Placed:
        """See `InPlace`."""
        file = self._files[part.name]
        return Placed(place=str(Path(file.uri).resolve()), partition={name: _text(value) for name, value in file.partition.items()})

    def check_unchanged(self) -> None:
        """Nothing to prove: a data file is what it is called, or gone."""

    def acknowledge(self) -> None:
        """Nothing to say to the table."""

    def close(self) -> None:
        """Let go of the files' names; idempotent."""
        self._files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self) -> DeltaTable:
        try:
            return DeltaTable(self._uri)
        except TableNotFoundError as error:
            raise DatabasePlaceError(self._place, "there is no Delta table") from error
        except DeltaError as error:
            raise SourceUnreadableError(self._place, str(error).strip().splitlines()[0]) from error
        except OSError as error:
            raise DatabaseDeniedError(self._place, str(error).strip().splitlines()[0]) from error

    def _check_features(self, table: DeltaTable) -> None:
        if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            raise TableFeatureError(self._place, "columns that are called otherwise in its files")
        if "deletionVectors" in (table.protocol().reader_features or ()):
            raise TableFeatureError(self._place, "deletion vectors")

    def _scan(self, file: _File) -> pl.LazyFrame:
        rows = pl.scan_parquet(file.uri, glob=False, hive_partitioning=False)
        there = rows.collect_schema()
        return rows.select(
            (pl.col(name) if name in there else pl.lit(file.partition.get(name)).alias(name)).cast(dtype)
            for name, dtype in self._schema.items()
        )


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)
