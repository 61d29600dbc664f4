"""Runs that pass a filter, in a total order, a page at a time; a page continues after the last row's sort key, however deep it lies."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.tracking.experiment import ViewType
from flyball.tracking.search.asking import Asking
from flyball.tracking.search.clause import Clause, Entity, Field, Order
from flyball.tracking.search.condition import Conditions, Scope
from flyball.tracking.search.costs import COSTS, MERGED, Costs
from flyball.tracking.search.finder import Finder
from flyball.tracking.search.pagetoken import decode_token, encode_token, fingerprint
from flyball.tracking.search.rank import ranks
from flyball.tracking.search.sql import Sql, joined

_KINDS = {Entity.METRIC: "metric", Entity.PARAM: "param", Entity.TAG: "tag"}


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


def search_runs(asking: Asking, query: RunQuery, *, costs: Costs | None = None) -> tuple[tuple[int, ...], str | None]:
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
    conditions = Conditions(asking.dialect, Scope.of(query.experiments, query.view), keys=keys)
    asked = [conditions.of(clause) for clause in query.clauses]
    found = Finder(asking, conditions, costs=costs or (COSTS if len(set(query.experiments)) == 1 else MERGED)).find(
        asked, ranks(query.order, keys), after=after, limit=query.limit + 1
    )
    page = found[: query.limit]
    token = encode_token(page[-1].key, search=search) if len(found) > query.limit else None
    return tuple(each.number for each in page), token


def _keys(asking: Asking, query: RunQuery) -> dict[Field, int]:
    """The numbers of the names that are asked for, as far as anything was logged under them."""
    fields = {*(clause.field for clause in query.clauses), *(order.field for order in query.order)}
    wanted = {(_KINDS[field.entity], field.key): field for field in fields if field.entity in _KINDS}
    if not wanted:
        return {}
    named = joined((Sql("(kind = ? AND name = ?)", pair) for pair in wanted), " OR ")
    return {wanted[kind, name]: number for kind, name, number in asking.rows(Sql("SELECT kind, name, id FROM names WHERE ") + named)}
