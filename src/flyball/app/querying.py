"""The catalogue as tables of a query: datasets by their names, their histories, what was set aside, and predictions.

::

    select … from flights                what is known now (or as of a time): of each key the last row
    select … from history.flights        every row, corrected ones too, with its four times
    select … from "flights@3"            what was known by version 3
    select … from quarantine.flights     rows that were set aside, with their reasons
    select … from predictions."late"     answered rows of an endpoint that are in tables
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flyball.app.inplaceviews import rows_in_place
from flyball.app.queryprocess import querying_of
from flyball.core.clock import utc
from flyball.data.inplace import is_in_place
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, DatasetVersion, VersionState
from flyball.data.querying.errors import QueryError, UnknownTableError
from flyball.data.querying.model import Limits, View, latest_of, literal, parquet_of, quoted, rows_of
from flyball.data.querying.running import Querying
from flyball.data.rows import INGEST, Rows, quarantine_name, ranges_of
from flyball.data.store import VersionStore
from flyball.storage.errors import os_errors
from flyball.storage.positions import Positions
from flyball.storage.tables import TableStore

if TYPE_CHECKING:
    from flyball.app.home import Home

HISTORY, QUARANTINE, PREDICTIONS = "history", "quarantine", "predictions"
_COPIES = ".querytables"
_TIMES = {EVENT_TIME: "event_time", KNOWN_TIME: "known_time", ARRIVAL: "arrival"}
_REFERENCE = re.compile(r"(?<![\w@])([a-z][a-z0-9_-]{0,62})@(\d{1,9})(?!\w)")
_MISSING = re.compile(r"Table with name (\S+) does not exist")
_WORD = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: one SELECT over the catalogue, as of a known time where one is given."""

    sql: str
    as_of: datetime | None = None


