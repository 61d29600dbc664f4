"""The join law: which row answers for an entity at a time, over tables whose rows are corrected and come late.

For a time t: first reduce the table to what it was as of t (per key, the last row known by t); then take, of the entity's rows with
event time <= t and not older than the ttl, the one with the latest event time; ties by later known time, then by later arrival.

A row is therefore a *candidate* at t iff ``max(known, event) <= t < until``, and the winner is the candidate with the greatest
(event, known, arrival). Who wins changes only when a row becomes a candidate or stops being one: the winner over time is a
step function with at most 2n steps, built once (`winner_timeline`) and asked by binary search (`look_up`). The ttl needs no
second search: the winner has the greatest event time, so when it is too old, so is every other.

Times are int64 microseconds, codes are dense from 0 on. This module knows no frames, no column names and no features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flyball.kernels.arrays import MAX, Bools, Ints, Numbers, integers
from flyball.kernels.intervals import fold_intervals
from flyball.kernels.places import Places, distinct


def known_until(key: Numbers, known: Numbers, *, arrival: Numbers) -> Ints:
    """A row is superseded when the next row of its key becomes known; a row that nothing follows is superseded at `MAX`.

    The rows of a key follow each other by (known, arrival): of two rows known at the same time the later arrival stands, and the
    earlier gets the empty interval [known, known). Shapes: all ``(n,)`` integers; result ``(n,)`` int64 in the rows' order.

    >>> known_until(np.array([7, 8, 7]), np.array([10, 11, 30]), arrival=np.array([0, 1, 2])).tolist() == [30, MAX, MAX]
    True
    """
    key, known, arrival = integers(key=key, known=known, arrival=arrival)
    order = np.lexsort((arrival, known, key))
    until = np.full(len(key), MAX, dtype=np.int64)
    follows = key[order[1:]] == key[order[:-1]]
    until[order[:-1][follows]] = known[order[1:][follows]]
    return until


@dataclass(frozen=True)
class Timeline:
    """The winner of each entity as a step function: from `since[i]` on `row[i]` answers for `entity[i]`, until the next step.

    Sorted by (entity, since), both together distinct; row -1 means that no row answers. Shapes ``(m,)``, int64. Before the
    first step of an entity nothing answers. Neighbouring steps of an entity differ in their row.
    """

    entity: Ints
    since: Ints
    row: Ints

    @cached_property
    def scale(self) -> Places:
        """Where the steps lie; kept, since a timeline is asked many times."""
        return Places.spanning(self.entity, self.since)

    @cached_property
    def places(self) -> Ints:
        """The place of each step, ascending."""
        return self.scale.of(self.entity, self.since)


def winner_timeline(entity: Numbers, event: Numbers, *, known: Numbers, until: Numbers, arrival: Numbers) -> Timeline:
    """The winner at t is the row with the greatest (event, known, arrival) among those with max(known, event) <= t < until.

    Rows with a negative entity belong to nobody and never win. Entities whose rows become candidates in the order of their rank
    and are not superseded before the next one takes over need one sort; all others go through the segment tree. Shapes: all
    ``(n,)`` integers, `until` from `known_until`. O(n·log n), whatever is asked later.

    >>> line = winner_timeline(np.array([0, 0]), np.array([10, 20]), known=np.array([15, 40]), until=np.array([MAX, MAX]),
    ...     arrival=np.array([0, 1]))
    >>> line.since, line.row
    (array([15, 40]), array([0, 1]))
    """
    entity, event, known, until, arrival = integers(entity=entity, event=event, known=known, until=until, arrival=arrival)
    since = np.maximum(known, event)
    rows = np.flatnonzero((entity >= 0) & (since < until))
    rows = rows[np.lexsort((arrival[rows], known[rows], event[rows], since[rows], entity[rows]))]
    simple = _simple(entity[rows], since[rows], until=until[rows], rank=(event[rows], known[rows], arrival[rows]))
    plain, tangled = rows[simple], rows[~simple]
    steps = _plain_steps(plain, entity, since=since)
    if len(tangled):
        ranked = tangled[np.lexsort((arrival[tangled], known[tangled], event[tangled]))]
        steps = np.concatenate([steps, _swept_steps(ranked, entity, since=since, until=until)], axis=1)
        steps = steps[:, np.lexsort((steps[1], steps[0]))]
    return Timeline(*steps)


def _simple(entity: Ints, since: Ints, *, until: Ints, rank: tuple[Ints, Ints, Ints]) -> Bools:
    """Whether the entity of each sorted row has its candidates in rank order, each standing until the next takes over."""
    same = entity[1:] == entity[:-1]
    falls = np.zeros(len(same), dtype=np.bool_)
    for column in reversed(rank):
        falls = (column[:-1] > column[1:]) | ((column[:-1] == column[1:]) & falls)
    wrong = until < MAX
    wrong[:-1] = np.where(same, falls | (until[:-1] < since[1:]), wrong[:-1])
    group = np.cumsum(np.append(True, ~same))[: len(entity)]
    return np.asarray(np.bincount(group[wrong], minlength=len(entity) + 1)[group] == 0)


def _plain_steps(rows: Ints, entity: Ints, *, since: Ints) -> Ints:
    """Of rows that become candidates at once the last, and so the greatest, stands."""
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (entity[rows[:-1]] != entity[rows[1:]]) | (since[rows[:-1]] != since[rows[1:]])
    rows = rows[last]
    return np.stack([entity[rows], since[rows], rows])


def _swept_steps(ranked: Ints, entity: Ints, *, since: Ints, until: Ints) -> Ints:
    """The greatest rank that holds at each time where some row of the entity starts or ends."""
    ends = until[ranked] < MAX
    owner = entity[ranked]
    times = np.concatenate([since[ranked], until[ranked[ends]]])
    scale = Places.spanning(owner, times)
    keys = scale.of(np.concatenate([owner, owner[ends]]), times)
    points = distinct(keys)
    first = np.searchsorted(points, keys[: len(ranked)])
    stop = np.searchsorted(points, (owner + 1) * scale.width)
    stop[ends] = np.searchsorted(points, keys[len(ranked) :])
    rank = np.arange(len(ranked))
    best = fold_intervals(first, stop, values=rank, points=len(points), fold=np.maximum, start=-1)
    row = np.where(best >= 0, ranked[best], -1)
    holder, at = scale.pairs(points)
    new = np.ones(len(points), dtype=np.bool_)
    new[1:] = (row[1:] != row[:-1]) | (holder[1:] != holder[:-1])
    return np.stack([holder[new], at[new], row[new]])


def look_up(timeline: Timeline, event: Numbers, *, entity: Numbers, time: Numbers, ttl: int | None = None) -> Ints:
    """The row that answers for each (entity, time), or -1 where none does or the winner is older than `ttl`.

    A row of exactly the age `ttl` still answers. Entities that are negative or that the timeline does not know have no row.
    Shapes: `event` ``(n,)`` is that of the table's rows, `entity` and `time` ``(q,)``; result ``(q,)`` int64 row indices into the table.

    >>> line = Timeline(entity=np.array([0, 0]), since=np.array([15, 40]), row=np.array([0, 1]))
    >>> look_up(line, np.array([10, 20]), entity=np.array([0, 0, 0, 3]), time=np.array([14, 15, 40, 40]))
    array([-1,  0,  1, -1])
    >>> look_up(line, np.array([10, 20]), entity=np.array([0, 0]), time=np.array([30, 31]), ttl=20)
    array([ 0, -1])
    """
    entity, time = integers(entity=entity, time=time)
    (event,) = integers(event=event)
    if not len(timeline.row):
        return np.full(len(entity), -1, dtype=np.int64)
    asked = timeline.scale.of(entity, time)
    step = np.maximum(np.searchsorted(timeline.places, asked, side="right") - 1, 0)
    found = (timeline.entity[step] == entity) & (timeline.since[step] <= time)
    row = np.where(found, timeline.row[step], -1)
    if ttl is not None and len(event):
        row[event[row] < time - ttl] = -1
    return row
