"""Bitemporal frames: since when and until when each version of a row was the known one, and what was known at a moment.

Pure functions of Polars frames. A *history* has the user's columns and the four system columns; a version is current at K iff
KNOWN_TIME <= K < KNOWN_UNTIL, where a null KNOWN_UNTIL means that nothing superseded it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from flyball.data.model import ARRIVAL, EVENT_TIME, KNOWN_TIME, KNOWN_UNTIL, SYSTEM_COLUMNS, TIME, Dataset


def known_time(dataset: Dataset, event: pl.Expr) -> pl.Expr:
    """When a row is known by the dataset's declaration, from its typed columns and its `event` time."""
    if dataset.known_time is not None:
        return pl.col(dataset.known_time).cast(TIME)
    if dataset.known_after is not None:
        return event + dataset.known_after
    return event - dataset.known_before if dataset.known_before is not None else event


def known_until(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Each row is superseded by the next of its key in (KNOWN_TIME, ARRIVAL) order; row order is kept.

    Of two versions known at the same instant the later arrival wins and the earlier gets an empty interval. A KNOWN_UNTIL that
    is already there is computed anew.
    """
    columns = list(key)
    if frame.select(columns).is_unique().all():
        return frame.with_columns(pl.lit(None, dtype=frame.schema[KNOWN_TIME]).alias(KNOWN_UNTIL))
    row = "__row"
    ordered = frame.select(*columns, KNOWN_TIME, ARRIVAL).with_row_index(row).sort(*columns, KNOWN_TIME, ARRIVAL)
    same = pl.all_horizontal(pl.col(column).eq_missing(pl.col(column).shift(-1)) for column in columns)
    until = ordered.select(row, pl.when(same).then(pl.col(KNOWN_TIME).shift(-1)).alias(KNOWN_UNTIL)).sort(row)
    return frame.with_columns(until[KNOWN_UNTIL])


def as_of(frame: pl.DataFrame, time: datetime) -> pl.DataFrame:
    """Per key, the last version known by `time`; row order is kept."""
    return frame.filter(pl.col(KNOWN_TIME) <= time, pl.col(KNOWN_UNTIL).is_null() | (pl.col(KNOWN_UNTIL) > time))


def join_histories(left: pl.DataFrame, right: pl.DataFrame, *, on: Sequence[str]) -> pl.DataFrame:
    """A pair of versions is known while both are: from the later KNOWN_TIME to the earlier KNOWN_UNTIL.

    `on` names the key of `right`. Event time, arrival and order are the left side's; a column that both have keeps the left
    side's value, the right side's stands as "<name>_right". A left row without partner is not known.
    """
    other = right.drop(EVENT_TIME, ARRIVAL).rename({KNOWN_TIME: "__right_known", KNOWN_UNTIL: "__right_until"})
    pairs = left.join(other, on=list(on), how="inner", maintain_order="left_right")
    pairs = pairs.with_columns(
        pl.max_horizontal(KNOWN_TIME, "__right_known").alias(KNOWN_TIME),
        pl.min_horizontal(KNOWN_UNTIL, "__right_until").alias(KNOWN_UNTIL),
    ).filter(pl.col(KNOWN_UNTIL).is_null() | (pl.col(KNOWN_TIME) < pl.col(KNOWN_UNTIL)))
    users = [column for column in pairs.columns if column not in {*SYSTEM_COLUMNS, "__right_known", "__right_until"}]
    return pairs.select(*users, *SYSTEM_COLUMNS)
