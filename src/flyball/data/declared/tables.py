"""Tables of others that are read where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from flyball.data.declared.source import Source
from flyball.data.declared.sql import positive
from flyball.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class TableSource(Source):
    """A Delta table, or Parquet files, that belong to somebody else: `path` is a directory, a file or an s3:// URL."""

    path: str
    form: Literal["delta", "parquet"]

    def describe(self) -> str:
        """The path as it was written."""
        return self.path


def delta(path: str, *, every: str | timedelta | None = None) -> TableSource:
    """The source that is the Delta table at `path`: a directory relative to the project file, or s3://BUCKET/PREFIX.

    Raises:
        DatasetError: it is no path.
    """
    return _table(path, form="delta", every=every)


def parquet(path: str, *, every: str | timedelta | None = None) -> TableSource:
    """The source that is the Parquet file or the directory of Parquet files at `path`, relative to the project file.

    Raises:
        DatasetError: it is no path.
    """
    return _table(path, form="parquet", every=every)


def _table(path: str, *, form: Literal["delta", "parquet"], every: str | timedelta | None) -> TableSource:
    what = f"{form}({path!r})"
    if not path or "\0" in path:
        raise DatasetError(what, "it needs the path of a table")
    scheme, found, rest = path.partition("://")
    if found and (scheme != "s3" or "@" in rest.partition("/")[0]):
        raise DatasetError(what, "a table lies in a directory or at s3://BUCKET/PREFIX, and its keys stand in the environment")
    return TableSource(path=path, form=form, every=positive(what, "every", every))
