"""How the first runs after a key are found; which way is shortest depends on what is stored.

Walking an index in the asked order and probing each run ends as soon as the page is full: best where many runs pass. Taking all runs of
the most selective condition and sorting those that pass costs as much as there are such runs: best where few do. Between the two, what the
indexes say alone is intersected in memory, and the walk passes over all others without a probe. No way is taken for longer than the next
one would take: a walk has a budget, and when that is used up before the page is full, few runs pass after all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flyball.tracking.search.asking import Asking
from flyball.tracking.search.condition import Condition, Conditions, Source
from flyball.tracking.search.costs import Costs
from flyball.tracking.search.members import Members, Numbers
from flyball.tracking.search.pagetoken import Key, Part
from flyball.tracking.search.rank import Rank, beyond, is_nan
from flyball.tracking.search.sql import FALSE, TRUE, Sql, all_of, joined
from flyball.tracking.search.walk import Pair, Walk


@dataclass(frozen=True, slots=True)
class Found:
    """A run that passed, and its sort key."""

    number: int
    key: Key


@dataclass(frozen=True, slots=True)
class Asked:
    """What runs must pass; `members`, where it is given, are the only ones that can, and `probes` is what they must still pass."""

    conditions: tuple[Condition, ...]
    probes: tuple[Condition, ...]
    members: Numbers | None = None

    @classmethod
    def all(cls, conditions: Sequence[Condition]) -> Asked:
        """Every condition is probed."""
        return cls(tuple(conditions), tuple(conditions))


class _SpentError(Exception):
    """The walk's budget is used up."""


