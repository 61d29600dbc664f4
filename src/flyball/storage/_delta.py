"""Tables as Delta Lake tables in one folder, of a disk or of a bucket; readable by everything that reads Delta.

A job's or a stream's position is an application's transaction in the commit, checked against the version that the commit follows:
whoever comes second sees that, and commits nothing. Where a lock can be had it only spares the losers their work.
"""

from __future__ import annotations

import bisect
import builtins
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from flyball.core.errors import FlyballError, UnavailableError
from flyball.core.ids import RandomIds
from flyball.storage._deltacare import ERASED, MERGED, Merging, Rewriting, collect_garbage, merge, scan_files
from flyball.storage._deltafolder import Folder, LocalFolder
from flyball.storage._deltahistory import DeltaHistory, Proposal
from flyball.storage._deltalog import State, TableFile, addition, beginning, stats_of
from flyball.storage._deltatypes import find_differences, find_unfit
from flyball.storage.errors import TableNotFoundError, TableSchemaError
from flyball.storage.tableerrors import CommitUnknownError, TableErasedError, TableKeepError, TableVersionGoneError
from flyball.storage.tables import KEEP, KEEP_LEAST, KEEP_MOST, Rewritten, TableCommit, TableStatistics, Vacuumed, checked_table

_STREAM = "stream:"
_FILE_BYTES = 256 << 20  # of rows in memory; a file has a fifth of it, more or less


