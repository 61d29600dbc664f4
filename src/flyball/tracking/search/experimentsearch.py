"""Experiments that pass a filter, in a total order, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.core.optional import extra
from flyball.tracking._sql import experiment_tags, experiments
from flyball.tracking.experiment import ViewType
from flyball.tracking.search.clause import Entity, Kind
from flyball.tracking.search.condition import STAGES
from flyball.tracking.search.filter import parse_filter
from flyball.tracking.search.listing import Keyed, Listing, read_page
from flyball.tracking.search.order import parse_order

with extra("store"):
    from sqlalchemy import Connection, Text, cast, select

_TAGS = Keyed(owner=experiment_tags.c.experiment == experiments.c.id, name=experiment_tags.c.name, value=experiment_tags.c.value)
_COLUMNS = {"name": experiments.c.name, "creation_time": experiments.c.created_ms, "last_update_time": experiments.c.updated_ms}
_ASKED = Listing(attributes={**_COLUMNS, "experiment_id": cast(experiments.c.id, Text)}, keyed={Entity.TAG: _TAGS})
_ORDERED = Listing(attributes={**_COLUMNS, "experiment_id": experiments.c.id})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentQuery:
    """What is searched, as it was asked."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    limit: int = 1000
    token: str | None = None


def search_experiments(connection: Connection, query: ExperimentQuery) -> tuple[list[int], str | None]:
    """The ids of the page's experiments, and the token of the next page if there is one.

    Raises:
        InvalidError: the filter, the order or the token cannot be read.
    """
    clauses, order = parse_filter(query.filter, of=Kind.EXPERIMENT), parse_order(query.order_by, of=Kind.EXPERIMENT)
    stages = [str(stage) for stage in STAGES[query.view]]
    passing = _ASKED.passing(clauses, engine=connection.dialect.name)
    asked = select(experiments.c.id).where(experiments.c.lifecycle.in_(stages), *passing)
    facts = ("experiments", clauses, order, str(query.view))
    return read_page(connection, asked, places=_ORDERED.places(order), limit=query.limit, token=query.token, facts=facts)
