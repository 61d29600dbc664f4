"""Where rows of given keys lie in tables: each table's own way of holding a key. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import polars as pl

from flyball.data.contracts.judging import FILE, RAW, ROW
from flyball.data.erasure.keys import SEPARATOR, Keys, Words, key_texts, raw_text
from flyball.data.livecommit import dead_letters_name
from flyball.data.model import ARRIVAL, DatasetVersion
from flyball.data.rows import INGEST, quarantine_name
from flyball.serving.answers import POSITION, REQUEST, STREAM, endpoint_of
from flyball.serving.waiting import UNREADABLE
from flyball.storage.tables import TableStore

_UNREADABLE_BEFORE = "predictions-unreadable"
"""As `UNREADABLE` was called when there was one journal."""


@dataclass(frozen=True)
class Found:
    """Rows of `table` that equal a row of `drop` in its columns; one table may be searched in several `way`s."""

    table: str
    drop: pl.DataFrame
    way: str = "key"


@dataclass(frozen=True)
class Search:
    """Finds rows of `keys` in the tables of `datasets`; `endpoints` answer for rows of these."""

    tables: TableStore
    keys: Keys
    datasets: tuple[str, ...]
    endpoints: frozenset[str] = frozenset()
    repaired: Mapping[str, Sequence[tuple[str, str, int]]] = field(default_factory=dict)

    def find(self) -> Iterator[Found]:
        """Every table that may hold such rows, with what to look for, whether or not there are any."""
        for table in self.tables.list():
            if self._dataset_of(table) in self.datasets:
                yield from self._of_rows(table)
            elif table in {quarantine_name(name) for name in self.datasets}:
                yield Found(table, self._aside(table))
            elif table in {dead_letters_name(name) for name in self.datasets}:
                yield Found(table, self._holding(table, "content", marks=["stream", "offset"]))
            elif table == UNREADABLE:
                yield Found(table, self._holding(table, "payload", marks=[STREAM, POSITION]))
            elif table == _UNREADABLE_BEFORE:
                yield Found(table, self._holding(table, "payload", marks=[POSITION]))
            elif endpoint_of(table) is not None:
                yield from self._answered(table)

    def count(self, found: Found) -> int:
        """How many rows there are of it."""
        return int(self._rows(found).select(pl.len()).collect().item()) if found.drop.height else 0

    def by_version(self, found: Found, versions: Sequence[DatasetVersion]) -> dict[str, int]:
        """How many of the rows each of the dataset's versions added."""
        mine = [version for version in versions if version.table == found.table and version.added]
        if not mine or not found.drop.height:
            return {}
        arrivals = self._rows(found).select(ARRIVAL).collect()[ARRIVAL]
        counts = {
            f"{version.dataset}@{version.number}": int(arrivals.is_between(version.first_arrival, version.last_arrival).sum())
            for version in mine
        }
        return {reference: rows for reference, rows in counts.items() if rows}

    def texts(self) -> frozenset[str]:
        """The keys as texts, however they are written in tables of rows."""
        return self.keys.texts(self.schemas())

    def schemas(self) -> list[pl.Schema]:
        """The schemas of all generations that have the key's columns."""
        found = [self.tables.read(table).collect_schema() for table in self.tables.list() if self._dataset_of(table) in self.datasets]
        return [schema for schema in found if set(self.keys.columns) <= set(schema)]

    def same(self, texts: Sequence[str | None]) -> list[bool]:
        """Which of these texts are one of the keys, also where they write it otherwise: 007 for 7."""
        known, columns, schemas = self.texts(), self.keys.columns, self.schemas()
        rows = [tuple((text or "").split(SEPARATOR)) for text in texts]
        whole = [row if len(row) == len(columns) else ("",) * len(columns) for row in rows]
        matches = [text in known for text in texts]
        for schema in schemas:
            typed = Keys(columns, tuple(whole)).as_typed(schema)
            matches = [match or text in known for match, text in zip(matches, key_texts(typed, columns), strict=True)]
        return matches

    def _rows(self, found: Found) -> pl.LazyFrame:
        return self.tables.read(found.table).join(found.drop.lazy(), on=found.drop.columns, how="semi", nulls_equal=True)

    @staticmethod
    def _dataset_of(table: str) -> str | None:
        parts = table.split(".")
        return parts[1] if len(parts) == 3 and parts[0] == "dataset" else None

    def _of_rows(self, table: str) -> Iterator[Found]:
        schema = self.tables.read(table).collect_schema()
        if set(self.keys.columns) <= set(schema):
            yield Found(table, self.keys.typed(schema))

    def _aside(self, table: str) -> pl.DataFrame:
        rows = self.tables.read(table).select(INGEST, FILE, ROW, RAW).collect()
        mask = pl.Series(self.same([raw_text(raw, self.keys.columns) for raw in rows[RAW]]), dtype=pl.Boolean)
        chosen = rows.filter(mask).select(INGEST, FILE, ROW)
        by_hand = self.repaired.get(table, ())
        return pl.concat([chosen, pl.DataFrame(list(by_hand), schema=chosen.schema, orient="row")]).unique()

    def _holding(self, table: str, column: str, *, marks: Sequence[str]) -> pl.DataFrame:
        words = Words(self.texts())
        rows = self.tables.read(table).select(*marks, column).collect()
        return rows.filter(pl.Series([words.within(content or b"") for content in rows[column]], dtype=pl.Boolean)).select(marks).unique()

    def _answered(self, table: str) -> Iterator[Found]:
        schema = self.tables.read(table).collect_schema()
        stored = {unquote(name) if "%" in name else name: name for name in schema}
        names = {column: stored[REQUEST + column] for column in self.keys.columns if REQUEST + column in stored}
        whole = len(names) == len(self.keys.columns)
        if whole:
            yield Found(table, self.keys.typed(schema, names), "request")
        if whole or endpoint_of(table) in self.endpoints:
            yield Found(table, pl.DataFrame({"key": sorted(self.texts())}, schema={"key": pl.String}), "key")
