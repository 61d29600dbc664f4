"""Runs that pass a filter, in a total order, a page at a time.

Two ways lead to a page, and which is shorter depends on what is stored. Walking an index in the asked order and probing each run ends as
soon as the page is full: best where many runs pass. Taking all runs of the most selective condition and sorting those that pass costs as
much as there are such runs: best where few do. So conditions are counted first, up to `FEW`; then the walk has a budget; and when that is
used up before the page is full, few runs pass after all. A page continues after the last row's sort key, so a deep one costs what the
first one costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.tracking.experiment import ViewType
from flyball.tracking.search.asking import Asking
from flyball.tracking.search.clause import Clause, Entity, Field, Order
from flyball.tracking.search.condition import Condition, Conditions, Scope, Source
from flyball.tracking.search.pagetoken import Key, Part, decode_token, encode_token, fingerprint
from flyball.tracking.search.rank import Rank, beyond, is_nan, ranks
from flyball.tracking.search.sql import FALSE, Sql, all_of, joined
from flyball.tracking.search.walk import Candidate, Walk

FEW = 2_000
BUDGET = 20_000
GROUP = 1_000  # runs that share a value, from which on they are a search of their own
COUNTED = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """What is searched; `order` is total (`parse_order`)."""

    experiments: tuple[int, ...]
    clauses: tuple[Clause, ...] = ()
    order: tuple[Order, ...]
    view: ViewType = ViewType.ACTIVE_ONLY
    limit: int = 1000
    token: str | None = None

    def fingerprint(self) -> str:
        """Equal for two pages of one search."""
        return fingerprint("runs", tuple(sorted(set(self.experiments))), self.clauses, self.order, str(self.view))


@dataclass(frozen=True, slots=True)
class Found:
    """A run that passed, and its sort key."""

    number: int
    key: Key


def search_runs(asking: Asking, query: RunQuery) -> tuple[tuple[int, ...], str | None]:
    """The numbers of the page's runs, and the token of the next page if there is one; in the caller's transaction.

    Raises:
        PageTokenError, PageTokenForeignError: the token is not this search's.
        SearchStoppedError: nobody waits any more.
    """
    search = query.fingerprint()
    after = decode_token(query.token, search=search, parts=len(query.order))
    if not query.experiments or query.limit < 1:
        return (), None
    keys = _keys(asking, query)
    scope = Scope.of(query.experiments, query.view)
    conditions = Conditions(asking.dialect, scope, keys)
    finder = _Finder(asking, conditions)
    found = finder.find([conditions.of(clause) for clause in query.clauses], ranks(query.order, keys), after, query.limit + 1)
    page = found[: query.limit]
    token = encode_token(page[-1].key, search=search) if len(found) > query.limit else None
    return tuple(each.number for each in page), token


_KINDS = {Entity.METRIC: "metric", Entity.PARAM: "param", Entity.TAG: "tag"}


def _keys(asking: Asking, query: RunQuery) -> dict[Field, int]:
    fields = {*(clause.field for clause in query.clauses), *(order.field for order in query.order)}
    wanted = [field for field in fields if field.entity in _KINDS]
    if not wanted:
        return {}
    named = joined((Sql("(kind = ? AND name = ?)", (_KINDS[field.entity], field.key)) for field in wanted), " OR ")
    rows = asking.rows(Sql("SELECT kind, name, id FROM names WHERE ") + named)
    found = {(kind, name): number for kind, name, number in rows}
    return {field: found[_KINDS[field.entity], field.key] for field in wanted if (_KINDS[field.entity], field.key) in found}


class _SpentError(Exception):
    """The walk's budget is used up."""


