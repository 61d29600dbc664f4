"""The table store's port: versioned tables of rows, appended to and rewritten by erasures alone; no SQL transaction takes them in."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import polars as pl

from flyball.storage.errors import TableNameError

KEEP, KEEP_LEAST, KEEP_MOST = timedelta(days=1), timedelta(hours=1), timedelta(days=7)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


def checked_table(name: str) -> str:
    """`name`, if it is one plain word that cannot leave the store's directory.

    Raises:
        TableNameError: it is anything else.
    """
    if not _NAME.fullmatch(name):
        raise TableNameError(name)
    return name


@dataclass(frozen=True, slots=True)
class TableCommit:
    """A job's rows are in `version` of the table, put there by this `attempt` of it."""

    version: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatistics:
    """What a table consists of: `small_files` are worth merging, `replaced_files` were taken out and may still lie there."""

    version: int
    columns: tuple[str, ...]
    files: int
    size_bytes: int
    rows: int | None
    small_files: int
    replaced_files: int


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What went: files of rows with their size, and files of the log."""

    files: int
    size_bytes: int
    commits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """`rows` are gone from `files`, which the commit `version` took out; `deleted_files` went with them this time.

    `left_files` hold some of the rows still, in no version, because somebody may be writing them just now: erase again in an hour.
    """

    version: int
    rows: int
    files: tuple[str, ...]
    deleted_files: int
    left_files: int


class TableStore(Protocol):
    """A job's rows stand in a table at most once, whichever of its attempts came first.

    The commit carries the job and the attempt; the SQL row and the event follow, and after a crash between the two
    `find_commit` tells that the rows are there. Every later append of the same job, with the same, a lower (it lost its
    lease and woke up late) or a higher attempt (it could not know), commits nothing and returns the version that holds them.
    Columns keep their names, order and dtypes; the order of rows within a table is not promised. A version never changes; one that is
    not the latest may become unreadable, by `vacuum` some time after a merge has replaced its files, and by `rewrite` at once.
    Thread- and process-safe. Every method raises TableNameError for what is not a table's name.
    """

    def append(self, table: str, rows: pl.DataFrame, *, job: str, attempt: int = 1) -> int:
        """The version that holds the job's rows; the first append makes the table, version 0.

        Raises:
            TableSchemaError: the rows' columns are not the table's, or have a dtype that tables cannot keep.
            UnavailableError: the disk is full or cannot be written; the table is as before.
        """
        ...

    def append_all(self, table: str, parts: Iterable[pl.DataFrame], *, schema: pl.Schema, job: str, attempt: int = 1) -> int:
        """As `append` of all parts, which have `schema`, in one commit; in memory are never more of them than a file takes.

        What taking the parts raises is raised, and the table is as before. Where the job's rows are there already, no part is taken.
        """
        ...

    def append_next(self, table: str, rows: pl.DataFrame, *, stream: str, position: int) -> int:
        """A version that holds the stream's rows up to `position` (at least 1); a position that the stream has reached commits nothing.

        For streams without end: the table remembers of each where it is, however many commits it has made. Rows and position are one
        commit; of several writers at one position one commits, and the others are told a version that holds what that one wrote.

        Raises:
            TableSchemaError: as for `append`.
            UnavailableError: as for `append`.
        """
        ...

    def position(self, table: str, stream: str) -> int:
        """How far the stream is in the table; 0 where nothing of it is there."""
        ...

    def find_commit(self, table: str, job: str) -> TableCommit | None:
        """Where the job's rows are, or None; also None where there is no table."""
        ...

    def read(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """The rows up to and with `version` (default: the latest).

        Raises:
            TableNotFoundError: no such table, or no such version.
            TableErasedError: it held rows that were erased.
            TableVersionGoneError: what it consisted of was replaced too long ago.
        """
        ...

    def files(self, table: str, *, version: int | None = None) -> builtins.list[str]:
        """The Parquet files that `read` reads, as local paths or s3:// addresses; each row is in one of them.

        Raises:
            TableNotFoundError, TableErasedError, TableVersionGoneError: as for `read`.
        """
        ...

    def statistics(self, table: str) -> TableStatistics:
        """What the latest version consists of; no row is read for it.

        Raises:
            TableNotFoundError: no such table.
        """
        ...

    def compact(self, table: str, *, order: str | None = None) -> int:
        """How many small files went into fewer, larger ones, in which the rows stand by the column `order`; the rows are the same.

        Others may append, read and compact meanwhile. Killed at any moment it leaves the table as it was, or with some of the files merged.

        Raises:
            TableNotFoundError: no such table.
            UnavailableError: the place cannot be written; the table is as before.
        """
        ...

    def vacuum(self, table: str, *, keep: timedelta = KEEP) -> Vacuumed:
        """Delete the files that were replaced longer than `keep` ago, or were left by killed writers before that.

        Raises:
            TableNotFoundError: no such table.
            TableKeepError: less than an hour, or more than a week.
        """
        ...

    def rewrite(self, table: str, drop: pl.DataFrame | pl.Expr, *, job: str) -> Rewritten:
        """Erase the rows whose columns equal a row of the frame `drop`, or for which the expression holds: out of all files, now.

        Nothing else rewrites the past. No file holds the rows afterwards, and no log tells their values; a version that did is a
        TableErasedError. Repeated under the same job it ends what a kill interrupted, and tells the same `version`, `rows` and `files`.
        Rows that are appended later are others' business. Appends wait where there is a lock, and come behind it where there is none.

        Raises:
            TableNotFoundError: no such table.
            TableSchemaError: `drop` names columns that the table does not have, or has with other dtypes.
            UnavailableError: the place cannot be written; repeat it, for it may be half done.
        """
        ...

    def latest(self, table: str) -> int | None:
        """The latest version, or None where there is no table."""
        ...

    def list(self) -> list[str]:
        """All tables' names, ascending."""
        ...

    def delete(self, table: str) -> None:
        """The table and all its versions are gone for good; idempotent. Killed, it can be run again. Not while others append to it."""
        ...