class Finder:
    """One search; each step may be a smaller search of the same kind."""

    def __init__(self, asking: Asking, conditions: Conditions, *, costs: Costs) -> None:
        self._asking, self._conditions = asking, conditions
        self.costs = costs
        self._dialect, self._scope = asking.dialect, conditions.scope
        self._members = Members(asking, costs, everyone=conditions.everyone())

    def find(self, conditions: Sequence[Condition], order: Sequence[Rank], *, after: Key | None, limit: int) -> list[Found]:
        """The first `limit` runs that pass, strictly after the key."""
        if limit < 1 or not order or any(condition.probe == FALSE for condition in conditions):
            return []  # without an order nothing is left to find: ids are unique
        if order[0].unknown:
            return _under(None, self.find(conditions, order[1:], after=None if after is None else after[1:], limit=limit))
        source, count = self._cheapest(conditions, self.costs.few)
        if count < self.costs.few:
            return self._sorted(source, conditions, order=order, after=after, limit=limit)
        ways = [self._short_walk, self._over_members, self._long_walk]
        if self._cheapest(conditions, self.costs.sparse)[1] < self.costs.sparse:
            ways = ways[1:]
        found = None
        for way in ways:
            found = way(conditions, order, after=after, limit=limit) if found is None else found
            if found is None and self._members.nobody_lacks(conditions):
                return []
        if found is not None:
            return found
        source, _ = self._cheapest(conditions, self.costs.counted)
        return self._sorted(source, conditions, order=order, after=after, limit=limit)

    def _cheapest(self, conditions: Sequence[Condition], cap: int) -> tuple[Source, int]:
        """The source with the fewest rows, counted up to `cap`."""
        everything = self._conditions.heads()
        sources = [*(condition.source for condition in conditions if condition.source is not None), everything]
        counts = [(self._members.count(source, cap), place) for place, source in enumerate(sources)]
        fewest, place = min(counts)
        return (sources[place], fewest) if fewest < cap else (everything, cap)

    def _short_walk(self, conditions: Sequence[Condition], order: Sequence[Rank], *, after: Key | None, limit: int) -> list[Found] | None:
        if order[0].everywhere:
            return None  # of runs in no order of experiments few would pass
        return self._in_phases(Asked.all(conditions), order, after=after, limit=limit, budget=self.costs.short * limit)

    def _long_walk(self, conditions: Sequence[Condition], order: Sequence[Rank], *, after: Key | None, limit: int) -> list[Found] | None:
        _, sortable = self._cheapest(conditions, self.costs.long * limit)
        return self._in_phases(Asked.all(conditions), order, after=after, limit=limit, budget=sortable)

    def _over_members(self, conditions: Sequence[Condition], order: Sequence[Rank], *, after: Key | None, limit: int) -> list[Found] | None:
        read = self._members.intersection(conditions)
        if read is None:
            return None
        members, probes = read
        if len(members) > self.costs.sorted:
            found = self._in_phases(
                Asked(tuple(conditions), tuple(probes), members),
                order,
                after=after,
                limit=limit,
                budget=self.costs.passed_over * len(members),
            )
            if found is not None:
                return found
        listed = Source("tracked_runs", self._dialect.among("r.number", members.tolist()) if len(members) else FALSE)
        return self._sorted(listed, probes, order=order, after=after, limit=limit)

    def _in_phases(self, asked: Asked, order: Sequence[Rank], *, after: Key | None, limit: int, budget: int) -> list[Found] | None:
        """By walks, where there is an index and the budget lasts."""
        if not order[0].walkable:
            return None
        try:
            return _Phases(self, asked, order=order, budget=budget).found(after, limit)
        except _SpentError:
            return None

    def walk(self, asked: Asked, rank: Rank, *, size: int) -> Walk:
        """A walk in the order of one field, within what is asked of that field."""
        bounds = [bound for each in asked.conditions if each.field == rank.field for bound in each.bounds]
        within = all_of(Sql(f"w.{rank.column} {sign} ?", (value,)) for sign, value in bounds)
        return Walk(self._asking, self._scope, rank=rank, bounds=within, size=size)

    def head_group(self, asked: Asked, order: Sequence[Rank], *, head: str, after: Key | None, limit: int) -> list[Found]:
        """The runs whose long texts begin alike: no index has them in order."""
        if limit < 1:
            return []
        conditions = [*asked.conditions, order[0].pinned_head(head, self._conditions)]
        source, _ = self._cheapest(conditions, self.costs.counted)
        return self._sorted(source, conditions, order=order, after=after, limit=limit)

    def pinned(self, asked: Asked, order: Sequence[Rank], *, part: Part, after: Key | None, limit: int) -> list[Found]:
        """The runs with one value of the first field, in the order of the others."""
        if limit < 1:
            return []
        pin = order[0].pinned(part, self._conditions)
        return _under(part, self.find([*asked.conditions, pin], order[1:], after=after, limit=limit))

    def passing(self, pairs: Sequence[Pair], asked: Asked, *, order: Sequence[Rank]) -> dict[int, Key]:
        """The sort keys of those that pass."""
        numbers = np.fromiter((number for _, number in pairs), np.int64, len(pairs))
        if asked.members is not None:
            places = np.minimum(np.searchsorted(asked.members, numbers), len(asked.members) - 1)
            numbers = numbers[asked.members[places] == numbers]
        if not len(numbers):
            return {}
        cut = order[0].keyed and any(order[0].cut(value) is not None for value, _ in pairs)
        read = order if cut else order[1:]
        chosen = joined([Sql("r.number"), *(expression for rank in read for expression in rank.expressions())], ", ")
        where = all_of(
            [self._scope.home(self._dialect) if order[0].everywhere else TRUE, self._scope.staged(self._dialect), *_probes(asked.probes)]
        )
        rows = Sql("SELECT ") + chosen + " FROM " + self._dialect.each(numbers.tolist())  # noqa: S608  our own words
        rows += f" {self._dialect.ordered_join} tracked_runs r ON r.number = e.value WHERE "
        keys = {row[0]: _parts(read, row[1:]) for row in self._asking.rows(rows + where)}
        return keys if cut else {number: (value, *keys[number]) for value, number in pairs if number in keys}

    def _sorted(
        self, source: Source, conditions: Sequence[Condition], *, order: Sequence[Rank], after: Key | None, limit: int
    ) -> list[Found]:
        """All runs of the source that pass, sorted; in one statement."""
        names = [[f"c{place}_{column}" for column in range(rank.width)] for place, rank in enumerate(order)]
        named = zip(order, names, strict=True)
        read = [expression + f" AS {name}" for rank, each in named for expression, name in zip(rank.expressions(), each, strict=True)]
        probes = _probes([condition for condition in conditions if condition.source != source or not source.exact])
        where = all_of([source.where, self._scope.home(self._dialect), self._scope.staged(self._dialect), *probes])
        inner = Sql("SELECT r.number, ") + joined(read, ", ") + f" FROM {source.runs(self._dialect)} WHERE " + where  # noqa: S608  our own words
        names = [
            [self._dialect.unindexed(name) for name in each] for each in names
        ]  # or SQLite would sort by an index, and look at all runs
        outer = Sql("SELECT * FROM (") + inner + ") q"  # noqa: S608  our own words
        if after is not None:
            outer += Sql(" WHERE ") + beyond(order, names, key=after)
        ordering = ", ".join(rank.ordering(each) for rank, each in zip(order, names, strict=True))
        rows = self._asking.rows(outer + f" ORDER BY {ordering} LIMIT {limit:d}")
        return [Found(row[0], _parts(order, row[1:])) for row in rows]


