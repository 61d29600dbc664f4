"""Files as a source."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

from flyball.core.duration import parse_duration
from flyball.data.declared.source import Source
from flyball.data.errors import DatasetError

FORMATS = ("csv", "tsv", "ndjson", "parquet", "arrow", "excel")
EPOCHS = ("s", "ms", "us", "ns")
AMBIGUOUS = ("refuse", "earlier", "later")


class FileOptions(TypedDict, total=False):
    """How files are read, where their names and contents do not say it; `docs/reference/sources.md` has each in full."""

    format: str
    every: str | timedelta
    times: Mapping[str, str]
    time_zone: str
    ambiguous: str
    sheet: str
    credentials: str


@dataclass(frozen=True)
class FileSource(Source):
    """A file, a directory or a pattern of files, on this machine or in a bucket; they are read in the order of their names.

    `path` is relative to the project file, or begins with s3://. Nothing is opened here.
    """

    path: str
    format: str | None = None
    times: tuple[tuple[str, str], ...] = ()
    time_zone: str | None = None
    ambiguous: str = "refuse"
    sheet: str | None = None
    credentials: str = ""

    def __post_init__(self) -> None:
        what = f"files({self.path!r})"
        if not self.path or "\0" in self.path:
            raise DatasetError(what, "a source needs the path of a file or a directory")
        if self.format is not None and self.format not in FORMATS:
            raise DatasetError(what, f"there is no format {self.format!r}; it is one of {', '.join(FORMATS)}")
        for column, form in self.times:
            if form not in EPOCHS and "%" not in form:
                raise DatasetError(
                    what, f"times={{{column!r}: {form!r}}} is no form of a time; write s, ms, us, ns or a pattern such as %d.%m.%Y"
                )
        if self.ambiguous not in AMBIGUOUS:
            raise DatasetError(what, f"ambiguous={self.ambiguous!r} is not one of {', '.join(AMBIGUOUS)}")
        if self.time_zone is not None and not _is_zone(self.time_zone):
            raise DatasetError(what, f"there is no time zone {self.time_zone!r}; write one such as America/New_York")
        if self.path.startswith("s3://") and not self.path.removeprefix("s3://").partition("/")[0]:
            raise DatasetError(what, "it names no bucket; write s3://BUCKET/FOLDER")

    @property
    def is_remote(self) -> bool:
        """Whether the files lie in a bucket."""
        return self.path.startswith("s3://")

    def describe(self) -> str:
        """The path as it was written."""
        return self.path

    def reading(self) -> Mapping[str, Any]:
        """What decides, beside their bytes, what rows files have; empty where nothing was declared."""
        declared = {"format": self.format, "times": self.times, "time_zone": self.time_zone, "sheet": self.sheet}
        if self.time_zone is not None:
            declared["ambiguous"] = self.ambiguous
        return {name: value for name, value in declared.items() if value}


def files(path: str, **options: Unpack[FileOptions]) -> FileSource:
    """The source that reads `path`: a file, a directory or a pattern such as "logs/**/*.csv.gz", relative to the project file, or in s3://.

    Raises:
        DatasetError: an option that can never be right.
        DurationError: `every` is no duration.
    """
    given: dict[str, Any] = dict(options)
    if unknown := sorted(set(given) - FileOptions.__annotations__.keys()):
        near = difflib.get_close_matches(unknown[0], FileOptions.__annotations__, n=1)
        raise DatasetError(f"files({path!r})", f"there is no option {unknown[0]!r}{f'; did you mean {near[0]!r}?' if near else ''}")
    every = given.pop("every", None)
    given["times"] = tuple(sorted(dict(given.get("times") or {}).items()))
    return FileSource(path, every=parse_duration(every) if isinstance(every, str) else every, **given)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
