"""Which rows are predicted, and when: training and backtest predict a row at its event time minus the lead, as it was known then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME


def prediction_rows(history: pl.DataFrame, *, key: Sequence[str], lead: timedelta) -> pl.DataFrame:
    """One row per key: its first version that was the known one at its own prediction time, EVENT_TIME - `lead`.

    Columns are the user's, EVENT_TIME and PREDICTION_TIME; rows are sorted by (PREDICTION_TIME, key). A correction that
    moves the event time after the row was predicted predicts nothing anew. Keys that were never known in time are left out;
    `late_keys` counts them.
    """
    timed = history.with_columns((pl.col(EVENT_TIME) - lead).alias(PREDICTION_TIME)).filter(
        pl.col(KNOWN_TIME) <= pl.col(PREDICTION_TIME),
        pl.col(KNOWN_UNTIL).is_null() | (pl.col(PREDICTION_TIME) < pl.col(KNOWN_UNTIL)),
    )
    return (
        timed.sort(PREDICTION_TIME, *key).unique(subset=list(key), keep="first", maintain_order=True).drop(KNOWN_TIME, KNOWN_UNTIL, ARRIVAL)
    )


def late_keys(history: pl.DataFrame, *, key: Sequence[str], lead: timedelta) -> int:
    """How many keys have no version that was known at its own prediction time: with `prediction_rows` they make up all keys."""
    return history.select(*key).n_unique() - prediction_rows(history, key=key, lead=lead).height
