"""The rows of datasets in tables: which of them a version consists of, and where the next ones go.

A table may hold rows that no version names, left by an ingest that was killed or not accepted; arrival numbers tell them apart,
for every version knows its own and a number is never given twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.data.contracts.judging import QUARANTINE
from flyball.data.contracts.model import Contract
from flyball.data.history import known_until
from flyball.data.inplace.errors import TableGoneError
from flyball.data.inplace.model import FILES, PREFIX, Pinned, is_in_place
from flyball.data.inplace.reading import scan
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, Dataset, DatasetVersion
from flyball.data.sifting import Sifted
from flyball.storage.tables import TableStore

INGEST = "ingest"


def table_name(dataset: Dataset, contract: Contract) -> str:
    """The table of a dataset; another one when its definition or its columns' types become others.

    Of rows that are read in place it holds the files that they are in.
    """
    room = PREFIX if dataset.source.in_place else "dataset."
    return f"{room}{dataset.name}.{digest({'definition': dataset.definition(), 'types': contract.generation})[:8]}"


def quarantine_name(name: str) -> str:
    """The table of the rows of the dataset `name` that were set aside."""
    return f"quarantine.{name}"


def ranges_of(versions: Sequence[DatasetVersion]) -> list[tuple[int, int]]:
    """The versions' arrival numbers as few ranges: live rows make many versions, each where the one before ended."""
    ranges: list[tuple[int, int]] = []
    for first, last in sorted((version.first_arrival, version.last_arrival) for version in versions if version.added):
        if ranges and first == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return ranges or [(0, -1)]


@dataclass(frozen=True)
class Appended:
    """Where rows went: the table's version and their arrival numbers, `last` < `first` when there were none."""

    table_version: int
    first: int
    last: int


