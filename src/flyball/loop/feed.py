"""The feed: a model's rows, labels and answers, as far as they are known at a time.

`Feed` is what the loop's services ask; live it is the prediction log and the label tables, in a backtest it is `ReplayFeed`, which
lets history happen: a row is answered at its prediction time by the version that the deployment routed it to then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.duration import MICROSECOND, microseconds
from flyball.core.ids import Digest
from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME
from flyball.kernels import route
from flyball.loop.model import Model

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NEVER = np.iinfo(np.int64).max
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    """Rows that were answered: their numbers in the frame, the version that answered each, and its score. Shapes ``(n,)``."""

    rows: Rows
    versions: Rows
    scores: Floats

    def of(self, version: int) -> Served:
        """Those that `version` answered."""
        mine = self.versions == version
        return Served(self.rows[mine], self.versions[mine], self.scores[mine])


@dataclass(frozen=True)
class Truth:
    """What is known of some rows' labels at a time: NaN where there is none (yet), and whether the row is resolved."""

    labels: Floats
    resolved: npt.NDArray[np.bool_]


class Scorer(Protocol):
    """Scores rows of the frame by a version's model: P(positive) or the value. ``rows`` ascending; result ``(n,)`` float64."""

    def score(self, version: int, rows: Rows) -> Floats: ...


class Feed(Protocol):
    """What the loop's services know of a model at `at`; nothing that became known later is in any answer."""

    def inputs(self) -> Mapping[str, Digest]:
        """The blobs that a training reads: ``frame`` and ``labels`` (their lines known later are left out by the training)."""
        ...

    def predicted(self, start: datetime, end: datetime) -> Rows:
        """Numbers of the rows whose prediction time lies in [start, end), ascending."""
        ...

    def features(self, rows: Rows) -> pl.DataFrame:
        """The rows' feature vectors, as they were at their prediction time."""
        ...

    def times(self, rows: Rows) -> pl.Series:
        """The rows' prediction times, UTC."""
        ...

    def truth(self, rows: Rows, at: datetime) -> Truth:
        """The rows' labels as far as they are known at `at`."""
        ...

    def served(self, start: datetime, end: datetime) -> Served:
        """What was answered in [start, end)."""
        ...

    def scores(self, version: int, rows: Rows) -> Floats:
        """What `version` says, or would say, of the rows."""
        ...


class ModelFrame:
    """The frame and labels that `loop.frames` made, held in memory. Immutable; thread-safe."""

    def __init__(self, model: Model, frame: Path, *, labels: Path) -> None:
        table = pl.read_ipc(frame)
        versions = pl.read_ipc(labels)
        self._table = table
        self.feature_names = [name for name in table.columns if not name.startswith("__") and name not in model.rows.key]
        self.prediction_times: Rows = table[PREDICTION_TIME].to_physical().to_numpy()
        self._events: Rows = table[EVENT_TIME].to_physical().to_numpy()
        self._timeouts: Rows = self._events + model.label.timeout // MICROSECOND
        self._label_rows: Rows = versions["row"].cast(pl.Int64).to_numpy()
        self._labels: Floats = versions["label"].to_numpy()
        self._known: Rows = versions[KNOWN_TIME].to_physical().to_numpy()
        self._until: Rows = versions[KNOWN_UNTIL].to_physical().fill_null(int(NEVER)).to_numpy()
        self._keys = table.select(pl.concat_str(pl.col(*model.rows.key).cast(pl.String), separator="\x1f", ignore_nulls=True)).to_series()

    def __len__(self) -> int:
        return len(self.prediction_times)

    @property
    def opening(self) -> int | None:
        """The earliest event time of a row that is predicted, microseconds.

        A row that became known only after its own time is none of them, however far back it reaches: it must not move what was before.
        """
        return int(self._events.min()) if len(self) else None

    def between(self, start: int, end: int) -> Rows:
        """Numbers of the rows with prediction time in [start, end), microseconds; ascending."""
        first, last = np.searchsorted(self.prediction_times, [start, end])
        return np.arange(first, last, dtype=np.int64)

    def features(self, rows: Rows) -> pl.DataFrame:
        """The feature columns of the rows."""
        return self._take(rows, self.feature_names)

    def times(self, rows: Rows) -> pl.Series:
        """The prediction times of the rows."""
        return self._take(rows, [PREDICTION_TIME]).to_series()

    def keys(self, rows: Rows) -> Sequence[str]:
        """The rows' keys as texts."""
        return self._keys.gather(rows).to_list()

    def truth(self, rows: Rows, at: int) -> Truth:
        """The rows' labels at `at`, microseconds."""
        labels = np.full(len(self), np.nan)
        valid = (self._known <= at) & (self._until > at)
        labels[self._label_rows[valid]] = self._labels[valid]
        mine = labels[rows]
        return Truth(mine, ~np.isnan(mine) | (self._timeouts[rows] <= at))

    def known_labels(self, at: datetime) -> Floats:
        """The labels of all rows that have one at `at`."""
        stamp = microseconds(at)
        return self._labels[(self._known <= stamp) & (self._until > stamp)]

    def _take(self, rows: Rows, names: list[str]) -> pl.DataFrame:
        table = self._table.select(names)
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            return table.slice(int(rows[0]), len(rows))  # rows are ascending, so this is the whole stretch
        return table[rows]


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


class ReplayFeed:
    """History as it would have happened under the deployments that `routes` was told of."""

    def __init__(self, frame: ModelFrame, inputs: Mapping[str, Digest], *, routes: Routes, scorer: Scorer) -> None:
        self._frame, self._inputs = frame, dict(inputs)
        self._routes, self._scorer = routes, scorer

    def inputs(self) -> Mapping[str, Digest]:
        return self._inputs

    def predicted(self, start: datetime, end: datetime) -> Rows:
        return self._frame.between(microseconds(start), microseconds(end))

    def features(self, rows: Rows) -> pl.DataFrame:
        return self._frame.features(rows)

    def times(self, rows: Rows) -> pl.Series:
        return self._frame.times(rows)

    def truth(self, rows: Rows, at: datetime) -> Truth:
        return self._frame.truth(rows, microseconds(at))

    def served(self, start: datetime, end: datetime) -> Served:
        rows = self.predicted(start, end)
        versions = self._routes.assign(self._frame, rows)
        rows, versions = rows[versions > 0], versions[versions > 0]
        scores = np.empty(len(rows))
        for version in np.unique(versions):
            mine = versions == version
            scores[mine] = self._scorer.score(int(version), rows[mine])
        return Served(rows, versions, scores)

    def scores(self, version: int, rows: Rows) -> Floats:
        return self._scorer.score(version, rows)
