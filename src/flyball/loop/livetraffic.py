"""The traffic of a live endpoint: what the prediction log holds, joined to the labels that have come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl

from flyball.core.duration import MICROSECOND, microseconds
from flyball.data import label_history
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.loop.model import Model
from flyball.loop.past import NEVER, Floats, Rows, Truth

KEY_SEPARATOR = "\x1f"


class ServedRows(Protocol):
    """The prediction log, as far as the loop asks it."""

    def drain(self) -> int: ...

    def read(self, endpoint: str, start: datetime, *, end: datetime) -> pl.DataFrame: ...


@dataclass(frozen=True)
class LoggedStretch:
    """Rows that were answered. A row that no version answered is none: nobody waits for its label."""

    model: Model
    rows: pl.DataFrame
    labels: Callable[[], pl.DataFrame]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def versions(self) -> Rows:
        found: Rows = self.rows["version"].cast(pl.Int64).to_numpy()
        return found

    def features(self) -> pl.DataFrame:
        missing = pl.Series([None] * len(self), dtype=pl.Float64)
        columns = {name: f"feature.{name}" for name in self.names}
        return pl.DataFrame(
            [(self.rows[column] if column in self.rows.columns else missing).alias(name) for name, column in columns.items()]
        )

    def times(self) -> pl.Series:
        return self.rows["time"].alias(PREDICTION_TIME)

    def scores(self) -> Floats:
        found: Floats = self.rows["score"].cast(pl.Float64).to_numpy()
        return found

    def truth(self, at: datetime) -> Truth:
        stamp = microseconds(at)
        labels = np.full(len(self), np.nan)
        versions = self._label_versions
        valid = (versions["known"] <= stamp) & (versions["until"] > stamp)
        chosen = versions.filter(valid)
        labels[chosen["row"].to_numpy()] = chosen["label"].to_numpy()
        return Truth(labels, ~np.isnan(labels) | (self._timeouts <= stamp))

    @cached_property
    def _label_versions(self) -> pl.DataFrame:
        """Every version of every row's label: row, label, and from when until when it is the known one, microseconds."""
        key = list(self.model.rows.key)
        keys = self.rows.select(pl.col("key").str.split(KEY_SEPARATOR).alias("parts")).with_row_index("row")
        asked = keys.select("row", *(pl.col("parts").list.get(place, null_on_oob=True).alias(name) for place, name in enumerate(key)))
        history = self.labels()
        texts = [pl.col(name).cast(pl.String) for name in key]
        mine = history.with_columns(texts).join(asked.select(key).unique(), on=key, how="semi")
        found = label_history(asked.select(key), self.model.label, history=mine, key=key)
        joined = asked.join(found, on=key, how="inner")
        return joined.select(
            "row",
            pl.col("label").cast(pl.Float64),
            pl.col(KNOWN_TIME).cast(TIME).to_physical().alias("known"),
            pl.col(KNOWN_UNTIL).cast(TIME).to_physical().fill_null(int(NEVER)).alias("until"),
        )

    @cached_property
    def _timeouts(self) -> Rows:
        """When a row without label counts as resolved: `timeout` after its event time, which the request may tell."""
        column = f"request.{self.model.rows.event_time}"
        declared = pl.col("time") + self.model.length("lead")
        event = pl.coalesce(pl.col(column).cast(TIME), declared) if column in self.rows.columns else declared
        events: Rows = self.rows.select(event.cast(TIME).to_physical()).to_series().to_numpy()
        return events + self.model.label.timeout // MICROSECOND


class LoggedTraffic:
    """`Traffic` of one endpoint. `labels` gives the present history of the label's dataset; `names` are the model's features."""

    def __init__(self, model: Model, log: ServedRows, *, labels: Callable[[], pl.DataFrame], names: Sequence[str]) -> None:
        self._model, self._log, self._labels, self._names = model, log, labels, tuple(names)

    def stretch(self, start: datetime, end: datetime) -> LoggedStretch:
        self._log.drain()
        rows = self._log.read(self._model.serves_at, start, end=end)
        answered = rows.filter(pl.col("score").is_not_null())
        return LoggedStretch(self._model, answered, self._labels, self._names)
