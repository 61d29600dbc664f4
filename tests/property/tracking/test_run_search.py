"""A search finds what the laws say, page by page, whichever way it takes and on either engine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from flyball.storage.database import Database
from flyball.tracking._sql import tracked_runs
from flyball.tracking.experiment import ViewType
from flyball.tracking.search import Clause, Order
from flyball.tracking.search.asking import asking
from flyball.tracking.search.costs import COSTS, MERGED, Costs
from flyball.tracking.search.runs import RunQuery, search_runs
from tests.databases import Databases, opened
from tests.property.tracking.worlds import EXPERIMENTS, Made, clauses, expected, orders, put, worlds


class _TakenBackError(Exception):
    """What was written is not to stay."""


_ways = st.sampled_from([
    COSTS,
    MERGED,
    Costs(few=0, sparse=0, ahead=0),  # walks that probe
    Costs(few=0, short=0, ahead=0, sorted=0, passed_over=100, enough=0),  # walks over what the indexes say
    Costs(few=0, short=0, sorted=100),  # intersections that are sorted
    Costs(few=0, short=0, read=0, ahead=0),  # long walks
    Costs(few=0, short=0, long=0, read=0, counted=3),  # everything sorted
    Costs(few=3, sparse=4, short=1, long=2, sorted=1, passed_over=1, read=4, enough=1, counted=5, ahead=0),  # each given up
])  # fmt: skip


@st.composite
def _searches(draw: st.DrawFn) -> tuple[list[Made], RunQuery]:
    world = draw(worlds)
    asked: list[Clause] = draw(st.lists(clauses(world), max_size=3))
    order: tuple[Order, ...] = draw(orders())
    homes = draw(st.lists(st.sampled_from([*EXPERIMENTS, 99]), min_size=1, max_size=4))
    return world, RunQuery(
        experiments=tuple(homes),
        clauses=tuple(asked),
        order=order,
        view=draw(st.sampled_from(ViewType)),
        limit=draw(st.integers(1, 6)),
    )


def _ids(connection: Connection, query: RunQuery, *, costs: Costs) -> list[str]:
    """All pages, one after the other."""
    ids = {row.number: row.id for row in connection.execute(select(tracked_runs.c.number, tracked_runs.c.id))}
    found: list[str] = []
    token: str | None = None
    with asking(connection) as own:
        while True:
            page = RunQuery(
                experiments=query.experiments, clauses=query.clauses, order=query.order, view=query.view, limit=query.limit, token=token
            )
            numbers, token = search_runs(own, page, costs=costs)
            found += [ids[number] for number in numbers]
            assert len(numbers) == query.limit or token is None
            if token is None:
                return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(search=_searches(), costs=_ways)
def test_every_way_finds_what_the_laws_say(tmp_path: Path, databases: Databases, search: tuple[list[Made], RunQuery], costs: Costs) -> None:
    world, query = search
    with opened(databases, tmp_path) as database, contextlib.suppress(_TakenBackError):
        _compare(database, world, query=query, costs=costs)


def _compare(database: Database, world: list[Made], *, query: RunQuery, costs: Costs) -> None:
    with database.write() as connection:
        put(connection, world)
        assert _ids(connection, query, costs=costs) == expected(
            world, query.experiments, asked=query.clauses, order=query.order, view=query.view
        )
        raise _TakenBackError