@dataclass(frozen=True)
class Catalogue:
    """The tables of a home that queries see. Thread-safe; reads what stands when it is asked."""

    versions: VersionStore
    tables: TableStore
    positions: Positions
    querying: Querying
    copies: Path

    def stream(self, question: Question, *, limits: Limits | None = None) -> Iterator[pl.DataFrame]:
        """The answer in frames as it is found, at least one.

        Raises:
            UnknownTableError: a version that is named is none of an accepted dataset.
            QueryError, QueryTooSlowError, QueryTooLargeError: as of `Querying.stream`.
        """
        with self._named():
            yield from self.querying.stream(question.sql, self.views(question), limits=limits)

    def write_parquet(self, question: Question, *, path: Path, limits: Limits | None = None) -> int:
        """The answer as a file, whole or not at all, and its rows; raises as `stream`."""
        with self._named():
            return self.querying.write_parquet(question.sql, self.views(question), path=path, limits=limits)

    def views(self, question: Question) -> Sequence[View]:
        """Every table that the question could mean, by the words in it; all there are where it asks what there is."""
        words = {word.lower() for word in _WORD.findall(question.sql)}
        all_of_them = bool(words & {"show", "tables", "information_schema", "duckdb_tables", "duckdb_views"})
        found: list[View] = []
        for name, versions in self._datasets(None if all_of_them else words).items():
            found += self._dataset(name, versions, as_of=question.as_of)
        for name, number in sorted(set(_REFERENCE.findall(question.sql))):
            found.append(self._version(name, int(number), as_of=question.as_of))
        if all_of_them or PREDICTIONS in words:
            found += self._predictions()
        return found

    def names(self) -> list[str]:
        """The datasets that have rows."""
        return [name for name, versions in self._datasets(None).items() if versions]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """The engine knows the tables that a query names; people want to know those that there are."""
        try:
            yield
        except QueryError as error:
            missing = _MISSING.search(str(error))
            if missing is None:
                raise
            raise UnknownTableError(missing[1], self.names()) from error

    def _datasets(self, words: set[str] | None) -> dict[str, list[DatasetVersion]]:
        found: dict[str, list[DatasetVersion]] = {}
        for version in self.versions.list():
            if words is None or version.dataset in words or not words.isdisjoint(_WORD.findall(version.dataset)):
                found.setdefault(version.dataset, []).append(version)
        return found

    def _dataset(self, name: str, versions: Sequence[DatasetVersion], *, as_of: datetime | None) -> Iterator[View]:
        accepted = [version for version in versions if version.state is VersionState.ACCEPTED]
        if accepted:
            content = _content(accepted[-1], versions)
            yield self._known(name, content, as_of=as_of)
            yield self._history(name, content, as_of=as_of)
        if self.tables.latest(quarantine_name(name)) is not None:
            yield self._aside(name, versions)

    def _version(self, name: str, number: int, *, as_of: datetime | None) -> View:
        versions = self.versions.list(name)
        chosen = next((version for version in versions if version.number == number and version.state is VersionState.ACCEPTED), None)
        if chosen is None:
            known = [f"{name}@{version.number}" for version in versions if version.state is VersionState.ACCEPTED]
            raise UnknownTableError(f"{name}@{number}", known or self.names())
        return self._known(f"{name}@{number}", _content(chosen, versions), as_of=as_of)

    def _known(self, name: str, content: Sequence[DatasetVersion], *, as_of: datetime | None) -> View:
        """Of each key what is known last; where nothing was ever corrected, the rows as they are."""
        files, columns, place = self._content(content)
        users = [column for column in columns if not column.startswith("__")]
        key = next((version.key for version in reversed(content) if version.key), ())
        corrected = any(version.corrections != 0 for version in content) and bool(key)
        taken = columns if corrected else users
        rows = rows_of(place, columns=taken, ranges=ranges_of(content), arrival=ARRIVAL) + _by(as_of)
        if corrected:
            rows = f"select {', '.join(map(quoted, users))} from ({latest_of(rows, key=key, order=(KNOWN_TIME, ARRIVAL))})"  # noqa: S608  quoted
        return View(schema="main", name=name, select=rows, files=tuple(files))

    def _history(self, name: str, content: Sequence[DatasetVersion], *, as_of: datetime | None) -> View:
        files, columns, place = self._content(content)
        key = next((version.key for version in reversed(content) if version.key), ())
        rows = rows_of(place, columns=columns, ranges=ranges_of(content), arrival=ARRIVAL) + _by(as_of)
        users = [quoted(column) for column in columns if not column.startswith("__")]
        times = [f"{quoted(column)} as {quoted(shown if shown not in columns else column)}" for column, shown in _TIMES.items()]
        if key:
            keys = ", ".join(map(quoted, key))
            window = f"over (partition by {keys} order by {quoted(KNOWN_TIME)}, {quoted(ARRIVAL)})"
            until = "known_until" if "known_until" not in columns else KNOWN_UNTIL
            times.append(f"lead({quoted(KNOWN_TIME)}) {window} as {quoted(until)}")
        return View(schema=HISTORY, name=name, select=f"select {', '.join([*users, *times])} from ({rows})", files=tuple(files))  # noqa: S608  quoted

    def _aside(self, name: str, versions: Sequence[DatasetVersion]) -> View:
        files, columns = self._place(quarantine_name(name))
        digests = ", ".join(literal(version.digest) for version in versions)
        places = ", ".join(map(literal, files))
        shown = ", ".join(quoted(column) for column in columns if column != INGEST)
        select = f"select {shown} from read_parquet([{places}]) where {quoted(INGEST)} in ({digests})"  # noqa: S608  quoted
        return View(schema=QUARANTINE, name=name, select=select, files=tuple(files))

    def _predictions(self) -> Iterator[View]:
        """An endpoint's rows, of all shapes that they ever had."""
        from flyball.serving.answers import POSITION, STREAM, endpoint_of
        from flyball.serving.stream import SHIPPED_BEFORE

        of: dict[str, list[str]] = {}
        for table in self.tables.list():
            endpoint = endpoint_of(table)
            if endpoint is not None:
                of.setdefault(endpoint, []).append(table)
        for endpoint, tables in of.items():
            files, parts = [], []
            for table in tables:
                own, columns = self._place(table)
                files += own
                rows = f"select * from read_parquet([{', '.join(map(literal, own))}], union_by_name=true)"  # noqa: S608  quoted
                # A table of before there were several journals may hold rows that were shipped again to another.
                parts.append(rows if STREAM in columns else f"{rows} where {quoted(POSITION)} <= {self.positions.get(SHIPPED_BEFORE)}")
            yield View(schema=PREDICTIONS, name=endpoint, select=" union all by name ".join(parts), files=tuple(files))

    def _content(self, content: Sequence[DatasetVersion]) -> tuple[Sequence[str], Sequence[str], str]:
        """The files that a content's rows are read from, their columns, and where a query finds them."""
        if is_in_place(content[0]):
            found = rows_in_place(self.tables, content, folder=self.copies)
            if found.select is not None:
                return found.files, found.columns, f"({found.select})"
            table, number = content[0].table, content[-1].number
            copy = self._copy(f"{table}.{number}", Rows(self.tables).scan(content), mark=self.tables.latest(table))
            return [copy], found.columns, parquet_of([copy])
        files, columns = self._place(content[0].table)
        return files, columns, parquet_of(files)

    def _place(self, table: str) -> tuple[list[str], list[str]]:
        """The files of a table, and its columns; of one that lies elsewhere a copy, for a query's process has no network."""
        files, rows = self.tables.files(table), self.tables.read(table)
        columns = rows.collect_schema().names()
        return (
            [self._copy(table, rows, mark=self.tables.latest(table))] if not files or any("://" in file for file in files) else files
        ), columns

    def _copy(self, table: str, rows: pl.LazyFrame, *, mark: int | None) -> str:
        kept = self.copies / f"{table}@{mark}.parquet"
        if not kept.exists():
            with os_errors(self.copies):
                self.copies.mkdir(parents=True, exist_ok=True)
                part = kept.with_name(f".{kept.name}.{os.getpid()}.{threading.get_ident()}")
                rows.sink_parquet(part)
                part.replace(kept)
                for old in self.copies.glob(f"{table}@*.parquet"):
                    if old != kept:
                        old.unlink(missing_ok=True)
        return str(kept)