@dataclass(frozen=True)
class Rows:
    """Reads and appends the rows of datasets. Thread-safe as its table store is."""

    tables: TableStore

    def scan(self, versions: Sequence[DatasetVersion]) -> pl.LazyFrame:
        """The rows that `versions` (of one table, at least one) added, in any order; what is filtered is not read."""
        if is_in_place(versions[0]):
            return self._scan_in_place(versions)
        chosen = pl.any_horizontal(pl.col(ARRIVAL).is_between(first, last) for first, last in ranges_of(versions))
        return self.tables.read(versions[0].table).filter(chosen)

    def _scan_in_place(self, versions: Sequence[DatasetVersion]) -> pl.LazyFrame:
        files = self.files_in_place(versions[0].table)
        if not files:
            raise TableGoneError(versions[0].dataset, versions[0].table)
        return scan(versions[0].dataset, files, ranges=ranges_of(versions), schema=files[-1].recipe.schema)

    def files_in_place(self, table: str) -> list[Pinned]:
        """The files of a table whose rows are read in place, in the order of their arrival numbers."""
        if self.tables.latest(table) is None:
            return []
        return [Pinned.of(row) for row in self.tables.read(table).collect().sort("first").iter_rows(named=True)]

    def pin(self, table: str, files: Sequence[Pinned], *, job: str) -> Appended:
        """As `append`, of rows that stay where they are: what is kept is where."""
        rows = pl.DataFrame([file.row(job) for file in files], schema=FILES, orient="row")
        version = self.tables.append(table, rows, job=job)
        mine = (
            self.tables.read(table, version=version)
            .filter(pl.col("job") == job)
            .select(pl.col("first").min(), pl.col("last").max())
            .collect()
        )
        first, last = mine.row(0)
        return Appended(version, *((0, -1) if first is None else (int(first), int(last))))

    def read(self, versions: Sequence[DatasetVersion]) -> pl.DataFrame:
        """The rows that `versions` (of one table, at least one) added, in arrival order."""
        return self.scan(versions).collect().sort(ARRIVAL)

    def read_since(self, versions: Sequence[DatasetVersion], since: datetime, *, key: Sequence[str]) -> pl.DataFrame:
        """Those of the rows whose event time is `since` or later, in arrival order, with KNOWN_UNTIL by all of the rows.

        Of the others no more is read than tells until when the ones read were known: a correction may have moved a row's event
        back, and ends its earlier version all the same.
        """
        scan, event, known = self.scan(versions), pl.col(EVENT_TIME), pl.col(KNOWN_TIME)
        rows = scan.filter(event >= since).collect().sort(ARRIVAL)
        first = rows[KNOWN_TIME].min()
        parts = [rows.select(*key, KNOWN_TIME, ARRIVAL)]
        if isinstance(first, datetime):
            others = scan.filter(event < since, known >= first).select(*key, KNOWN_TIME, ARRIVAL).collect()
            parts.append(others.join(rows.select(key), on=list(key), how="semi", nulls_equal=True))
        return rows.with_columns(known_until(pl.concat(parts), key)[KNOWN_UNTIL].head(rows.height))

    def read_aside(self, name: str, versions: Sequence[DatasetVersion]) -> pl.DataFrame:
        """The rows that `versions` set aside: file, row, reason, raw and the ingest's digest."""
        table = quarantine_name(name)
        if self.tables.latest(table) is None:
            return pl.DataFrame(schema={**QUARANTINE, INGEST: pl.String()})
        digests = [version.digest for version in versions]
        return self.tables.read(table).filter(pl.col(INGEST).is_in(digests)).collect().sort(INGEST, "file", "row")

    def scan_aside(self, name: str, versions: Sequence[DatasetVersion]) -> pl.LazyFrame | None:
        """As `read_aside`, lazily and in any order; None where none was ever set aside."""
        table = quarantine_name(name)
        if self.tables.latest(table) is None:
            return None
        digests = pl.Series([version.digest for version in versions], dtype=pl.String)
        return self.tables.read(table).filter(pl.col(INGEST).is_in(digests.implode()))

    def append(self, table: str, sifted: Sifted, *, job: str) -> Appended:
        """Append the rows that are added with the next arrival numbers; a job that did so already is told where its rows are."""
        done = self.tables.find_commit(table, job)
        if done is not None:
            last = self.last_arrival(table, done.version)
            return Appended(done.version, last - sifted.added + 1, last)
        first = 0 if self.tables.latest(table) is None else self.last_arrival(table) + 1
        schema = pl.Schema({**sifted.schema, ARRIVAL: pl.Int64()})
        version = self.tables.append_all(table, _numbered(sifted.accepted(), first), schema=schema, job=job)
        return Appended(version, first, first + sifted.added - 1)

    def set_aside_all(self, name: str, sifted: Sifted, *, ingest: Digest, job: str) -> None:
        """Append the rows that are set aside of the dataset `name`, once per job; none are no commit."""
        if sifted.quarantined:
            parts = (rows.with_columns(pl.lit(ingest).alias(INGEST)) for rows in sifted.aside())
            schema = pl.Schema({**QUARANTINE, INGEST: pl.String()})
            self.tables.append_all(quarantine_name(name), parts, schema=schema, job=job)

    def set_aside(self, name: str, rows: pl.DataFrame, *, ingest: Digest, job: str) -> None:
        """Append quarantined `rows` of the dataset `name`, once per job; none are no commit."""
        if rows.height:
            self.tables.append(quarantine_name(name), rows.with_columns(pl.lit(ingest).alias(INGEST)), job=job)

    def last_arrival(self, table: str, version: int | None = None) -> int:
        """The highest arrival number in the table (up to `version`), of any row that somebody ever put there; -1 where there is none."""
        number = "last" if table.startswith(PREFIX) else ARRIVAL
        last = self.tables.read(table, version=version).select(pl.col(number).max()).collect().item()
        return -1 if last is None else int(last)


def _numbered(chunks: Iterable[pl.DataFrame], first: int) -> Iterator[pl.DataFrame]:
    for chunk in chunks:
        yield chunk.with_columns(pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(ARRIVAL))
        first += chunk.height
