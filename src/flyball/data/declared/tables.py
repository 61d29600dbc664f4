"""Delta tables of others as a source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flyball.data.declared.source import Source
from flyball.data.declared.sql import positive
from flyball.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class DeltaSource(Source):
    """A Delta table that somebody else writes, in a directory or at an s3:// URL."""

    path: str

    @property
    def is_remote(self) -> bool:
        """Whether the table lies in a bucket."""
        return self.path.startswith("s3://")

    def describe(self) -> str:
        """The path as it was written."""
        return self.path


def delta(path: str, *, every: str | timedelta | None = None) -> DeltaSource:
    """The source that is the Delta table at `path`: a directory relative to the project file, or s3://BUCKET/PREFIX.

    Each pull reads the files that the table's present version has and that no pull read before.

    Raises:
        DatasetError: it is no path.
        DurationError: `every` is no duration.
    """
    what = f"delta({path!r})"
    if not path or "\0" in path:
        raise DatasetError(what, "it needs the path of a table")
    scheme, found, rest = path.partition("://")
    if found and (scheme != "s3" or not rest.partition("/")[0] or "@" in rest.partition("/")[0]):
        raise DatasetError("delta(...)", "a table lies in a directory or at s3://BUCKET/PREFIX, and its keys stand in the environment")
    return DeltaSource(path=path, every=positive(what, "every", value=every))
