"""Rows of a dataset as a notebook wants them: a frame, and where it is from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.location import find_home
from flyball.app.querying import open_reading
from flyball.core.clock import utc
from flyball.core.errors import UnknownNameError
from flyball.data.errors import VersionHeldError
from flyball.data.history import as_of as known_as_of
from flyball.data.history import known_until
from flyball.data.model import ARRIVAL, KNOWN_TIME, KNOWN_UNTIL, SYSTEM_COLUMNS, DatasetVersion, VersionState
from flyball.data.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where loaded rows are from: the dataset's version, its state of knowledge, and the source of what came last."""

    dataset: str
    version: int | None
    as_of: datetime | None
    source: str = ""
    ingested_at: datetime | None = None

    def __str__(self) -> str:
        words = [self.dataset if self.version is None else f"{self.dataset}@{self.version}"]
        if self.as_of is not None:
            words.append(f"as known at {utc(self.as_of):%Y-%m-%d %H:%M} UTC")
        if self.ingested_at is not None:
            words.append(f"ingested {utc(self.ingested_at):%Y-%m-%d %H:%M} UTC")
        return ", ".join([*words, f"from {self.source}"] if self.source else words)


class Loaded(pl.DataFrame):
    """A Polars DataFrame that knows its `origin`; what is made of it is a plain one."""

    origin: Origin

    @classmethod
    def of(cls, frame: pl.DataFrame, origin: Origin) -> Loaded:
        """The frame with its origin; no row is copied."""
        loaded = cls(frame)
        loaded.origin = origin
        return loaded

    def _repr_html_(self, **options: Any) -> str:
        table = super()._repr_html_(**options)
        origin = getattr(self, "origin", None)
        return table if origin is None else f"<p><b>{html.escape(str(origin))}</b>: {self.height:,} rows</p>{table}"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which rows of a dataset are wanted: of which accepted version, known by when, which columns, with a row's times or without."""

    name: str
    version: int | None = None
    as_of: datetime | None = None
    columns: Sequence[str] | None = None
    system: bool = False


def load(wish: Wish, *, home: Path | None) -> Loaded:
    """The rows in order of arrival: of each key the last one known, now or by `as_of`. The home is found from here, unless it is named.

    Raises:
        UnknownNameError: there is no such dataset, version or column.
        VersionHeldError: the version is not accepted.
        HomeNotFoundError: there is no home here.
    """
    name, moment = wish.name, wish.as_of
    with open_reading(find_home(home, Path.cwd())) as opened:
        versions = opened.versions.list(name)
        chosen = _choose(name, versions, number=wish.version, known={found.dataset for found in opened.versions.list()})
        content = [
            found
            for found in versions
            if found.number <= chosen.number and found.table == chosen.table and found.state is VersionState.ACCEPTED
        ]
        rows = Rows(opened.tables).scan(content)
        frame = (rows if moment is None else rows.filter(pl.col(KNOWN_TIME) <= moment)).collect()
    frame = _known(frame, content, moment=moment).sort(ARRIVAL)
    users = [column for column in frame.columns if column not in SYSTEM_COLUMNS]
    for column in wish.columns or ():
        if column not in users:
            raise UnknownNameError("column", column, known=users, where=f"dataset {name!r}")
    shown = [*(wish.columns or users), *(SYSTEM_COLUMNS if wish.system else ())]
    origin = Origin(dataset=name, version=chosen.number, as_of=moment, source=chosen.source, ingested_at=chosen.ingested_at)
    return Loaded.of(frame.select(shown), origin)


def _known(frame: pl.DataFrame, content: Sequence[DatasetVersion], *, moment: datetime | None) -> pl.DataFrame:
    """Of each key the row that is known last; versions that count no correction need no search."""
    key = next((found.key for found in reversed(content) if found.key), ())
    if not key or all(found.corrections == 0 for found in content):
        return frame.with_columns(pl.lit(None, dtype=frame.schema[KNOWN_TIME]).alias(KNOWN_UNTIL))
    whole = known_until(frame, key)
    latest = whole.filter(pl.col(KNOWN_UNTIL).is_null())
    return latest if moment is None else known_as_of(whole, moment)


def _choose(name: str, versions: Sequence[DatasetVersion], *, number: int | None, known: set[str]) -> DatasetVersion:
    accepted = [found for found in versions if found.state is VersionState.ACCEPTED]
    if not accepted and number is None:
        raise UnknownNameError("dataset with rows", name, known=known)
    chosen = accepted[-1] if number is None else next((found for found in versions if found.number == number), None)
    if chosen is None:
        raise UnknownNameError("version", f"{name}@{number}", known=[f"{name}@{found.number}" for found in accepted])
    if chosen.state is not VersionState.ACCEPTED:
        read = chosen.added + chosen.quarantined + chosen.duplicates
        raise VersionHeldError(name, chosen.number, state=chosen.state, broken=chosen.quarantined, read=read)
    return chosen
