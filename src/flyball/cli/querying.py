"""`flyball query`: SQL over the catalogue, in the home or by the server that FLYBALL_URL names."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.cli.outputs import OutputFileError, check_outputs, write_whole
from flyball.core.clock import parse_time
from flyball.core.duration import parse_duration
from flyball.core.errors import InvalidError

if TYPE_CHECKING:
    import polars as pl

    from flyball.app.querying import Catalogue, Question
    from flyball.data.querying.model import Limits

_URL = "FLYBALL_URL"
FORMATS = ("table", "csv", "json", "parquet")
_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SMALLEST = 64 << 20


class FormatError(InvalidError):
    """Not a format of answers, or not one that can be written so."""

    code = "format"

    def __init__(self, why: str) -> None:
        super().__init__(f"The answer cannot be given so: {why}")


class SizeError(InvalidError):
    """Not an amount of memory that a query can work in."""

    code = "size"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no amount of memory for a query. Write a number with MB or GB, 64MB at least, for example 2GB.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the options say."""

    sql: str
    as_of: str | None
    format: str | None
    out: Path | None
    limit: int
    timeout: str
    memory: str
    raw: bool

    def shape(self) -> str:
        """The format: the one that was named, else by the file's ending, else a table.

        Raises:
            FormatError: there is no such format, or it needs a file.
        """
        found = self.format or (self.out.suffix.removeprefix(".").lower() if self.out and self.out.suffix else None) or "table"
        if found not in FORMATS:
            raise FormatError(f"there is no format {found!r}; there are {', '.join(FORMATS)}.")
        if found == "parquet" and self.out is None:
            raise FormatError("a Parquet file needs a name; add --out FILE.")
        return found


def query(wanted: Wanted, *, home: Path | None) -> None:
    """Answer, and print or write the answer."""
    shape, limits = wanted.shape(), _limits(wanted)
    check_outputs({"--out": wanted.out})
    if wanted.limit < 1:
        raise FormatError("--limit is a number of rows, 1 or more.")
    with _opened(home, limits) as source:
        question = _question(wanted)
        if shape == "parquet":
            assert wanted.out is not None
            rows = source.write_parquet(question, path=wanted.out, limits=limits)
            sys.stderr.write(f"{rows:,} rows in {wanted.out}\n")
            return
        frames = source.stream(question, limits=limits)
        if shape == "table" and wanted.out is None:
            _print_table(frames, wanted.limit)
            return
        _write(frames, wanted, shape=shape)


def _question(wanted: Wanted) -> Question:
    from flyball.app.querying import Question

    as_of: datetime | None = None if wanted.as_of is None else parse_time(wanted.as_of, what="--as-of")
    return Question(sql=wanted.sql, as_of=as_of)


def _limits(wanted: Wanted) -> Limits:
    from flyball.data.querying.model import Limits

    text = wanted.memory.strip().lower()
    digits = text.rstrip("kmgib")
    unit = text[len(digits) :]
    if unit not in _UNITS or not digits.isdigit() or int(digits) * _UNITS[unit] < _SMALLEST:
        raise SizeError(wanted.memory)
    return Limits(seconds=parse_duration(wanted.timeout).total_seconds(), memory_bytes=int(digits) * _UNITS[unit])


@contextmanager
def _opened(home: Path | None, limits: Limits) -> Iterator[Catalogue | Any]:
    if home is None and os.environ.get(_URL):
        from flyball.app.actor import person
        from flyball.client import Client
        from flyball.client.querying import RemoteCatalogue

        with Client.from_environment(os.environ, actor=person()) as client:
            yield RemoteCatalogue(client)
        return
    from flyball.app.location import find_home
    from flyball.app.queryprocess import querying_of

    place = find_home(home, Path.cwd())
    querying = querying_of(place)
    querying.warm(limits)  # while it imports its libraries, we import ours
    from flyball.app.querying import open_catalogue

    with open_catalogue(place, querying) as catalogue:
        yield catalogue


def _print_table(frames: Iterator[pl.DataFrame], limit: int) -> None:
    """The first rows, as soon as they are there; that there are more is said."""
    import polars as pl

    shown, rows = list[pl.DataFrame](), 0
    for frame in frames:
        shown.append(frame)
        rows += frame.height
        if rows > limit:
            break
    whole = pl.concat(shown)
    head = whole.head(limit)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for name, dtype in head.schema.items():
            table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold")
        for row in head.iter_rows():
            table.add_row(*(Text(_cell(value)) for value in row))
        Console().print(table)
    else:
        lines = [head.columns, *([_cell(value).replace("\t", " ").replace("\n", " ") for value in row] for row in head.iter_rows())]
        sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))
    sys.stdout.flush()
    if whole.height > limit:
        sys.stderr.write(f"{limit:,} rows shown, there are more. --limit N shows more; --format csv, or --out FILE, gives all.\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").replace("+00:00", "Z")
    return str(value)


def _write(frames: Iterator[pl.DataFrame], wanted: Wanted, *, shape: str) -> None:
    if wanted.out is None:
        for text in _texts(frames, shape, raw=wanted.raw):
            sys.stdout.write(text)
        return
    if shape == "table":
        raise OutputFileError("--out", wanted.out, why="its ending is none of .csv, .json and .parquet; say which with --format")
    write_whole(wanted.out, _texts(frames, shape, raw=wanted.raw))


def _texts(frames: Iterator[pl.DataFrame], shape: str, *, raw: bool) -> Iterator[str]:
    from flyball.data.querying.writing import csv

    for number, frame in enumerate(frames):
        if shape == "csv":
            yield csv(frame, header=number == 0, raw=raw)
        else:
            yield from (json.dumps(row, default=_json, ensure_ascii=False) + "\n" for row in frame.iter_rows(named=True))


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
