"""Rows in are rows taken, set aside or known, whatever comes in whatever order, against an oracle that takes one row at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.data import Dataset, files
from flyball.data.contracts import Column, Contract, compile_contract
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
@given(rows)
def test_a_row_is_taken_or_set_aside_with_its_cells_as_it_says_itself(part: list[Row]) -> None:
    oracle, frame = Oracle(), pl.DataFrame(part, schema=dict.fromkeys(CONTRACT.columns, pl.String()), orient="row")
    checked = compile_contract(DATASET, CONTRACT).judge(frame, place="a.csv")
    typed = [oracle.typed(row) for row in part]
    assert checked.good.select(*CONTRACT.columns).rows() == [row for row in typed if row is not None]
    assert checked.good["__row"].to_list() == [number for number, row in enumerate(typed, start=1) if row is not None]
    assert checked.broken["row"].to_list() == [number for number, row in enumerate(typed, start=1) if row is None]
    assert [tuple(json.loads(raw).values()) for raw in checked.broken["raw"]] == [
        row for row, value in zip(part, typed, strict=True) if value is None
    ]
    assert checked.broken["reason"].str.len_chars().min() != 0
    stored = checked.good.select(*CONTRACT.columns, KNOWN_TIME)
    assert checked.without_stored(stored).known == 0
