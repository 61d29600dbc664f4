"""Quarantined rows as they lie in their table, with their ids: a page of them, or those of some ids. It knows of no decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from flyball.data.contracts.judging import FILE, RAW, REASON, ROW
from flyball.data.model import DatasetVersion
from flyball.data.quarantine.cells import parse_cells
from flyball.data.quarantine.errors import QuarantinedRowNotFoundError
from flyball.data.quarantine.model import Place, QuarantinedRow, file_mark, parse_row_id, row_id
from flyball.data.rows import INGEST, quarantine_name
from flyball.data.store import VersionStore
from flyball.storage.tables import TableStore

_BATCH = 1000
_REASONS = 10


@dataclass(frozen=True)
class QuarantineReader:
    """Reads what versions set aside. Thread-safe as its stores are."""

    tables: TableStore
    versions: VersionStore

    def list_versions(self, dataset: str) -> list[DatasetVersion]:
        """The versions that set rows aside, newest first."""
        return [version for version in reversed(self.versions.list(dataset)) if version.quarantined]

    def walk(self, dataset: str, *, version: int | None = None, after: Place | None = None) -> Iterator[QuarantinedRow]:
        """The rows behind a place: versions newest first, files by name, rows by number. A thousand are read at a time."""
        for found in self.list_versions(dataset):
            if version not in {None, found.number} or (after is not None and found.number > after[0]):
                continue
            file, row = ("", -1) if after is None or after[0] != found.number else after[1:]
            while True:
                behind = (pl.col(FILE) > file) | ((pl.col(FILE) == file) & (pl.col(ROW) > row))
                batch = self._scan(found).filter(behind).sort(FILE, ROW).head(_BATCH).collect()
                for each in _rows(batch, found.number):
                    file, row = each.file, each.row
                    yield each
                if batch.height < _BATCH:
                    break

    def get(self, dataset: str, ids: Sequence[str]) -> list[QuarantinedRow]:
        """The rows of these ids, in their order.

        Raises:
            QuarantinedRowNotFoundError: there is no row of one of them.
        """
        found: dict[str, QuarantinedRow] = {}
        versions = {version.number: version for version in self.list_versions(dataset)}
        for number, rows in _grouped(ids).items():
            if number not in versions:
                continue
            scan = self._scan(versions[number]).filter(pl.col(ROW).is_in(sorted({row for row, _ in rows})))
            marks = {mark for _, mark in rows}
            found |= {row.id: row for row in _rows(scan.collect(), number) if file_mark(row.file) in marks}
        missing = next((name for name in ids if name not in found), None)
        if missing is not None:
            raise QuarantinedRowNotFoundError(dataset, missing)
        return [found[name] for name in dict.fromkeys(ids)]

    def list_reasons(self, version: DatasetVersion) -> list[tuple[str, int]]:
        """Why the version set rows aside, without the cells that differ: the ten most frequent reasons, and how many rows gave them."""
        kinds = self._scan(version).select(pl.col(REASON).str.split("; ")).explode(REASON).select(pl.col(REASON).str.replace(r": .*$", ""))
        counts = kinds.group_by(REASON).len("rows").sort(["rows", REASON], descending=[True, False]).head(_REASONS)
        return [(reason, rows) for reason, rows in counts.collect().iter_rows()]

    def _scan(self, version: DatasetVersion) -> pl.LazyFrame:
        return self.tables.read(quarantine_name(version.dataset)).filter(pl.col(INGEST) == version.digest)


def _grouped(ids: Sequence[str]) -> Mapping[int, set[tuple[int, str]]]:
    grouped: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for name in ids:
        parsed = parse_row_id(name)
        if parsed is not None:
            grouped[parsed[0]].add(parsed[1:])
    return grouped


def _rows(frame: pl.DataFrame, version: int) -> list[QuarantinedRow]:
    return [
        QuarantinedRow(
            id=row_id(version, file, row=row),
            version=version,
            file=file,
            row=row,
            reasons=tuple(reason.split("; ")),
            cells=parse_cells(raw),
        )
        for file, row, reason, raw in frame.select(FILE, ROW, REASON, RAW).iter_rows()
    ]