class DeltaTables:
    """A `TableStore` in a directory, which is made when it is needed, or in another folder.

    `least_keep` is for tests: who keeps replaced files for less takes what is being written for garbage.
    """

    def __init__(self, root: Path | Folder, *, least_keep: timedelta = KEEP_LEAST) -> None:
        self.folder: Folder = LocalFolder(root) if isinstance(root, Path) else root
        self._history = DeltaHistory(self.folder)
        self._ids, self._least_keep = RandomIds(), least_keep

    # -- appending

    def append(self, table: str, rows: pl.DataFrame, *, job: str, attempt: int = 1) -> int:
        return self.append_all(table, [rows], schema=rows.schema, job=job, attempt=attempt)

    def append_all(self, table: str, parts: Iterable[pl.DataFrame], *, schema: pl.Schema, job: str, attempt: int = 1) -> int:
        def done(current: State) -> int | None:
            found = self._find_commit(current, job)
            return None if found is None else found.version

        return self._append(_Rows(checked_table(table), schema, parts=parts), transaction=(job, attempt), done=done)

    def append_next(self, table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        name = f"{_STREAM}{stream}"

        def done(current: State) -> int | None:
            return current.version if _position(current, name) >= position else None

        return self._append(_Rows(checked_table(table), rows.schema, parts=[rows]), transaction=(name, position), done=done)

    def _append(self, rows: _Rows, *, transaction: tuple[str, int], done: Callable[[State], int | None]) -> int:
        written: list[TableFile] = []
        before: list[int] = []

        def propose(current: State | None) -> Proposal | None:
            rows.check(current)
            if current is not None and (found := done(current)) is not None:
                before.append(found)
                return None
            for part in rows.take(current):
                written.append(self._write(rows.table, part))  # noqa: PERF401  what was written until a part fails is deleted
            at_ms = self._history.now_ms()
            actions = [] if current is not None else beginning(rows.schema, name=self._ids.create("table"), at_ms=at_ms)
            actions += [addition(file, at_ms=at_ms, new=True) for file in written]
            return Proposal("WRITE", [*actions, {"txn": {"appId": transaction[0], "version": transaction[1], "lastUpdated": at_ms}}])

        with self.folder.locked(rows.table):
            try:
                version = self._history.commit(rows.table, propose)
            except CommitUnknownError:
                raise  # the commit may be there, and needs its files
            except BaseException:
                self._drop(rows.table, written)
                raise
        if version is None:
            self._drop(rows.table, written)
            return before[0]
        return version

    def _drop(self, table: str, written: builtins.list[TableFile]) -> None:
        with suppress(FlyballError):  # they are garbage then
            self.folder.delete(f"{table}/{file.name}" for file in written)

    def _write(self, table: str, rows: pl.DataFrame) -> TableFile:
        name = f"{self._ids.create('part')}.parquet"
        return TableFile(name, self.folder.write_rows(f"{table}/{name}", rows), rows.height, stats_of(rows))

    # -- finding

    def position(self, table: str, stream: str) -> int:
        current = self._history.current(checked_table(table))
        return 0 if current is None else _position(current, f"{_STREAM}{stream}")

    def find_commit(self, table: str, job: str) -> TableCommit | None:
        current = self._history.current(checked_table(table))
        return None if current is None else self._find_commit(current, job)

    def _find_commit(self, current: State, job: str) -> TableCommit | None:
        found = current.txns.get(job)
        if found is None:
            return None
        if found.version is not None:
            return TableCommit(found.version, found.position)
        commits, checkpoints = self._history.list_versions(current.table)
        oldest = 0 if 0 in commits else min(checkpoints, default=0)

        def has(version: int) -> bool:
            state = self._history.at(current.table, version)
            return state is not None and job in state.txns

        # A job is in every version from its commit on, so halving finds the first one without reading the whole log.
        return TableCommit(bisect.bisect_left(range(current.version), True, lo=oldest, key=has), found.position)

    def latest(self, table: str) -> int | None:
        current = self._history.current(checked_table(table))
        return None if current is None else current.version

    def list(self) -> builtins.list[str]:
        return [name for name in self.folder.list_folders() if self._history.exists(name)]

    # -- reading

    def read(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        state = self._state(table, version)
        if not state.files:
            return pl.LazyFrame(schema=state.schema)
        scan = scan_files(self.folder, table, names=state.files)
        return scan if self.folder.alone else _told(scan, state.schema, failure=self.folder.failure)

    def files(self, table: str, *, version: int | None = None) -> builtins.list[str]:
        return [self.folder.address(f"{table}/{name}") for name in self._state(table, version).files]

    def statistics(self, table: str) -> TableStatistics:
        state = self._state(table, None)
        files = state.files.values()
        rows = None if any(file.rows is None for file in files) else sum(file.rows or 0 for file in files)
        return TableStatistics(
            version=state.version, columns=tuple(state.schema), rows=rows,
            files=len(files), size_bytes=sum(file.size_bytes for file in files),
            small_files=sum(len(group) for group in Merging.groups(state)), replaced_files=len(state.removed),
        )  # fmt: skip

    def _state(self, table: str, version: int | None) -> State:
        current = self._history.current(checked_table(table))
        if current is None:
            raise TableNotFoundError(table, version=version)
        if version is None or version == current.version:
            return current
        if not 0 <= version < current.version:
            raise TableNotFoundError(table, version=version, latest=current.version)
        state = self._history.at(table, version)
        if state is None or any(not self.folder.exists(f"{table}/{name}") for name in state.files if name not in current.files):
            erased = _position(current, ERASED)
            if version < erased:
                raise TableErasedError(table, version, latest=current.version, erased_at=erased)
            raise TableVersionGoneError(table, version, latest=current.version)
        return state

    # -- care

    def delete(self, table: str) -> None:
        with self.folder.locked(checked_table(table)):
            self.folder.drop(table)

    def compact(self, table: str, *, order: str | None = None) -> int:
        self._state(table, None)
        return merge(self._history, table, order=order, name=lambda: f"{self._ids.create(MERGED)}.parquet")

    def vacuum(self, table: str, *, keep: timedelta = KEEP) -> Vacuumed:
        if not self._least_keep <= keep <= KEEP_MOST:
            raise TableKeepError(keep, least=self._least_keep, most=KEEP_MOST)
        self._state(table, None)
        with self.folder.locked(table):
            return collect_garbage(self._history, table, keep=keep)

    def rewrite(self, table: str, drop: pl.DataFrame | pl.Expr, *, job: str) -> Rewritten:
        self._state(table, None)
        with self.folder.locked(table):
            return Rewriting(self._history, table, drop).run(job)


def _told(scan: pl.LazyFrame, schema: pl.Schema, *, failure: Callable[[Exception], UnavailableError]) -> pl.LazyFrame:
    """The same rows; what goes wrong while they are read is `failure`, whoever collects them and wherever."""

    def batches(columns: list[str] | None, predicate: pl.Expr | None, *sizes: int | None) -> Iterator[pl.DataFrame]:
        rows = sizes[0]
        found = scan if rows is None else scan.head(rows)
        found = found if predicate is None else found.filter(predicate)
        try:
            yield from (found if columns is None else found.select(columns)).collect_batches(maintain_order=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise failure(error) from error

    return register_io_source(batches, schema=schema, is_pure=True)


def _position(state: State, name: str) -> int:
    found = state.txns.get(name)
    return 0 if found is None else found.position


class _Rows:
    """Frames of one schema, taken once, as few large ones."""

    def __init__(self, table: str, schema: pl.Schema, *, parts: Iterable[pl.DataFrame]) -> None:
        self.table, self.schema = table, schema
        self._parts = iter(parts)

    def check(self, current: State | None) -> None:
        """They fit the table as it stands."""
        problems = list(find_unfit(self.schema) if current is None else find_differences(self.schema, current.schema))
        if problems:
            raise TableSchemaError(self.table, problems)

    def take(self, current: State | None) -> Iterator[pl.DataFrame]:
        """The rows that were not taken yet, with the table's order of columns, in frames of about a file's size; none is empty."""
        names = (self.schema if current is None else current.schema).names()
        together: list[pl.DataFrame] = []
        size = 0.0
        for part in self._parts:
            if problems := list(find_differences(part.schema, self.schema)):
                raise TableSchemaError(self.table, problems)
            if part.height:
                together.append(part.select(names))
                size += part.estimated_size()
            if size > _FILE_BYTES:
                yield pl.concat(together)
                together, size = [], 0.0
        if together:
            yield pl.concat(together)