class _Finder:
    """The search for the first runs after a key; each step may be a smaller search of the same kind."""

    def __init__(self, asking: Asking, conditions: Conditions) -> None:
        self._asking, self._conditions = asking, conditions
        self._dialect, self._scope = asking.dialect, conditions.scope

    def find(self, asked: Sequence[Condition], order: Sequence[Rank], after: Key | None, limit: int) -> list[Found]:
        """The first `limit` runs that pass, strictly after the key."""
        if limit < 1 or any(condition.probe == FALSE for condition in asked):
            return []
        if order[0].unknown:
            return _under(None, self.find(asked, order[1:], None if after is None else after[1:], limit))
        if not order[0].walkable:
            return self._whole(asked, order, after, limit)
        source, count = self._cheapest(asked, FEW)
        if count < FEW:
            return self._sorted(source, asked, order, after, limit)
        try:
            return self._phases(asked, order, after, limit)
        except _SpentError:
            return self._whole(asked, order, after, limit)

    def _cheapest(self, asked: Sequence[Condition], cap: int) -> tuple[Source, int]:
        """The source with the fewest rows, counted up to `cap`."""
        best, fewest = self._conditions.heads(), cap
        for source in [*(condition.source for condition in asked if condition.source is not None), best]:
            counted = Sql(f"SELECT count(*) FROM (SELECT 1 FROM {source.rows} WHERE ") + source.where + f" LIMIT {fewest:d}) counted"
            count = self._asking.value(counted)
            if count < fewest:
                best, fewest = source, count
        return best, fewest

    def _whole(self, asked: Sequence[Condition], order: Sequence[Rank], after: Key | None, limit: int) -> list[Found]:
        source, _ = self._cheapest(asked, COUNTED)
        return self._sorted(source, asked, order, after, limit)

    def _sorted(self, source: Source, asked: Sequence[Condition], order: Sequence[Rank], after: Key | None, limit: int) -> list[Found]:
        """All runs of the source that pass, sorted; in one statement."""
        names = [[f"c{place}_{column}" for column in range(rank.width)] for place, rank in enumerate(order)]
        read = [
            expression + f" AS {name}"
            for rank, each in zip(order, names, strict=True)
            for expression, name in zip(rank.expressions(), each, strict=True)
        ]
        passing = [condition.probe for condition in asked if condition.source != source or not source.exact]
        where = all_of([source.where, self._scope.home(self._dialect), self._scope.staged(self._dialect), *passing])
        inner = Sql("SELECT r.number, ") + joined(read, ", ") + f" FROM {source.runs(self._dialect)} WHERE " + where
        outer = Sql("SELECT * FROM (") + inner + ") q"
        if after is not None:
            outer += Sql(" WHERE ") + beyond(order, names, after)
        ordering = ", ".join(rank.ordering(each) for rank, each in zip(order, names, strict=True))
        rows = self._asking.rows(outer + f" ORDER BY {ordering} LIMIT {limit:d}")
        return [Found(row[0], _parts(order, row[1:])) for row in rows]

    def _phases(self, asked: Sequence[Condition], order: Sequence[Rank], after: Key | None, limit: int) -> list[Found]:
        """Values in the index's order, then NaN, then the runs that have none."""
        rank, found = order[0], list[Found]()
        first = None if after is None else after[0]
        valued = after is None or not (first is None or is_nan(first))
        if valued:
            if after is not None:
                found += self._group(asked, order, after, limit)
            found += self._walked(asked, order, rank.indexed(first), limit - len(found))
        own = [condition for condition in asked if condition.field == rank.field]
        if rank.metric and (valued or is_nan(first)) and not any(condition.number for condition in own):
            rest = after[1:] if after is not None and is_nan(first) else None
            found += self._pinned(asked, order, math.nan, rest, limit - len(found))
        if rank.missing and not any(condition.present for condition in own):
            rest = after[1:] if after is not None and first is None else None
            found += self._pinned(asked, order, None, rest, limit - len(found))
        return found

    def _pinned(self, asked: Sequence[Condition], order: Sequence[Rank], part: Part, after: Key | None, limit: int) -> list[Found]:
        """The runs with one value of the first field, in the order of the others."""
        if limit < 1:
            return []
        pin = order[0].pinned(part, self._conditions)
        return _under(part, self.find([*asked, pin], order[1:], after, limit))

    def _group(self, asked: Sequence[Condition], order: Sequence[Rank], after: Key, limit: int) -> list[Found]:
        """What comes after the key among the runs that the index cannot tell from it."""
        head = order[0].cut(after[0])
        if head is None:
            return self._pinned(asked, order, after[0], after[1:], limit)
        return self._head_group(asked, order, head, after, limit)

    def _head_group(self, asked: Sequence[Condition], order: Sequence[Rank], head: str, after: Key | None, limit: int) -> list[Found]:
        """The runs whose long texts begin alike: no index has them in order."""
        if limit < 1:
            return []
        return self._whole([*asked, order[0].pinned_head(head, self._conditions)], order, after, limit)

    def _walked(self, asked: Sequence[Condition], order: Sequence[Rank], beyond_value: Part, limit: int) -> list[Found]:
        """Along the index, strictly after the indexed value; runs that share one are sorted together.

        Raises:
            _SpentError: too many runs were probed for those that passed.
        """
        if limit < 1:
            return []
        walk = Walk(self._asking, self._scope, order, asked, limit)
        if beyond_value is not None:
            walk.after(beyond_value)
        found, alike = list[Found](), _Alike()
        for candidate in walk.candidates():
            if walk.seen > max(BUDGET, limit * 8):
                raise _SpentError
            if candidate.value != alike.value:
                found += alike.sorted(order)
                if len(found) >= limit:
                    break
                alike = _Alike(candidate.value)
            alike.add(candidate)
            if alike.count >= max(GROUP, limit):
                found += self._alike(asked, order, candidate.value, limit - len(found))
                walk.after(candidate.value)
                alike = _Alike()
        return [*found, *alike.sorted(order)][:limit]

    def _alike(self, asked: Sequence[Condition], order: Sequence[Rank], value: Part, limit: int) -> list[Found]:
        """All runs with one value in the index, which are too many to be sorted in passing."""
        head = order[0].cut(value)
        return self._pinned(asked, order, value, None, limit) if head is None else self._head_group(asked, order, head, None, limit)


@dataclass(slots=True)
class _Alike:
    """The candidates of a walk that share a value."""

    value: Part = None
    count: int = 0
    found: list[Found] = field(default_factory=list)

    def add(self, candidate: Candidate) -> None:
        """One more of them."""
        self.count += 1
        if candidate.passed:
            self.found.append(Found(candidate.number, candidate.key))

    def sorted(self, order: Sequence[Rank]) -> list[Found]:
        """Those that passed, in the asked order."""
        return sorted(self.found, key=lambda each: [rank.sort_key(part) for rank, part in zip(order, each.key, strict=True)])


def _under(part: Part, found: Sequence[Found]) -> list[Found]:
    return [Found(each.number, (part, *each.key)) for each in found]


def _parts(order: Sequence[Rank], read: Sequence[Any]) -> Key:
    parts, place = list[Part](), 0
    for rank in order:
        parts.append(rank.part(read[place : place + rank.width]))
        place += rank.width
    return tuple(parts)
