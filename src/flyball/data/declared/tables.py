"""Delta tables of others as a source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flyball.data.declared.source import Source
from flyball.data.declared.sql import positive
from flyball.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class DeltaSource(Source):
    """A Delta table that somebody else writes, in a directory relative to the project file."""

    path: str

    def describe(self) -> str:
        """The path as it was written."""
        return self.path


def delta(path: str, *, every: str | timedelta | None = None) -> DeltaSource:
    """The source that is the Delta table at `path`: a directory relative to the project file.

    Each pull reads the files that the table's present version has and that no pull read before.

    Raises:
        DatasetError: it is no path.
        DurationError: `every` is no duration.
    """
    what = f"delta({path!r})"
    if not path or "\0" in path:
        raise DatasetError(what, "it needs the path of a table")
    if "://" in path:
        raise DatasetError("delta(...)", "only a table in a directory can be read; copy one that lies elsewhere, its _delta_log with it")
    return DeltaSource(path=path, every=positive(what, "every", value=every))
