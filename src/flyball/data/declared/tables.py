"""Delta tables and Parquet files of others, read where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flyball.data.declared.source import Source
from flyball.data.declared.sql import positive
from flyball.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class TableSource(Source):
    """A table that somebody else writes, at a path relative to the project file; its rows stay there unless they are to be copied."""

    path: str
    copy: bool = False

    def describe(self) -> str:
        """The path as it was written."""
        return self.path

    @property
    def in_place(self) -> bool:
        """Whether the rows stay where they are."""
        return not self.copy


@dataclass(frozen=True, kw_only=True)
class DeltaSource(TableSource):
    """A Delta table that somebody else writes, in a directory relative to the project file."""


@dataclass(frozen=True, kw_only=True)
class ParquetSource(TableSource):
    """A Parquet file, a directory or a pattern of them, to which somebody else adds files."""


def delta(path: str, *, copy: bool = False, every: str | timedelta | None = None) -> DeltaSource:
    """The source that is the Delta table at `path`: a directory relative to the project file.

    Each pull takes the files that the table's present version has and that no pull took before. Their rows are read there, by every
    version that has them, for as long as it is wanted; with `copy` they are copied, and the files may go.

    Raises:
        DatasetError: it is no path.
        DurationError: `every` is no duration.
    """
    what = f"delta({path!r})"
    _check_path(what, path, kind="delta")
    return DeltaSource(path=path, copy=copy, every=positive(what, "every", value=every))


def parquet(path: str, *, copy: bool = False, every: str | timedelta | None = None) -> ParquetSource:
    """The source that is the Parquet files at `path`: a file, a directory or a pattern, relative to the project file.

    As for `delta`, rows are read where they are, but with `copy`. Files are added, never changed: one whose bytes become others is an error
    when it is read.

    Raises:
        DatasetError: it is no path.
        DurationError: `every` is no duration.
    """
    what = f"parquet({path!r})"
    _check_path(what, path, kind="parquet")
    return ParquetSource(path=path, copy=copy, every=positive(what, "every", value=every))


def _check_path(what: str, path: str, *, kind: str) -> None:
    if not path or "\0" in path:
        raise DatasetError(what, "it needs the path of a table")
    if "://" in path:
        log = ", its _delta_log with it" if kind == "delta" else "; fb.files(...) reads Parquet files of a bucket"
        raise DatasetError(f"{kind}(...)", f"only a table in a directory can be read; copy one that lies elsewhere{log}")