@dataclass(slots=True)
class _Alike:
    """The runs of a walk that share an indexed value."""

    value: Any = None
    found: list[Found] = field(default_factory=list)


class _Phases:
    """One order walked: values in the index's order, then NaN, then the runs that have none."""

    def __init__(self, finder: Finder, asked: Asked, *, order: Sequence[Rank], budget: int) -> None:
        self._finder, self._asked, self._order, self._budget = finder, asked, order, budget
        own = [condition for condition in asked.conditions if condition.field == order[0].field]
        self._nans = order[0].metric and not any(condition.number for condition in own)
        self._missing = order[0].missing and not any(condition.present for condition in own)

    def found(self, after: Key | None, limit: int) -> list[Found]:
        """The first ones after the key.

        Raises:
            _SpentError: too many runs were looked at for those that passed.
        """
        found, first = list[Found](), None if after is None else after[0]
        valued = after is None or not (first is None or is_nan(first))
        if valued:
            found += [] if after is None else self._rest_of_group(after, limit)
            found += self._walked(self._order[0].indexed(first), limit - len(found))
        phases: list[tuple[bool, Part, Callable[[Part], bool]]] = [
            (self._nans and (valued or is_nan(first)), math.nan, is_nan),
            (self._missing, None, lambda part: part is None),
        ]
        for entered, part, here in phases:
            if entered:
                rest = after[1:] if after is not None and here(first) else None
                found += self._finder.pinned(self._asked, self._order, part=part, after=rest, limit=limit - len(found))
        return found

    def _rest_of_group(self, after: Key, limit: int) -> list[Found]:
        """What comes after the key among the runs that the index cannot tell from it."""
        head = self._order[0].cut(after[0])
        if head is not None:
            return self._finder.head_group(self._asked, self._order, head=head, after=after, limit=limit)
        return self._finder.pinned(self._asked, self._order, part=after[0], after=after[1:], limit=limit)

    def _walked(self, start: Part, limit: int) -> list[Found]:
        """Along the index, strictly after the indexed value; runs that share one are sorted together."""
        if limit < 1:
            return []
        walk = self._finder.walk(self._asked, self._order[0], size=limit + self._finder.costs.ahead)
        if start is not None:
            walk.after(start)
        found, alike = list[Found](), _Alike()
        for pairs in walk.batches():
            value = pairs[-1][0]
            if pairs[0][0] == value and len(pairs) > limit:
                found += [*([] if alike.value == value else self._in_order(alike.found))]
                found += self._whole_group(value, limit - len(found))
                walk.after(value)
                alike = _Alike()
            else:
                found += self._gathered(pairs, alike)
            if len(found) >= limit:
                return found[:limit]
            if walk.seen > self._budget:
                raise _SpentError
        return [*found, *self._in_order(alike.found)][:limit]

    def _gathered(self, pairs: Sequence[Pair], alike: _Alike) -> list[Found]:
        """Those of the batch that pass, but for the last value's, of which more may come: they stay in `alike`."""
        found = list[Found]()
        keys = self._finder.passing(pairs, self._asked, order=self._order)
        for value, number in (pair for pair in pairs if pair[1] in keys):
            if value != alike.value:
                found += self._in_order(alike.found)
                alike.value, alike.found = value, []
            alike.found.append(Found(number, keys[number]))
        if alike.value != pairs[-1][0]:
            found += self._in_order(alike.found)
            alike.value, alike.found = pairs[-1][0], []
        return found

    def _whole_group(self, value: Any, limit: int) -> list[Found]:
        """All runs with one value in the index, which are too many to be sorted in passing."""
        head = self._order[0].cut(value)
        if head is not None:
            return self._finder.head_group(self._asked, self._order, head=head, after=None, limit=limit)
        return self._finder.pinned(self._asked, self._order, part=value, after=None, limit=limit)

    def _in_order(self, found: list[Found]) -> list[Found]:
        order = self._order
        return sorted(found, key=lambda each: [rank.sort_key(part) for rank, part in zip(order, each.key, strict=True)])


def _probes(conditions: Sequence[Condition]) -> list[Sql]:
    return [condition.probe for condition in conditions]


def _under(part: Part, found: Sequence[Found]) -> list[Found]:
    return [Found(each.number, (part, *each.key)) for each in found]


def _parts(order: Sequence[Rank], read: Sequence[Any]) -> Key:
    parts, place = list[Part](), 0
    for rank in order:
        parts.append(rank.part(read[place : place + rank.width]))
        place += rank.width
    return tuple(parts)
