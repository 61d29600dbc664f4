"""What model servers were asked with, as rows of the datasets that its columns come from: what a skew check compares with."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from flyball.serving.answers import FEATURE, endpoint_of, from_table, united
from flyball.serving.volume import LIVE
from flyball.storage.tables import TableStore

LATELY = timedelta(days=7)
MOST_ROWS = 100_000


def served_rows(tables: TableStore, dataset: str, *, now: datetime) -> pl.DataFrame | None:
    """The columns of `dataset` that models took as features, of the rows answered and shipped in the last seven days before `now`.

    The latest 100,000 of each endpoint's form; None where no answered row has a column of it.
    """
    prefix = f"{FEATURE}{dataset}."
    found = []
    for table in tables.list():
        if endpoint_of(table) is None:
            continue
        rows = tables.read(table)
        wanted = [name for name in rows.collect_schema() if name.startswith(prefix)]
        if not wanted:
            continue
        lately = pl.col("time").is_between(now - LATELY, now, closed="left") & pl.col("error").is_null() & LIVE
        frame = rows.filter(lately).select("time", *wanted).top_k(MOST_ROWS, by="time").drop("time").collect(engine="streaming")
        found.append(from_table(frame).rename(lambda name: name.removeprefix(prefix)))
    found = [frame for frame in found if frame.height]
    return united(found) if found else None
