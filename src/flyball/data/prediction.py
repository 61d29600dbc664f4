"""Which rows are predicted, and when: training and backtest predict a row at its event time minus the lead, as it was known then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from flyball.data.history import known_time
from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, Dataset


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


def predicted_rows(history: pl.DataFrame, dataset: Dataset, *, lead: timedelta) -> pl.DataFrame:
    """`prediction_rows` of the dataset's history, and the rows that reached us only after they had been predicted.

    Whoever asked for a prediction had the row then, whenever its record came to us: what counts is when it is known by declaration. A key
    without a version in time gives its first one, if that was known in time by declaration. KNOWN_TIME stands beside: since when
    we have had the row, before which nothing may be learnt from it.
    """
    declared = known_time(dataset, pl.col(EVENT_TIME))
    key = list(dataset.key)
    timed = history.with_columns((pl.col(EVENT_TIME) - lead).alias(PREDICTION_TIME))
    in_time = prediction_rows(history, key=key, lead=lead)
    first = timed.sort(KNOWN_TIME, ARRIVAL).unique(subset=key, keep="first", maintain_order=True)
    late = first.filter(declared <= pl.col(PREDICTION_TIME)).join(in_time.select(key), on=key, how="anti", nulls_equal=True)
    since = timed.filter(pl.col(KNOWN_TIME) <= pl.col(PREDICTION_TIME)).group_by(key).agg(pl.col(KNOWN_TIME).min())
    known = in_time.join(since, on=key, how="left", nulls_equal=True, maintain_order="left")
    return pl.concat([known, late.select(known.columns)]).sort(PREDICTION_TIME, *key)


def late_keys(history: pl.DataFrame, *, key: Sequence[str], lead: timedelta) -> int:
    """How many keys have no version that was known at its own prediction time: with `prediction_rows` they make up all keys."""
    return history.select(*key).n_unique() - prediction_rows(history, key=key, lead=lead).height
