"""The past of a model: what a training may look at, as one frame of rows with their features and labels.

A `Past` is made at a business time from what is known then and never changes; one that reaches further holds the same lines and
more, so that whoever asks for an earlier time may be given it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from flyball.core.duration import MICROSECOND, microseconds
from flyball.core.ids import Digest
from flyball.data.model import EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME
from flyball.loop.frames import STICKY
from flyball.loop.model import Model
from flyball.tracking import Run

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NEVER = np.iinfo(np.int64).max
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Truth:
    """What is known of some rows' labels at a time: NaN where there is none (yet), and whether the row is resolved."""

    labels: Floats
    resolved: npt.NDArray[np.bool_]


class Scorer(Protocol):
    """Scores rows of the frame by a version's model: P(positive) or the value. ``rows`` ascending; result ``(n,)`` float64."""

    def score(self, version: int, rows: Rows) -> Floats: ...


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
        sticky = model.rows.key if model.sticky is None else [STICKY + name for name in model.sticks_to]
        self._keys = table.select(pl.concat_str(pl.col(*sticky).cast(pl.String), separator="\x1f", ignore_nulls=True)).to_series()

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
        """The texts by which the rows are routed: their keys, or what the model says they stick to."""
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


@dataclass(frozen=True)
class Past:
    """A frame, the blobs ``frame`` and ``labels`` that it was read from, and the number of each dataset's version in it.

    `kept` are the blobs that a run records so that this past can be found again; none in a backtest, which has but one.
    """

    frame: ModelFrame
    inputs: Mapping[str, Digest]
    data: Mapping[str, int]
    scorer: Scorer
    kept: Mapping[str, Digest] = field(default_factory=dict)

    def predicted(self, start: datetime, end: datetime) -> Rows:
        """Numbers of the rows whose prediction time lies in [start, end), ascending."""
        return self.frame.between(microseconds(start), microseconds(end))

    def scores(self, version: int, rows: Rows) -> Floats:
        """What `version` would say of the rows."""
        return self.scorer.score(version, rows)


class Pasts(Protocol):
    """Where the past of one model is found. Thread-safe."""

    def reaching(self, moment: datetime) -> Past:
        """A past that holds all that is known by `moment`, which is not after now."""
        ...

    def of(self, run: Run) -> Past:
        """The very past that the run was trained on: its row numbers are those of the run's hold-out."""
        ...
