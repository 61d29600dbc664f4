"""An index walked in the order of one field, over many experiments at once, until enough runs have passed the probes.

Each experiment has its own stretch of the index. A stretch is opened when its first value is next, so that a thousand experiments cost one
statement and no more than a page of them are read.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flyball.tracking.search.asking import Asking
from flyball.tracking.search.condition import Condition, Scope
from flyball.tracking.search.pagetoken import Part
from flyball.tracking.search.rank import Rank
from flyball.tracking.search.sql import Sql, all_of, joined

FIRST_BATCH, LAST_BATCH = 32, 4096
_Home: TypeAlias = tuple[int | None, str | None]  # an experiment and a stage, where the index begins with them


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run in the walked order: the indexed value, whether it passed, and its whole sort key."""

    value: Any
    number: int
    passed: bool
    key: tuple[Part, ...]


@dataclass(slots=True)
class _Stretch:
    """One experiment's part of the index, read in batches."""

    home: _Home
    size: int
    at: tuple[Any, int] | None = None
    ended: bool = False
    buffer: deque[Candidate] = field(default_factory=deque)


class Walk:
    """One pass over the candidates, each of which costs some probes; `seen` counts them."""

    def __init__(self, asking: Asking, scope: Scope, ranks: Sequence[Rank], conditions: Sequence[Condition], size: int) -> None:
        self._asking, self._rank, self._rest = asking, ranks[0], ranks[1:]
        self._size = max(FIRST_BATCH, min(size, LAST_BATCH))
        own = [condition for condition in conditions if condition.field == self._rank.field]
        self._bounds = all_of(Sql(f"w.{self._rank.column} {sign} ?", (value,)) for condition in own for sign, value in condition.bounds)
        kept = [condition.probe for condition in conditions if not (condition in own and condition.source and condition.source.exact)]
        self._keyed = self._rank.keyed
        everywhere = self._rank.field.key == "run_id" and not self._keyed  # its index knows no experiments
        also = [scope.staged(asking.dialect)] if self._keyed or everywhere else []
        self._probe = all_of([*([scope.home(asking.dialect)] if everywhere else []), *also, *kept])
        stages = (None,) if self._keyed else scope.stages
        homes = (None,) if everywhere else scope.experiments
        self._stretches = [(home, stage) for home in homes for stage in ((None,) if everywhere else stages)]
        self._passed: Any = None
        self.seen = 0

    def after(self, value: Any) -> None:
        """Leave out all up to this value, from now on."""
        self._passed = value

    def candidates(self) -> Iterator[Candidate]:
        """All of them in the order of the field; those with the same value in no order."""
        waiting = deque(self._heads())
        heap: list[tuple[Any, int, _Stretch]] = []
        while waiting or heap:
            while waiting and (not heap or waiting[0][0] <= heap[0][0]):
                self._push(heap, _Stretch(waiting.popleft()[1], self._size))
            if not heap:
                continue
            _, _, stretch = heapq.heappop(heap)
            candidate = stretch.buffer.popleft()
            if self._passed is None or self._sort_key(candidate.value) > self._sort_key(self._passed):
                yield candidate
            self._push(heap, stretch)

    def _push(self, heap: list[tuple[Any, int, _Stretch]], stretch: _Stretch) -> None:
        self._fill(stretch)
        if stretch.buffer:
            heapq.heappush(heap, (self._sort_key(stretch.buffer[0].value), id(stretch), stretch))

    def _sort_key(self, value: Any) -> Any:
        return self._rank.sort_key(value)

    def _heads(self) -> list[tuple[Any, _Home]]:
        """The first value of each stretch, in order; of a single one it is not asked."""
        if len(self._stretches) == 1:
            return [(self._sort_key(None), self._stretches[0])]
        found = []
        for stage in {stage for _, stage in self._stretches}:
            first = self._statement(("e.value", stage), "w." + self._rank.column, None, 1)
            homes = self._asking.dialect.each(sorted({home for home, _ in self._stretches if home is not None}))
            rows = self._asking.rows(Sql("SELECT e.value, (") + first + ") FROM " + homes)
            self.seen += len(rows)
            found += [(self._sort_key(value), (home, stage)) for home, value in rows if value is not None]
        return sorted(found)

    def _fill(self, stretch: _Stretch) -> None:
        while not stretch.buffer and not stretch.ended:
            rows = self._asking.rows(self._batch(stretch))
            self.seen += len(rows)
            stretch.ended = len(rows) < stretch.size
            if rows:
                stretch.at = rows[-1][0], rows[-1][1]
            stretch.size = min(stretch.size * 2, max(LAST_BATCH, self._size))
            stretch.buffer.extend(self._candidate(row) for row in rows)

    def _batch(self, stretch: _Stretch) -> Sql:
        chosen = [Sql(f"w.{self._rank.column}"), Sql("r.number"), Sql("CASE WHEN ") + self._probe + " THEN 1 ELSE 0 END"]
        if self._keyed and not self._rank.metric:
            chosen.append(Sql("w.value"))
        chosen += [expression for rank in self._rest for expression in rank.expressions()]
        return self._statement(stretch.home, joined(chosen, ", "), stretch.at, stretch.size)

    def _statement(self, home: tuple[int | str | None, str | None], chosen: Sql | str, at: tuple[Any, int] | None, size: int) -> Sql:
        """What is `chosen` of the stretch's next rows, after `at`."""
        rank, sign = self._rank, ">" if self._rank.ascending else "<"
        number = "run" if self._keyed else "number"
        where = [self._bounds]
        if home[0] is not None:
            where.append(Sql("w.experiment = ?", (home[0],)) if isinstance(home[0], int) else Sql(f"w.experiment = {home[0]}"))
        if self._keyed:
            where.append(Sql("w.key = ?", (rank.key,)))
        if rank.metric:
            where.append(Sql("w.is_nan = 0"))
        if home[1] is not None:
            where.append(Sql("w.lifecycle = ?", (home[1],)))
        if rank.field.key == "end_time" and not self._keyed:
            where.append(Sql("w.end_ms IS NOT NULL"))
        if self._passed is not None:
            where.append(Sql(f"w.{rank.column} {sign} ?", (self._passed,)))
        if at is not None:
            where.append(Sql(f"(w.{rank.column}, w.{number}) {sign} (?, ?)", at))
        tables = f" FROM {rank.table} w {self._asking.dialect.ordered_join} tracked_runs r ON r.number = w.{number} WHERE "
        ordering = f" ORDER BY w.{rank.column} {rank.direction}, w.{number} {rank.direction} LIMIT {size:d}"
        return Sql("SELECT ") + chosen + tables + all_of(where) + ordering

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        if not row[2]:
            return Candidate(row[0], row[1], passed=False, key=())
        place = 3
        if self._keyed and not self._rank.metric:
            parts: list[Part] = [row[3]]
            place = 4
        else:
            parts = [row[0]]
        for rank in self._rest:
            parts.append(rank.part(row[place : place + rank.width]))
            place += rank.width
        return Candidate(row[0], row[1], passed=True, key=tuple(parts))
