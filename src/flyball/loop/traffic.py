"""Traffic: the rows that were to be answered, and what came of them.

`Traffic` is what the loop's services ask; live it is the prediction log and the labels, in a backtest it is `ReplayedTraffic`,
which lets history happen: a row is answered at its prediction time by the version that the deployment routed it to then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import polars as pl

from flyball.core.duration import microseconds
from flyball.kernels import route
from flyball.loop.past import Floats, ModelFrame, Rows, Scorer, Truth


class Stretch(Protocol):
    """The rows of a stretch of time, ordered by prediction time and key; all columns and arrays are ``(n,)`` in that order."""

    def __len__(self) -> int: ...

    @property
    def versions(self) -> Rows:
        """The version that answered each row; 0 where none did."""
        ...

    def features(self) -> pl.DataFrame:
        """The feature vectors, as they were at the rows' prediction times."""
        ...

    def times(self) -> pl.Series:
        """The prediction times, UTC."""
        ...

    def scores(self) -> Floats:
        """What was answered: P(positive) or the value; NaN where nobody answered."""
        ...

    def truth(self, at: datetime) -> Truth:
        """The labels as far as they are known at `at`."""
        ...


class Traffic(Protocol):
    """What is known of an endpoint's traffic now; nothing that became known later is in any answer. Thread-safe."""

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        """The rows whose prediction time lies in [start, end)."""
        ...


class Routes:
    """Who answered from when on: the shares of each version of one endpoint over business time."""

    def __init__(self, endpoint: str) -> None:
        self._salt = endpoint
        self._since: list[int] = []
        self._shares: list[Sequence[tuple[int, float]]] = []

    def set(self, since: datetime, shares: Sequence[tuple[int, float]]) -> None:
        """From `since` on the versions take these shares of the rows; times must not go back."""
        self._since.append(microseconds(since))
        self._shares.append(tuple(shares))

    def assign(self, frame: ModelFrame, rows: Rows) -> Rows:
        """The version that answered each row; 0 where there was none."""
        versions = np.zeros(len(rows), dtype=np.int64)
        if not self._since:
            return versions
        segment = np.searchsorted(np.array(self._since), frame.prediction_times[rows], side="right") - 1
        for index in np.unique(segment[segment >= 0]):
            mine = segment == index
            versions[mine] = self._within(self._shares[index], frame, rows=rows[mine])
        return versions

    def _within(self, shares: Sequence[tuple[int, float]], frame: ModelFrame, *, rows: Rows) -> Rows:
        if not shares:
            return np.zeros(len(rows), dtype=np.int64)
        numbers = np.array([version for version, _ in shares], dtype=np.int64)
        if len(shares) == 1:
            return np.full(len(rows), numbers[0])
        chosen: Rows = route(frame.keys(rows), self._salt, shares=[share for _, share in shares])
        picked: Rows = numbers[chosen]
        return picked


@dataclass(frozen=True)
class ReplayedStretch:
    """Rows of a frame, answered by the versions that they were routed to."""

    frame: ModelFrame
    rows: Rows
    versions: Rows
    scorer: Scorer

    def __len__(self) -> int:
        return len(self.rows)

    def features(self) -> pl.DataFrame:
        return self.frame.features(self.rows)

    def times(self) -> pl.Series:
        return self.frame.times(self.rows)

    def scores(self) -> Floats:
        scores = np.full(len(self.rows), np.nan)
        for version in np.unique(self.versions[self.versions > 0]):
            mine = self.versions == version
            scores[mine] = self.scorer.score(int(version), self.rows[mine])
        return scores

    def truth(self, at: datetime) -> Truth:
        return self.frame.truth(self.rows, microseconds(at))


class ReplayedTraffic:
    """History as it would have happened under the deployments that `routes` was told of."""

    def __init__(self, frame: ModelFrame, *, routes: Routes, scorer: Scorer) -> None:
        self._frame, self._routes, self._scorer = frame, routes, scorer

    def stretch(self, start: datetime, end: datetime) -> ReplayedStretch:
        rows = self._frame.between(microseconds(start), microseconds(end))
        return ReplayedStretch(self._frame, rows, self._routes.assign(self._frame, rows), self._scorer)
