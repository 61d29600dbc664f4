"""Logged models that pass a filter, in a total order, a page at a time.

A metric of a model may have been measured many times, on many datasets: a clause holds where one of those measurements passes, and an
order looks at the latest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flyball.core.optional import extra
from flyball.tracking._sql import logged_model_metrics, logged_model_params, logged_model_tags, logged_models
from flyball.tracking.experiment import Lifecycle
from flyball.tracking.loggedmodel import LoggedModelStatus
from flyball.tracking.search.clause import Clause, Entity, Kind, Operator, Order
from flyball.tracking.search.errors import OrderTwiceError
from flyball.tracking.search.filter import parse_filter
from flyball.tracking.search.listing import Expression, Keyed, Listing, compared, read_page
from flyball.tracking.search.order import total_order

with extra("store"):
    from sqlalchemy import Connection, and_, or_, select

_M = logged_model_metrics.c
_OWN = _M.model == logged_models.c.number
_C, _P, _T = logged_models.c, logged_model_params.c, logged_model_tags.c
_ATTRIBUTES = {
    "name": _C.name,
    "model_id": _C.id,
    "model_type": _C.model_type,
    "status": _C.status,
    "source_run_id": _C.source_run,
    "creation_timestamp": _C.created_ms,
    "last_updated_timestamp": _C.updated_ms,
}
_KEYED = {
    Entity.PARAM: Keyed(owner=_P.model == _C.number, name=_P.name, value=_P.value),
    Entity.TAG: Keyed(owner=_T.model == _C.number, name=_T.name, value=_T.value),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """What is searched: the order as asked (`parse_model_order`); `datasets` are names, each with a digest or None."""

    experiments: tuple[int, ...]
    filter: str = ""
    order: tuple[Order, ...] = ()
    datasets: tuple[tuple[str, str | None], ...] = ()
    limit: int = 100
    token: str | None = None


def search_logged_models(connection: Connection, query: ModelQuery) -> tuple[list[int], str | None]:
    """The numbers of the page's models, and the token of the next page if there is one. Deleted models are not found.

    Raises:
        InvalidError: the filter, the order or the token cannot be read.
    """
    clauses = parse_filter(query.filter, of=Kind.LOGGED_MODEL)
    if len({each.field for each in query.order}) != len(query.order):
        raise OrderTwiceError(str(each.field) for each in query.order)
    order = total_order(query.order, of=Kind.LOGGED_MODEL)
    measured = partial(_measured, datasets=query.datasets, engine=connection.dialect.name)
    listing = Listing(attributes=_ATTRIBUTES, states={"status": LoggedModelStatus}, keyed=_KEYED, measured=measured, ranked=_ranked)
    asked = select(logged_models.c.number).where(
        logged_models.c.lifecycle == str(Lifecycle.ACTIVE),
        logged_models.c.experiment.in_(query.experiments),
        *listing.passing(clauses, engine=connection.dialect.name),
    )
    if query.datasets and not any(clause.field.entity is Entity.METRIC for clause in clauses):
        asked = asked.where(select(_M.model).where(_OWN, _on(query.datasets)).exists())
    facts = ("logged models", tuple(sorted(set(query.experiments))), clauses, order, query.datasets)
    return read_page(connection, asked, places=listing.places(order), limit=query.limit, token=query.token, facts=facts)


def _on(datasets: Sequence[tuple[str, str | None]]) -> Expression:
    return or_(*(and_(_M.dataset_name == name, *([] if digest is None else [_M.dataset_digest == digest])) for name, digest in datasets))


def _measured(clause: Clause, *, datasets: Sequence[tuple[str, str | None]], engine: str) -> Expression:
    number = and_(_M.is_nan == 0, compared(_M.value, clause.operator, value=clause.value, engine=engine))
    passed = or_(number, _M.is_nan == 1) if clause.operator is Operator.NE else number
    on = [_on(datasets)] if datasets else []
    return select(_M.model).where(_OWN, _M.name == clause.field.key, passed, *on).exists()


def _ranked(order: Order) -> tuple[Expression, Expression]:
    on = [] if order.dataset is None else [_on([(order.dataset, order.digest)])]
    latest = (
        select(_M.is_nan).where(_OWN, _M.name == order.field.key, *on).order_by(_M.time_ms.desc(), _M.step.desc(), _M.run.asc()).limit(1)
    )
    return latest.scalar_subquery(), latest.with_only_columns(_M.value).scalar_subquery()
