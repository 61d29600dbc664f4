"""The table store's port: versioned, append-only tables of rows, which cannot join an SQL transaction."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from flyball.storage.errors import TableNameError

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


class TableStore(Protocol):
    """A job's rows stand in a table at most once, whichever of its attempts came first.

    The commit carries the job and the attempt; the SQL row and the event follow, and after a crash between the two
    `find_commit` tells that the rows are there. Every later append of the same job, with the same, a lower (it lost its
    lease and woke up late) or a higher attempt (it could not know), commits nothing and returns the version that holds them.
    Columns keep their names, order and dtypes; the order of rows within a table is not promised. A version never changes.
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
        """
        ...

    def files(self, table: str, *, version: int | None = None) -> builtins.list[str]:
        """The Parquet files that hold the rows up to and with `version` (default: the latest), as local paths or s3:// addresses.

        Raises:
            TableNotFoundError: no such table, or no such version.
        """
        ...

    def latest(self, table: str) -> int | None:
        """The latest version, or None where there is no table."""
        ...

    def list(self) -> list[str]:
        """All tables' names, ascending."""
        ...
