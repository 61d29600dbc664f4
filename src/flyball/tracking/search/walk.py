"""An index walked in the order of one field, over many experiments at once; no row but the index's own is looked at.

Each experiment has its own stretch of the index. A stretch is opened when its first value is next, so that a thousand experiments cost one
statement and no more than a page of them are read.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from flyball.tracking.search.asking import Asking
from flyball.tracking.search.condition import Scope
from flyball.tracking.search.rank import Rank
from flyball.tracking.search.sql import TRUE, Sql, all_of

MOST = 4096
_Home: TypeAlias = tuple[int | None, str | None]  # an experiment and a stage, where the index begins with them
Pair: TypeAlias = tuple[Any, int]  # an indexed value and the run that has it


@dataclass(slots=True)
class _Stretch:
    """One experiment's part of the index, read in growing batches."""

    home: _Home
    size: int
    at: Pair | None = None
    ended: bool = False
    buffer: deque[Pair] = field(default_factory=deque)


class Walk:
    """One pass over the runs that have the field, those with the same value in no order; `seen` counts them.

    `bounds` is a condition on the indexed column of the row `w`, `size` how many runs are wanted at first.
    """

    def __init__(self, asking: Asking, scope: Scope, *, rank: Rank, bounds: Sql = TRUE, size: int) -> None:
        self._asking, self._rank, self._bounds, self._size = asking, rank, bounds, size
        stages = (None,) if rank.keyed else scope.stages
        self._stretches: list[_Home] = [(home, stage) for home in scope.experiments for stage in stages]
        if rank.everywhere:
            self._stretches = [(None, None)]
        self._passed: Any = None
        self._sort_key = rank.sort_key
        self.seen = 0

    def after(self, value: Any) -> None:
        """Leave out all up to this indexed value, from now on."""
        self._passed = value

    def batches(self) -> Iterator[list[Pair]]:
        """All of them in the order of the field, in growing batches."""
        for batch in self._alone() if len(self._stretches) == 1 else self._merged():
            self.seen += len(batch)
            yield batch

    def _alone(self) -> Iterator[list[Pair]]:
        stretch = _Stretch(self._stretches[0], self._size)
        while not stretch.ended:
            if batch := self._read(stretch):
                yield batch

    def _merged(self) -> Iterator[list[Pair]]:
        pairs, size = self._pairs(), self._size
        while batch := list(islice(pairs, size)):
            yield batch
            size = min(size * 2, MOST)

    def _pairs(self) -> Iterator[Pair]:
        waiting = deque(self._heads())
        first = max(8, min(self._size, 4 * self._size // len(self._stretches))) if self._stretches else 8
        heap: list[tuple[Any, int, _Stretch]] = []
        while waiting or heap:
            while waiting and (not heap or waiting[0][0] < heap[0][0]):
                self._push(heap, _Stretch(waiting.popleft()[1], first))
            if not heap:
                continue
            stretch = heap[0][2]
            pair = stretch.buffer.popleft()
            if self._passed is None or self._sort_key(pair[0]) > self._sort_key(self._passed):
                yield pair
            if stretch.buffer:
                heapq.heapreplace(heap, (self._sort_key(stretch.buffer[0][0]), id(stretch), stretch))
            else:
                heapq.heappop(heap)
                self._push(heap, stretch)

    def _push(self, heap: list[tuple[Any, int, _Stretch]], stretch: _Stretch) -> None:
        if not stretch.ended:
            stretch.buffer.extend(self._read(stretch))
        if stretch.buffer:
            heapq.heappush(heap, (self._sort_key(stretch.buffer[0][0]), id(stretch), stretch))

    def _read(self, stretch: _Stretch) -> list[Any]:
        rows = self._asking.rows(
            self._rows(stretch.home, f"w.{self._rank.column}, w.{self._rank.number}", at=stretch.at, size=stretch.size)
        )
        stretch.ended = len(rows) < stretch.size
        stretch.at = rows[-1] if rows else stretch.at
        stretch.size = min(stretch.size * 2, MOST)
        return rows

    def _heads(self) -> list[tuple[Any, _Home]]:
        """The first value of each stretch, in order."""
        found = []
        homes = self._asking.dialect.each(sorted({home for home, _ in self._stretches if home is not None}))
        for stage in sorted({stage for _, stage in self._stretches}, key=str):
            first = self._rows(("e.value", stage), f"w.{self._rank.column}", at=None, size=1)
            rows = self._asking.rows(Sql("SELECT e.value, (") + first + ") FROM " + homes)  # noqa: S608  our own words
            found += [(self._sort_key(value), (home, stage)) for home, value in rows if value is not None]
        return sorted(found, key=lambda each: each[0])

    def _rows(self, home: tuple[int | str | None, str | None], chosen: str, *, at: Pair | None, size: int) -> Sql:
        """The stretch's next rows, after `at`."""
        rank, sign = self._rank, ">" if self._rank.ascending else "<"
        column, number = f"w.{rank.column}", f"w.{rank.number}"
        where = [self._bounds, rank.indexed_rows("w")]
        if home[0] is not None:
            where.append(Sql("w.experiment = ?", (home[0],)) if isinstance(home[0], int) else Sql(f"w.experiment = {home[0]}"))
        if home[1] is not None:
            where.append(Sql("w.lifecycle = ?", (home[1],)))
        if self._passed is not None:
            where.append(Sql(f"{column} {sign} ?", (self._passed,)))
        if at is not None:
            where.append(Sql(f"({column}, {number}) {sign} (?, ?)", at))
        ordering = f" ORDER BY {column} {rank.direction}, {number} {rank.direction} LIMIT {size:d}"
        return Sql(f"SELECT {chosen} FROM {rank.table} w WHERE ") + all_of(where) + ordering  # noqa: S608  our own words
