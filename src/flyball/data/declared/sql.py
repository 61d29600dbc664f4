"""Tables and queries of databases as a source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict, Unpack

from flyball.core.duration import parse_duration
from flyball.data.declared.source import Source
from flyball.data.declared.watermark import Watermark, watermark_of
from flyball.data.errors import DatasetError

TIMEOUT = timedelta(minutes=30)

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class SqlSource(Source):
    """The answer of a query, or a table, of the database whose URL stands in the environment variable `place`, or of the SQLite file there.

    One of `query` and `table` is None. Nothing is opened here, and no URL stands here: it may hold a password.
    """

    place: str
    query: str | None = None
    table: str | None = None
    watermark: Watermark | None = None
    timeout: timedelta = TIMEOUT

    @property
    def is_file(self) -> bool:
        """Whether `place` is the path of a SQLite file and not the name of a variable."""
        return _VARIABLE.fullmatch(self.place) is None

    def describe(self) -> str:
        """The place and the table, or how the query begins."""
        words = " ".join((self.query or "").split())
        asked = self.table if self.table is not None else words if len(words) <= 40 else words[:39] + "…"
        return f"{self.place}: {asked}"


class SqlOptions(TypedDict, total=False):
    """`every` lets a running home ask by itself; `timeout` bounds a pull; both are durations such as "5m"."""

    watermark: str
    overlap: str | timedelta | float
    every: str | timedelta
    timeout: str | timedelta


def sql(place: str, *, table: str | None = None, query: str | None = None, **options: Unpack[SqlOptions]) -> SqlSource:
    """The source that reads a `table` or the answer of a `query`, in a transaction that can change nothing.

    `place` is the NAME of an environment variable that holds the database's URL (`postgresql://…`, or anything that SQLAlchemy
    knows), or the path of a SQLite file. With a `watermark` column each pull reads on from where the last one ended, and what
    lies up to `overlap` below it once more, for rows that were committed late; without one each pull reads everything.

    Raises:
        DatasetError: not exactly one of `table` and `query`, or something that can never be right.
        DurationError: a duration that is none.
    """
    what = "sql(...)"
    if "://" in place:
        raise DatasetError(what, "a URL may hold a password; name the environment variable that holds it instead")
    if not place or "\0" in place:
        raise DatasetError(what, "it needs the name of an environment variable or the path of a SQLite file")
    what = f"sql({place!r}, ...)"
    given = query if table is None else table
    if (table is None) == (query is None) or not (given or "").strip() or "\0" in (given or ""):
        raise DatasetError(what, "it needs one of table=... and query=...")
    if unknown := sorted(set(options) - SqlOptions.__annotations__.keys()):
        raise DatasetError(what, f"there is no option {unknown[0]!r}; use {', '.join(SqlOptions.__annotations__)}")
    return SqlSource(
        place=place,
        query=query,
        table=table,
        watermark=watermark_of(what, options.get("watermark"), overlap=options.get("overlap")),
        every=positive(what, "every", value=options.get("every")),
        timeout=positive(what, "timeout", value=options.get("timeout")) or TIMEOUT,
    )


def positive(what: str, name: str, *, value: str | timedelta | None) -> timedelta | None:
    """The length that the option `name` gives; None where it was not given.

    Raises:
        DatasetError: it is not longer than nothing.
        DurationError: it is no duration.
    """
    length = parse_duration(value) if isinstance(value, str) else value
    if length is not None and length <= timedelta():
        raise DatasetError(what, f"its {name} must be longer than nothing")
    return length
