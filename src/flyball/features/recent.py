"""The histories that online values are made of: what of them still matters, what has changed in them, and their joins kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from flyball.data import Dataset, Join, join_histories
from flyball.data.model import ARRIVAL, EVENT_TIME
from flyball.features.sources import Versions, history_named
from flyball.kernels import MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source: TypeAlias = Dataset | Join


@dataclass(frozen=True)
class Need:
    """How far back a look-up reads its source; None is without limit."""

    source: Source
    back: timedelta | None


@dataclass(frozen=True)
class Change:
    """The rows of a source that are new, that are superseded at another time, or that are gone; they count from `since` on."""

    rows: pl.DataFrame
    since: int


class Recent:
    """The rows of each dataset that some look-up may still read, and each join of them."""

    def __init__(self, needs: Iterable[Need], *, partners: timedelta | None) -> None:
        self._backs: dict[str, timedelta | None] = {}
        self._joins: dict[Join, timedelta | None] = {}
        for need in needs:
            source, back = need.source, need.back
            if isinstance(source, Join):
                self._joins[source] = _longer(self._joins.get(source, back), back)
                self._want(source.left, back)
                self._want(source.right, None if back is None or partners is None else back + partners)
            else:
                self._want(source, back)
        self._frames: dict[str, pl.DataFrame] = {}
        self._pairs: dict[Join, pl.DataFrame] = {}

    def _want(self, dataset: Dataset, back: timedelta | None) -> None:
        self._backs[dataset.name] = _longer(self._backs.get(dataset.name, back), back)

    def back(self, dataset: str) -> timedelta | None:
        """How far before now a row of the dataset still matters; nothing does of a dataset that no look-up reads."""
        return self._backs.get(dataset, timedelta())

    def load(self, histories: Mapping[str, pl.DataFrame], now: datetime) -> None:
        """Begin with these histories.

        Raises:
            UnknownNameError: one is missing.
        """
        for name, back in self._backs.items():
            self._frames[name] = _since(history_named(name, histories), now, back=back)
        for join, back in self._joins.items():
            pairs = join_histories(self._frames[join.left.name], self._frames[join.right.name], on=join.on)
            self._pairs[join] = _since(pairs, now, back=back)

    def of(self, source: Source) -> pl.DataFrame:
        """The history of a source as it stands."""
        return self._pairs[source] if isinstance(source, Join) else self._frames[source.name]

    def renew(self, dataset: str, history: pl.DataFrame, *, now: datetime) -> dict[str | Join, Change]:
        """Take over the dataset's history; what changed, by dataset or join."""
        if dataset not in self._backs:
            return {}
        before, after = self._frames[dataset], _since(history_named(dataset, {dataset: history}), now, back=self._backs[dataset])
        self._frames[dataset] = after
        mask, since = changed(before, after)
        if not mask.any():
            return {}
        rows = after.filter(pl.Series(mask))
        found: dict[str | Join, Change] = {dataset: Change(rows, since)}
        for join in self._joins:
            if dataset in (join.left.name, join.right.name):
                touched = self._rejoin(join, rows, now=now, left=dataset == join.left.name)
                if touched.height:
                    found[join] = Change(touched, since)
        return found

    def _rejoin(self, join: Join, rows: pl.DataFrame, *, now: datetime, left: bool) -> pl.DataFrame:
        """Bring the join's pairs up to date for the changed `rows` of one side; all pairs that these rows have or had."""
        lefts, rights, on = self._frames[join.left.name], self._frames[join.right.name], list(join.on)
        mine = rows if left else lefts.join(rows.select(on).unique(), on=on, how="semi", maintain_order="left")
        partners = rights.join(mine.select(on).unique(), on=on, how="semi", maintain_order="left")
        made, old = join_histories(mine, partners, on=on), self._pairs[join]
        again = pl.col(ARRIVAL).is_in(mine[ARRIVAL].implode())
        self._pairs[join] = _since(pl.concat([old.filter(~again), made]), now, back=self._joins[join])
        return pl.concat([old.filter(again), made])


def changed(before: pl.DataFrame, after: pl.DataFrame) -> tuple[NDArray[np.bool_], int]:
    """Which rows of `after` are new or are superseded at another time than in `before`, and from when on that counts."""
    was, now = Versions.of(before), Versions.of(after)
    if not before.height:
        return np.ones(after.height, dtype=np.bool_), int(now.known.min(initial=MAX))
    order = np.argsort(was.arrival, kind="stable")  # a sorted column costs next to nothing
    place = order[np.minimum(np.searchsorted(was.arrival[order], now.arrival), before.height - 1)]
    new = was.arrival[place] != now.arrival
    moved = ~new & (was.until[place] != now.until)
    since = min(int(now.known[new].min(initial=MAX)), int(np.minimum(now.until, was.until[place])[moved].min(initial=MAX)))
    return new | moved, since


def _since(history: pl.DataFrame, now: datetime, *, back: timedelta | None) -> pl.DataFrame:
    if back is None or not history.height or _earliest(history) >= now - back:
        return history
    return history.filter(pl.col(EVENT_TIME) >= now - back)


def _earliest(history: pl.DataFrame) -> datetime:
    found = history[EVENT_TIME].min()
    assert isinstance(found, datetime)
    return found


def _longer(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return None if one is None or other is None else max(one, other)