def catalogue_of(home: Home) -> Catalogue:
    """The catalogue of a home that is open."""
    return Catalogue(home.stores.datasets, home.tables, home.stores.positions, querying_of(home.path), home.path / _COPIES)


@dataclass(frozen=True)
class Reading:
    """Of a home just what is read to find rows."""

    versions: VersionStore
    tables: TableStore
    positions: Positions


@contextmanager
def open_reading(home: Path) -> Iterator[Reading]:
    """The home at `home`, to read rows only, with no more libraries than that takes.

    Raises:
        ElsewhereError, UnavailableError, NewerHomeError: as of the home's stores.
    """
    from flyball.app.places import Places
    from flyball.data._sqlstore import SqlVersions
    from flyball.storage._sqlstore import SqlPositions

    places = Places.of(home, os.environ)
    with closing(places.open_database(home)) as database:
        yield Reading(SqlVersions(database), places.open_tables(home), SqlPositions(database))


@contextmanager
def open_catalogue(home: Path, querying: Querying) -> Iterator[Catalogue]:
    """The catalogue of the home at `home`, to read only, asked by `querying`, which is closed; whoever runs the home goes on.

    Raises:
        ElsewhereError, UnavailableError, NewerHomeError: as of the home's stores.
    """
    try:
        with open_reading(home) as found:
            yield Catalogue(found.versions, found.tables, found.positions, querying, home / _COPIES)
    finally:
        querying.close()


def _by(as_of: datetime | None) -> str:
    return "" if as_of is None else f" and {quoted(KNOWN_TIME)} <= timestamptz {literal(utc(as_of).isoformat())}"


def _content(chosen: DatasetVersion, versions: Sequence[DatasetVersion]) -> list[DatasetVersion]:
    return [
        version
        for version in versions
        if version.number <= chosen.number and version.table == chosen.table and version.state is VersionState.ACCEPTED
    ]
