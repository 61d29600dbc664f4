"""What a replay sends, in order: rows of every dataset as they become known, and a request for every row when it is to be predicted.

Requests carry what a caller would send, at the moment at which a backtest predicts the same rows. Rows are sent a microsecond before
the end of their batch, so that what happens at its end happens with them: a row known by then is known then, as in a backtest.
Sent ahead, they come at the beginning of their batch, before they are known: nothing sees a row before its known time, so that every
row is known exactly when it is in a backtest, however large the batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from flyball.app.home import Home
from flyball.core.duration import floor_time
from flyball.data.model import ARRIVAL, KNOWN_TIME, PREDICTION_TIME, SYSTEM_COLUMNS, Dataset
from flyball.data.prediction import prediction_rows
from flyball.features import FeatureSet
from flyball.loop.definition import datasets_of
from flyball.loop.ingestion import ingest_all
from flyball.loop.model import Model, Project

MOMENT = timedelta(microseconds=1)
MAX_ROWS = 2_000  # in one request; doors take more
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Send:
    """One request at a moment of business time: `rows` rows for the dataset or endpoint `name`. Rows have an idempotency key."""

    at: datetime
    name: str
    body: bytes
    rows: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows known after `start` and by `end`, and predictions from `start` on and before `end`; so two stretches fit together."""

    start: datetime
    end: datetime
    rows_every: timedelta
    labels: bool = True
    ahead: bool = False

    def sent_at(self, known: datetime) -> datetime:
        """When a row that is known then is sent: just before its batch ends, or as it begins."""
        if not self.rows_every:
            return known - MOMENT
        end = floor_time(known - MOMENT, self.rows_every) + self.rows_every
        return max(end - self.rows_every, self.start) if self.ahead else min(end, self.end) - MOMENT


def read_histories(project: Project, *, root: Path, home: Home) -> dict[str, pl.DataFrame]:
    """What the project's files hold, by dataset, as the declaration means it; read into `home`, which is the replay's own.

    Raises:
        FlyballError: a file cannot be read, or too many of its rows break the contract.
    """
    datasets: dict[str, Dataset] = {}
    for model in project.models:
        ingest_all(model, home.data, root=root, progress=lambda _, __: None)
        datasets |= datasets_of(model)
    return {name: home.data.history(dataset) for name, dataset in datasets.items()}


def schedule(project: Project, histories: Mapping[str, pl.DataFrame], *, stretch: Stretch) -> list[Send]:
    """Everything to send, by time; at one moment rows come first."""
    sends = [*_all_rows(project, histories, stretch=stretch)]
    for model in project.models:
        sends += _requests(model, histories, stretch=stretch)
    return sorted(sends, key=lambda send: (send.at, send.key is None))  # stable: as declared within a moment


def _all_rows(project: Project, histories: Mapping[str, pl.DataFrame], *, stretch: Stretch) -> Iterator[Send]:
    labels = {model.label.dataset.name for model in project.models}
    for name, history in histories.items():
        if stretch.labels or name not in labels:
            yield from _rows(name, history, stretch=stretch)


def _rows(name: str, history: pl.DataFrame, *, stretch: Stretch) -> Iterator[Send]:
    due = history.filter(pl.col(KNOWN_TIME) > stretch.start, pl.col(KNOWN_TIME) <= stretch.end).sort(KNOWN_TIME, ARRIVAL)
    moments = [stretch.sent_at(known) for known in due[KNOWN_TIME]]
    for at, rows in _groups(due.drop(SYSTEM_COLUMNS), moments):
        body = _JSON.encode({"rows": rows})
        yield Send(at, name, body, len(rows), key=f"replay-{hashlib.sha256(body).hexdigest()[:40]}")


def _requests(model: Model, histories: Mapping[str, pl.DataFrame], *, stretch: Stretch) -> Iterator[Send]:
    schemas = {name: history.schema for name, history in histories.items()}
    used = FeatureSet.compile(model.features, model.rows, schemas=schemas).inputs
    inputs = [*used, *(name for name in model.sticks_to if name not in used)]
    asked = prediction_rows(histories[model.rows.name], key=model.rows.key, lead=model.length("lead")).filter(
        pl.col(PREDICTION_TIME) >= stretch.start, pl.col(PREDICTION_TIME) < stretch.end
    )
    for at, rows in _groups(asked.select(inputs), asked[PREDICTION_TIME].to_list()):
        yield Send(at, model.serves_at, _JSON.encode({"rows": rows}), len(rows))


def _groups(frame: pl.DataFrame, moments: list[datetime]) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    """Runs of rows of one moment, in order, none longer than a request may be."""
    rows = frame.to_dicts()
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or moments[place] != moments[start] or place - start == MAX_ROWS:
            yield moments[start], rows[start:place]
            start = place
