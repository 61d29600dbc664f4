"""The vectorised join law and windows against an oracle that walks the table row by row, as the law is worded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.kernels import (
    MAX,
    Operation,
    boundaries,
    known_until,
    look_up,
    plan_windows,
    rank_rows,
    window_aggregate,
    window_pick,
    winner_timeline,
)
from flyball.kernels.arrays import Floats, Ints


@dataclass(frozen=True)
class Table:
    """Rows of a bitemporal table."""

    key: Ints
    entity: Ints
    event: Ints
    known: Ints
    arrival: Ints
    values: Floats

    @property
    def until(self) -> Ints:
        return known_until(self.key, self.known, arrival=self.arrival)

    def rank(self, row: int) -> tuple[int, int, int]:
        return int(self.event[row]), int(self.known[row]), int(self.arrival[row])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Few keys, entities and times, so that corrections, ties, gaps, duplicates and late rows are the rule."""
    size = draw(st.integers(0, 24))
    horizon = draw(st.sampled_from([3, 8, 20]))
    orderly = draw(st.booleans())

    def column(low: int, high: int) -> Ints:
        return np.array(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)), dtype=np.int64)

    event = column(-3, horizon)
    return Table(
        key=np.arange(size, dtype=np.int64) if orderly else column(0, max(size // 2, 1)),
        entity=column(-1, 3),
        event=event,
        known=event + 2 if orderly else column(-3, horizon + 5),
        arrival=np.array(draw(st.permutations(range(size))), dtype=np.int64),
        values=np.array(
            draw(st.lists(st.sampled_from([0.1, -0.3, 2.5, 1e16, -1e16, math.nan]), min_size=size, max_size=size)), dtype=np.float64
        ),
    )


pairs = st.lists(st.tuples(st.integers(-1, 4), st.integers(-5, 29)), max_size=20).map(
    lambda rows: np.array(rows, np.int64).reshape(-1, 2).T,
)

EVERYWHERE: Ints = np.array([(entity, time) for entity in range(-1, 5) for time in range(-5, 30)], np.int64).T
"""Every entity at every time: a wrong step shows wherever it lies."""


def known_at(table: Table, time: int) -> Iterable[int]:
    """The table as of `time`: per key the last row known by then."""
    current: dict[int, int] = {}
    for row in range(len(table.key)):
        if table.known[row] <= time:
            key = int(table.key[row])
            other = current.get(key)
            if other is None or (table.known[row], table.arrival[row]) > (table.known[other], table.arrival[other]):
                current[key] = row
    return current.values()


def winner(table: Table, entity: int, *, time: int, ttl: int | None) -> int:
    """The law, word for word."""
    rows = [
        row
        for row in known_at(table, time)
        if entity >= 0 and table.entity[row] == entity and table.event[row] <= time and (ttl is None or table.event[row] >= time - ttl)
    ]
    return max(rows, key=table.rank, default=-1)


@settings(max_examples=60, deadline=None)
@given(table=tables(), ttl=st.sampled_from([None, 0, 3, 20]))
def test_look_up_is_the_law_row_by_row(table: Table, ttl: int | None) -> None:
    asked = EVERYWHERE
    line = winner_timeline(table.entity, table.event, known=table.known, until=table.until, arrival=table.arrival)
    found = look_up(line, table.event, entity=asked[0], time=asked[1], ttl=ttl)
    assert found.tolist() == [winner(table, entity, time=time, ttl=ttl) for entity, time in asked.T.tolist()]


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_timeline_is_sorted_and_minimal(table: Table) -> None:
    line = winner_timeline(table.entity, table.event, known=table.known, until=table.until, arrival=table.arrival)
    steps = list(zip(line.entity.tolist(), line.since.tolist(), line.row.tolist(), strict=True))
    assert len(steps) <= 2 * len(table.key)
    for (entity, since, row), (next_entity, next_since, next_row) in pairwise(steps):
        assert (entity, since) < (next_entity, next_since)
        assert entity != next_entity or row != next_row
    firsts = [row for place, (entity, _, row) in enumerate(steps) if not place or steps[place - 1][0] != entity]
    assert -1 not in firsts


@settings(max_examples=40, deadline=None)
@given(table=tables(), order=st.randoms(use_true_random=False), asked=pairs)
def test_order_of_rows_in_the_table_is_without_meaning(table: Table, order: object, asked: Ints) -> None:
    shuffle = np.arange(len(table.key))
    order.shuffle(shuffle)  # type: ignore[attr-defined]  # hypothesis types its randoms as objects
    line = winner_timeline(table.entity, table.event, known=table.known, until=table.until, arrival=table.arrival)
    other = winner_timeline(
        table.entity[shuffle], table.event[shuffle],
        known=table.known[shuffle], until=table.until[shuffle], arrival=table.arrival[shuffle],
    )  # fmt: skip
    found = look_up(line, table.event, entity=asked[0], time=asked[1])
    again = look_up(other, table.event[shuffle], entity=asked[0], time=asked[1])
    assert found.tolist() == np.append(shuffle, -1)[again].tolist()


def members(table: Table, entity: int, *, boundary: int, over: int) -> list[int]:
    """The rows of a window: as of the boundary, with event time in (boundary - over, boundary]."""
    return [row for row in known_at(table, boundary) if table.entity[row] == entity and boundary - over < table.event[row] <= boundary]


def aggregate(table: Table, rows: list[int], *, op: Operation, values: Ints | Floats) -> float:
    """The aggregate of those rows, one by one."""
    kept = [row for row in rows if not math.isnan(values[row])]
    numbers = [values[row].item() for row in kept]
    if op == "count":
        return len(rows)
    if op == "count_non_null":
        return len(kept)
    if op == "sum":
        return math.fsum(numbers)
    if not kept:
        return math.nan
    if op == "mean":
        return math.fsum(numbers) / len(kept)
    if op == "last":
        return float(values[max(kept, key=table.rank)])
    return float(min(numbers) if op == "min" else max(numbers))


@pytest.mark.parametrize("op", ["count", "count_non_null", "sum", "mean", "min", "max", "last"])
@pytest.mark.parametrize("kind", ["floats", "integers"])
@settings(max_examples=25, deadline=None)
@given(table=tables(), over=st.sampled_from([1, 4, 30]))
def test_windows_are_the_law_row_by_row(table: Table, over: int, op: Operation, kind: str) -> None:
    asked = EVERYWHERE
    distinct, index = boundaries(asked[0], asked[1])
    values = np.nan_to_num(table.values * 10, nan=7).astype(np.int64) if kind == "integers" else table.values
    windows = plan_windows(distinct, table.entity, event=table.event, known=table.known, until=table.until, over=over)
    rank = rank_rows(table.event, table.known, arrival=table.arrival)
    found = window_aggregate(windows, op, values=values, rank=rank)
    for place, (entity, boundary) in zip(index.tolist(), asked.T.tolist(), strict=True):
        if entity < 0:
            assert place == -1
            continue
        expected = aggregate(table, members(table, entity, boundary=boundary, over=over), op=op, values=values)
        assert found[place] == expected or (math.isnan(found[place]) and math.isnan(expected))


@settings(max_examples=40, deadline=None)
@given(table=tables(), asked=pairs)
def test_a_boundary_alone_has_the_value_that_it_has_among_others(table: Table, asked: Ints) -> None:
    """What a request sees and what a batch sees are the same bits."""
    asked = asked[:, asked[0] >= 0]
    rank = rank_rows(table.event, table.known, arrival=table.arrival)

    def ask(entity: Ints, time: Ints) -> tuple[bytes, ...]:
        distinct, index = boundaries(entity, time)
        windows = plan_windows(distinct, table.entity, event=table.event, known=table.known, until=table.until, over=9)
        operations: tuple[Operation, ...] = ("count", "sum", "mean", "last")
        columns = [window_aggregate(windows, op, values=table.values, rank=rank)[index] for op in operations]
        return tuple(np.stack([column.astype(np.float64) for column in columns])[:, place].tobytes() for place in range(len(entity)))

    together = ask(asked[0], asked[1])
    assert together == tuple(ask(asked[0, i : i + 1], asked[1, i : i + 1])[0] for i in range(asked.shape[1]))


@settings(max_examples=40, deadline=None)
@given(table=tables(), asked=pairs)
def test_the_picked_row_is_a_member_of_the_greatest_rank(table: Table, asked: Ints) -> None:
    distinct, _ = boundaries(asked[0], asked[1])
    windows = plan_windows(distinct, table.entity, event=table.event, known=table.known, until=table.until, over=9)
    picked = window_pick(windows, rank_rows(table.event, table.known, arrival=table.arrival))
    for place, (entity, boundary) in enumerate(zip(distinct.entity.tolist(), distinct.time.tolist(), strict=True)):
        assert picked[place] == max(members(table, entity, boundary=boundary, over=9), key=table.rank, default=-1)


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_a_row_is_superseded_by_the_next_of_its_key(table: Table) -> None:
    for row, until in enumerate(table.until.tolist()):
        place = table.known[row], table.arrival[row]
        later = [
            other
            for other in range(len(table.key))
            if table.key[other] == table.key[row] and (table.known[other], table.arrival[other]) > place
        ]
        assert until == min((int(table.known[other]) for other in later), default=MAX)
