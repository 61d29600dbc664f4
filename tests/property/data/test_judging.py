"""Rows in are rows taken, set aside or known, whatever comes in whatever order, against an oracle that takes one row at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data import Dataset, files
from flyball.data.checking import QUARANTINE, check_file, judge
from flyball.data.contract import Column, Contract
from flyball.data.model import KNOWN_TIME
from flyball.data.values import ColumnType

DATASET = Dataset("sales", files("x"), key="id", event_time="at", known_time="known")
CONTRACT = Contract(
    dataset="sales",
    columns={
        "id": Column(type=ColumnType.TEXT, nullable=False),
        "at": Column(type=ColumnType.TIME, nullable=False),
        "known": Column(type=ColumnType.TIME, nullable=False),
        "amount": Column(type=ColumnType.INTEGER, nullable=True, maximum=2, values="quarantine"),
    },
)
cell = st.sampled_from(["0", "1", "2", "3", "x", None])
day = st.sampled_from(["2013-01-01", "2013-01-02T00:00Z", "never", None])
rows = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.just("2013-01-01"), day, cell), min_size=1, max_size=8)
Row = tuple[str | None, ...]


class Oracle:
    """The law, one ingest and one row at a time."""

    def __init__(self) -> None:
        self.stored: list[tuple[Any, ...]] = []
        self.aside: set[str] = set()
        self.counts = (0, 0, 0)

    def ingest(self, batch: list[Row]) -> None:
        before = list(self.stored)
        accepted = quarantined = 0
        for row in batch:
            typed = self.typed(row)
            if typed is None:
                quarantined += self.set_aside(list(row))
            elif typed in self.stored:
                continue
            elif any(typed[0] == old[0] and typed[2] <= old[2] for old in before):
                quarantined += self.set_aside([typed[0], typed[1], typed[2], typed[3]])
            else:
                self.stored.append(typed)
                accepted += 1
        self.counts = (accepted, quarantined, len(batch) - accepted - quarantined)

    def set_aside(self, cells: list[Any]) -> int:
        text = repr([str(cell) for cell in cells])
        known = text in self.aside
        self.aside.add(text)
        return not known

    def typed(self, row: Row) -> tuple[Any, ...] | None:
        key, _, known, amount = row
        times = {"2013-01-01": datetime(2013, 1, 1, tzinfo=UTC), "2013-01-02T00:00Z": datetime(2013, 1, 2, tzinfo=UTC)}
        if key is None or known not in times or amount in {"x", "3"}:
            return None
        return key, times["2013-01-01"], times[known], None if amount is None else int(amount)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(rows, min_size=1, max_size=2), min_size=1, max_size=3))
def test_every_row_goes_where_the_law_says(ingests: list[list[list[Row]]]) -> None:
    oracle = Oracle()
    stored = pl.DataFrame(schema={**CONTRACT.schema, KNOWN_TIME: pl.Datetime("us", "UTC")})
    aside = pl.DataFrame(schema=QUARANTINE)
    for parts in ingests:
        frames = [pl.DataFrame(part, schema=dict.fromkeys(CONTRACT.columns, pl.String()), orient="row") for part in parts]
        checked = [check_file(DATASET, CONTRACT, name=f"{n}.csv", cells=frame, stored=stored) for n, frame in enumerate(frames)]
        judged = judge(DATASET, CONTRACT, checked=checked, stored=stored, aside=aside)
        oracle.ingest([row for part in parts for row in part])
        assert (judged.accepted.height, judged.quarantined.height, judged.duplicates) == oracle.counts
        assert judged.quarantined["reason"].str.len_chars().min() != 0
        assert all(set(json.loads(raw)) == set(CONTRACT.columns) for raw in judged.quarantined["raw"])
        stored = pl.concat([stored, judged.accepted.select(stored.columns)])
        aside = pl.concat([aside, judged.quarantined])
        assert stored.select("id", "at", "known", "amount").rows() == oracle.stored
