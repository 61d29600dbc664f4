"""A table or a query of a database, opened: which driver reads it, from where on, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

from flyball.core.canonical import digest
from flyball.core.clock import MonotonicTimer, Timer
from flyball.core.ids import Digest
from flyball.data.declared.sql import SqlSource
from flyball.data.sourceerrors import DatabasePlaceError, DatabaseVariableError
from flyball.data.sources._sqladbc import read_postgresql
from flyball.data.sources._sqladbc import read_sqlite as read_sqlite_fast
from flyball.data.sources._sqlrows import holds_table, quoting, read_sqlalchemy, read_sqlite
from flyball.data.sources.asking import Asked
from flyball.data.sources.port import Surroundings
from flyball.data.sources.position import Height
from flyball.data.sources.pulled import PulledSource
from flyball.data.sources.sqltext import literal, question, quote_name

_POSTGRESQL = frozenset({"postgresql", "postgres"})


class SqlRows(PulledSource):
    """PostgreSQL and SQLite's tables are read by ADBC; queries of SQLite row by row, for only so they can be stopped.

    All else is SQLAlchemy's. A URL that names a driver is as well, as in postgresql+psycopg://.
    """

    def __init__(self, source: SqlSource, surroundings: Surroundings, *, timer: Timer | None = None) -> None:
        """Raises DatabaseVariableError: the environment holds no URL."""
        super().__init__(source.describe(), surroundings.scratch, watermark=source.watermark)
        self._source, self._timer = source, timer or MonotonicTimer()
        url = source.place if source.is_file else _url(source.place, surroundings)
        scheme = url.partition("://")[0] if not source.is_file else "sqlite"
        self._file = _sqlite_path(url, surroundings.root, is_file=source.is_file) if scheme == "sqlite" else None
        self._url, self._scheme, self.text_grows = url, scheme, self._file is not None

    @property
    def _asked(self) -> Digest:
        source = self._source
        column = source.watermark.column if source.watermark else None
        return digest({"place": source.place, "query": source.query, "table": source.table, "watermark": column})

    def _answer(self, since: Height | None, *, quickly: bool) -> Iterable[pl.DataFrame]:
        if self._file is not None:
            return self._of_file(self._file, since, quickly=quickly)
        asked = self._words(self._url, since)
        if self._scheme in _POSTGRESQL:
            return read_postgresql(asked)
        return read_sqlalchemy(self._words(self._url, since, quote=quoting(asked)))

    def _of_file(self, path: Path, since: Height | None, *, quickly: bool) -> Iterable[pl.DataFrame]:
        if not path.is_file():
            raise DatabasePlaceError(self._place, "there is no such file")
        asked, table = self._words(str(path), since), self._source.table
        if quickly and table is not None and holds_table(str(path), table):
            return read_sqlite_fast(asked)
        return read_sqlite(asked)

    def _words(self, url: str, since: Height | None, *, quote: Callable[[str], str] = quote_name) -> Asked:
        text = question(self._source, since=None if since is None else literal(since), quote=quote)
        timer = self._timer
        return Asked(place=self._place, url=url, text=text, timeout=self._source.timeout, timer=timer, begun=timer.seconds())


def _url(variable: str, surroundings: Surroundings) -> str:
    url = surroundings.environment.get(variable, "").strip()
    if not url:
        raise DatabaseVariableError(variable, "is not set")
    if "://" not in url:
        raise DatabaseVariableError(variable, "holds no URL")
    return url


def _sqlite_path(url: str, root: Path, *, is_file: bool) -> Path:
    return root / (url if is_file else unquote(urlsplit(url).path)[1:])
