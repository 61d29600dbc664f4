"""The event log finds what a plain list would, and timers wait as a plain dictionary would."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage._sqlstore import SqlEventLog, SqlTimers
from flyball.storage.database import Database
from flyball.storage.events import EventQuery
from flyball.storage.timers import DueTimer
from tests.databases import Databases, opened

_START = datetime(2013, 1, 1, tzinfo=UTC)
_words = st.text("aA_%./é", max_size=4)
_times = st.integers(-3, 3).map(lambda number: _START + timedelta(hours=number))
_maybe_ids = st.none() | st.integers(0, 5).map(lambda number: EventId(str(number)))


@st.composite
def _logs(draw: st.DrawFn) -> list[Event]:
    facts = draw(st.lists(st.tuples(_words, _words, _times, _maybe_ids), max_size=8))
    return [
        Event(EventId(str(number)), kind, subject, time, {"n": number}, cause=cause)
        for number, (kind, subject, time, cause) in enumerate(facts)
    ]


_queries = st.builds(
    EventQuery,
    type=st.none() | _words,
    type_prefix=st.none() | _words,
    subject=st.none() | _words,
    subject_prefix=st.none() | _words,
    after=st.none() | st.integers(0, 9),
    since=st.none() | _times,
    until=st.none() | _times,
    cause=_maybe_ids,
    limit=st.none() | st.integers(0, 5),
)


def _found(events: list[Event], query: EventQuery) -> list[Event]:
    def fits(position: int, event: Event) -> bool:
        return (
            query.type in (None, event.type)
            and event.type.startswith(query.type_prefix or "")
            and query.subject in (None, event.subject)
            and event.subject.startswith(query.subject_prefix or "")
            and (query.after is None or position > query.after)
            and (query.since is None or event.time >= query.since)
            and (query.until is None or event.time < query.until)
            and query.cause in (None, event.cause)
        )

    return [event for position, event in enumerate(events, 1) if fits(position, event)][: query.limit]


@contextmanager
def _fresh(databases: Databases) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as place, opened(databases, Path(place)) as database:
        yield database


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_logs(), st.lists(_queries, min_size=1, max_size=10))
def test_a_query_finds_what_a_plain_list_would(databases: Databases, events: list[Event], queries: list[EventQuery]) -> None:
    with _fresh(databases) as database:
        log = SqlEventLog(database)
        log.append(*events)
        for query in queries:
            assert log.list(query) == _found(events, query)


_names = st.sampled_from(["a", "b", "c"])
_steps = st.lists(
    st.tuples(st.just("set"), _names, _times) | st.tuples(st.just("delete"), _names, _times) | st.tuples(st.just("fire"), _names, _times),
    max_size=20,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_steps)
def test_timers_wait_as_a_dictionary_would(databases: Databases, steps: list[tuple[str, str, datetime]]) -> None:
    waiting: dict[str, datetime] = {}
    fired: set[tuple[str, datetime]] = set()
    with _fresh(databases) as database:
        timers = SqlTimers(database)
        for step, name, at in steps:
            if step == "set":
                timers.set(name, at, cause=EventId("why"))
                waiting.pop(name, None)
                if (name, at) not in fired:
                    waiting[name] = at
            elif step == "delete":
                timers.delete(name)
                waiting.pop(name, None)
            else:
                assert timers.fire(name, at) == (waiting.get(name) == at)
                if waiting.get(name) == at:
                    fired.add((name, waiting.pop(name)))
            expected = [DueTimer(name, at, EventId("why")) for at, name in sorted((at, name) for name, at in waiting.items())]
            assert timers.due(_START + timedelta(days=9)) == expected
            assert timers.due(_START) == [timer for timer in expected if timer.at <= _START]
            assert timers.next() == (expected[0] if expected else None)
