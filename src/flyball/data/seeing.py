"""What of a version's rows was to be seen at a time: by when they happened, and by when they were known. Lazy."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import polars as pl

from flyball.core.clock import utc
from flyball.core.errors import ConflictError
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, TIME, DatasetVersion


class When(TypedDict, total=False):
    """Which rows are wanted; what is left out, or None, keeps all."""

    as_of: datetime | None
    known_by: datetime | None
    event_from: datetime | None
    event_until: datetime | None


class KeyUnknownError(ConflictError):
    """A version that does not say which columns identify its rows."""

    code = "dataset-key-unknown"

    def __init__(self, version: DatasetVersion) -> None:
        super().__init__(
            f"Version {version.number} of dataset {version.dataset!r} was made by an older Flyball and does not say its key, without which "
            "nobody can tell what was known at a time. Bring something new into its source and run `flyball ingest`, or read it whole."
        )


def seen_at(rows: pl.LazyFrame, version: DatasetVersion, *, when: When) -> pl.LazyFrame:
    """Those of the version's `rows` that are wanted.

    Raises:
        KeyUnknownError: `as_of`, and the version does not say its key.
    """
    as_of, known_by = when.get("as_of"), when.get("known_by")
    for limit in (as_of, known_by):
        if limit is not None:
            rows = rows.filter(pl.col(KNOWN_TIME) <= _literal(limit))
    if as_of is not None:
        rows = _last_known(rows, version)
    if (since := when.get("event_from")) is not None:  # behind `as_of`: a correction may have moved an event
        rows = rows.filter(pl.col(EVENT_TIME) >= _literal(since))
    if (until := when.get("event_until")) is not None:
        rows = rows.filter(pl.col(EVENT_TIME) < _literal(until))
    return rows


def _last_known(rows: pl.LazyFrame, version: DatasetVersion) -> pl.LazyFrame:
    if not version.key:
        raise KeyUnknownError(version)
    last = rows.group_by(version.key).agg(pl.col(ARRIVAL).sort_by(KNOWN_TIME, ARRIVAL).last())
    return rows.join(last.select(ARRIVAL), on=ARRIVAL, how="semi")


def _literal(time: datetime) -> pl.Expr:
    return pl.lit(utc(time), dtype=TIME)
