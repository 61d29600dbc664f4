"""Files as a source."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.data.declared.source import Source
from flyball.data.errors import DatasetError


@dataclass(frozen=True)
class FileSource(Source):
    """A file, or a directory whose .csv, .csv.gz and .parquet files are read in the order of their names.

    `path` is relative to the project file. Nothing is opened here.
    """

    path: str

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise DatasetError(f"files({self.path!r})", "a source needs the path of a file or a directory")

    def describe(self) -> str:
        """The path as it was written."""
        return self.path


def files(path: str) -> FileSource:
    """The source that reads `path`: a .csv, .csv.gz or .parquet file, or a directory of them, relative to the project file."""
    return FileSource(path)
