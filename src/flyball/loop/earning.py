"""What the versions of an endpoint have earned by labels, kept as answers and labels come: no answer is read twice.

It is known by the positions of the journals that answers came by how far they were read, and by arrivals how far labels were. A process
that begins anew reads all once, and finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
import polars as pl

from flyball.data.model import ARRIVAL, KNOWN_TIME, KNOWN_UNTIL, TIME
from flyball.loop.livetraffic import KEY_SEPARATOR, LoggedStretch
from flyball.loop.model import Model
from flyball.serving.answers import POSITION, STREAM
from flyball.serving.outcome import THRESHOLD
from flyball.serving.volume import FALLBACK, LIVE

_READ = (STREAM, POSITION, "time", "key", "version", "score")
_COUNTED: Mapping[str, type[pl.DataType]] = {"key": pl.String, "version": pl.Int64, "said": pl.Boolean}
_CHUNKS = 64


class PlacedRows(Protocol):
    """The prediction log, as far as earnings ask it."""

    def drain(self) -> int: ...

    def select(self, endpoint: str, wanted: pl.Expr, *, columns: Sequence[str]) -> pl.DataFrame: ...


class Earning:
    """Counts, of the answers from `since` until now, those that are labelled and those that were right, by version.

    An answer is right where it and the label known now are on one side of the threshold; it counts once, however late its label comes,
    and anew where the label is corrected. One that a version gave in another's place counts for nobody. Not thread-safe; what fails
    leaves all as it was.
    """

    def __init__(self, model: Model, log: PlacedRows, *, labels: Callable[[], pl.DataFrame], since: datetime) -> None:
        self._model, self._log, self._labels, self._since = model, log, labels, since
        self._places: dict[str, int] = {}  # stream → the position up to which it was read
        self._early = pl.DataFrame(schema={**_COUNTED, "time": TIME})  # of another process, whose clock is ahead
        self._answers = pl.DataFrame(schema=_COUNTED)
        self._known = pl.DataFrame(schema={"key": pl.String, "label": pl.Boolean})  # the labels by which answers are counted
        self._seen = _Seen()
        self._counts: dict[int, tuple[int, int]] = {}

    def look(self, now: datetime) -> Mapping[int, tuple[int, int]]:
        """How many answers of each version were right, and how many are labelled, by what is known now; `now` never goes back.

        Raises:
            UnavailableError: the log cannot be read.
        """
        unread, places = self._unread()
        due = pl.col("time") < now
        new, early = unread.filter(due).drop("time"), unread.filter(~due)
        history = self._labels()
        keys = self._touched(history, now=now, new=new)
        if keys.is_empty():
            self._early, self._places, self._seen = early, places, _Seen.of(history, now)
            return self._counts
        known = self._labelled(keys, history, now=now)
        touched = self._answers.join(keys, on="key", how="semi")
        counts = _added(self._counts, touched.join(self._known, on="key"), sign=-1)
        counts = _added(counts, pl.concat([touched, new]).join(known, on="key"), sign=1)
        answers = self._answers.vstack(new)
        self._answers = answers.rechunk() if answers.n_chunks() > _CHUNKS else answers
        self._known = pl.concat([self._known.join(keys, on="key", how="anti"), known])
        self._counts, self._early, self._places, self._seen = counts, early, places, _Seen.of(history, now)
        return self._counts

    def _unread(self) -> tuple[pl.DataFrame, dict[str, int]]:
        """The answers that are not counted yet, and how far all are read with them."""
        self._log.drain()
        wanted = (pl.col("time") >= self._since) & LIVE & (pl.col("route") != FALLBACK) & pl.col("score").is_not_null()
        for stream, position in self._places.items():
            wanted &= (pl.col(STREAM) != stream) | (pl.col(POSITION) > position)
        rows = self._log.select(self._model.serves_at, wanted, columns=_READ)
        reached = dict(rows.group_by(STREAM).agg(pl.col(POSITION).max()).iter_rows())
        told = (_cut(pl.col("key"), len(self._model.rows.key)), "version", (pl.col("score") >= THRESHOLD).alias("said"), "time")
        return self._early.vstack(rows.select(told).drop_nulls("key")), {**self._places, **reached}

    def _touched(self, history: pl.DataFrame, *, now: datetime, new: pl.DataFrame) -> pl.DataFrame:
        """The keys whose answers may count otherwise now: those of new answers, and answered ones whose label may be another."""
        fresh = new.select("key").unique()
        if self._answers.is_empty():
            return fresh
        moved = self._seen.moved(history, now)
        if moved is None:  # rows came, or went, among those that were there
            return pl.concat([self._answers.select("key"), fresh]).unique()
        columns = [pl.col(name).cast(pl.String) for name in self._model.rows.key]
        labelled = moved.select(pl.concat_str(columns, separator=KEY_SEPARATOR).alias("key")).drop_nulls()
        answered = self._answers.select("key").join(labelled, on="key", how="semi")
        return pl.concat([answered, fresh]).unique()

    def _labelled(self, keys: pl.DataFrame, history: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
        rows = keys.with_columns(pl.lit(now).alias("time"))
        labels = LoggedStretch(self._model, rows, lambda: history, ()).truth(now).labels
        known = ~np.isnan(labels)
        return pl.DataFrame({"key": keys["key"].filter(pl.Series(known)), "label": labels[known] >= THRESHOLD})


class _Seen:
    """How far the history of labels was seen: at which moment, up to which arrival, and how many rows of it there were then."""

    def __init__(self, at: datetime | None = None, *, arrival: int = -1, rows: int = 0) -> None:
        self._at, self._arrival, self._rows = at, arrival, rows

    @classmethod
    def of(cls, history: pl.DataFrame, now: datetime) -> _Seen:
        """The whole history, at that moment."""
        newest = history[ARRIVAL].max()
        return cls(now, arrival=newest if isinstance(newest, int) else -1, rows=history.height)

    def moved(self, history: pl.DataFrame, now: datetime) -> pl.DataFrame | None:
        """The rows that came since, became known or were superseded; None where those that were there are not all there, or more."""
        before = pl.col(ARRIVAL) <= self._arrival
        if self._at is None or history.select(before.sum()).item() != self._rows:
            return None
        lately = [(pl.col(name) > self._at) & (pl.col(name) <= now) for name in (KNOWN_TIME, KNOWN_UNTIL)]
        return history.filter(~before | pl.any_horizontal(lately))


def _cut(key: pl.Expr, parts: int) -> pl.Expr:
    """The parts of an answer's key that name a row of the label's dataset; null where it has fewer."""
    found = key.str.split(KEY_SEPARATOR)
    return pl.when(found.list.len() >= parts).then(found.list.head(parts).list.join(KEY_SEPARATOR)).alias("key")


def _added(counts: Mapping[int, tuple[int, int]], rows: pl.DataFrame, *, sign: int) -> dict[int, tuple[int, int]]:
    """The counts with those of labelled answers."""
    found = dict(counts)
    told = rows.group_by("version").agg((pl.col("said") == pl.col("label")).sum(), pl.len())
    for version, right, known in told.iter_rows():
        before = found.get(version, (0, 0))
        found[version] = (before[0] + sign * right, before[1] + sign * known)
    return found
