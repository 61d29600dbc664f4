"""The laws of `EventLog`."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.storage.errors import DuplicateEventError, EventNotFoundError
from flyball.storage.events import EventLog, EventQuery
from flyball.testing.suite import Suite

_START = datetime(2013, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def sample_event(name: str, *, kind: str = "run.started", subject: str = "run/1", minutes: int = 0, cause: str | None = None) -> Event:
    """An event called `name`, so many minutes after the start of 2013."""
    return Event(
        EventId(name), kind, subject, _START + timedelta(minutes=minutes), {"of": name}, cause=None if cause is None else EventId(cause)
    )


class EventLogSuite(Suite):
    """Every event stands in the log once, at a position that grows in the order of commits and never changes."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[EventLog]:
        """A handle on the log at `place`, as another process would have it."""

    def names(self, log: EventLog, query: EventQuery) -> list[str]:
        """The ids of what `query` finds."""
        return [event.id for event in log.list(query)]

    def test_what_was_appended_is_what_is_got(self, tmp_path: Path) -> None:
        events = (
            sample_event("plain"),
            Event(
                EventId("rich"),
                "a.b",
                "ü/\U0001f6e9/%_'\"",
                _START,
                {"list": [1, 2.5, None, True], "deep": {"é": "\x00\n"}},
                "ann@host",
                EventId("plain"),
            ),
            Event(EventId("zone"), "a.b", "s", datetime(1969, 7, 20, 16, 17, 40, 1, tzinfo=timezone(timedelta(hours=-4)))),
        )
        with self.open(tmp_path) as log:
            log.append(*events)
            assert tuple(log.get(event.id) for event in events) == events
            assert tuple(log.list()) == events

    def test_what_was_not_appended_is_not_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            assert log.find(EventId("none")) is None
            assert log.list() == []
            with pytest.raises(EventNotFoundError, match="none"):
                log.get(EventId("none"))

    def test_log_order_is_the_order_of_appending_not_of_time(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(sample_event("c", minutes=9), sample_event("a", minutes=5))
            log.append(sample_event("b", minutes=1))
            assert self.names(log, EventQuery()) == ["c", "a", "b"]

    def test_another_handle_reads_it_and_appends_behind_it(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as one, self.open(tmp_path) as other:
            one.append(sample_event("a"))
            other.append(sample_event("b"))
            one.append(sample_event("c"))
            assert self.names(other, EventQuery()) == ["a", "b", "c"]

    def test_an_id_stands_once_and_a_refused_call_appends_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(sample_event("a"))
            with pytest.raises(DuplicateEventError, match="a"):
                log.append(sample_event("new"), sample_event("a", minutes=1))
            with pytest.raises(DuplicateEventError, match="twice"):
                log.append(sample_event("twice"), sample_event("twice"))
            assert log.list() == [sample_event("a")]

    def test_appending_nothing_is_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append()
            assert log.read_after(0) == []

    def test_each_condition_filters(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(
                sample_event("a", kind="run.started", subject="run/1"),
                sample_event("b", kind="run.ended", subject="run/1", minutes=10, cause="a"),
                sample_event("c", kind="runs.counted", subject="run/10", minutes=20, cause="b"),
                sample_event("d", kind="Run.started", subject="model/x", minutes=30, cause="a"),
            )
            assert self.names(log, EventQuery(type="run.started")) == ["a"]
            assert self.names(log, EventQuery(type_prefix="run.")) == ["a", "b"]
            assert self.names(log, EventQuery(subject="run/1")) == ["a", "b"]
            assert self.names(log, EventQuery(subject_prefix="run/1")) == ["a", "b", "c"]
            assert self.names(log, EventQuery(cause=EventId("a"))) == ["b", "d"]
            assert self.names(log, EventQuery(limit=2)) == ["a", "b"]
            assert self.names(log, EventQuery(limit=0)) == []
            assert self.names(log, EventQuery(type_prefix="run.", cause=EventId("a"))) == ["b"]

    def test_since_is_inclusive_and_until_is_not(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(*(sample_event(str(number), minutes=number) for number in range(4)))
            window = EventQuery(since=_START + timedelta(minutes=1), until=_START + timedelta(minutes=3))
            assert self.names(log, window) == ["1", "2"]

    def test_the_latest_time_is_that_of_any_event(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            assert log.find_latest() is None
            log.append(sample_event("c", minutes=9), sample_event("a", minutes=5))
            assert log.find_latest() == _START + timedelta(minutes=9)

    def test_prefixes_are_literal(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(
                sample_event("a", subject="a_b"),
                sample_event("b", subject="axb"),
                sample_event("c", subject="A_b"),
                sample_event("d", subject="%"),
            )
            assert self.names(log, EventQuery(subject_prefix="a_")) == ["a"]
            assert self.names(log, EventQuery(subject_prefix="%")) == ["d"]

    def test_reading_on_from_a_position_misses_and_repeats_nothing(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as log:
            log.append(*(sample_event(str(number)) for number in range(7)))
            position, seen = 0, []
            while page := log.read_after(position, limit=3):
                positions = [at for at, _ in page]
                assert positions == sorted(set(positions))
                assert positions[0] > position
                position = positions[-1]
                seen += [event.id for _, event in page]
            assert seen == [str(number) for number in range(7)]
            assert [event.id for event in log.list(EventQuery(after=log.read_after(0)[4][0]))] == ["5", "6"]

    def test_who_follows_writers_sees_every_event(self, tmp_path: Path) -> None:
        def write(writer: int) -> None:
            with self.open(tmp_path) as own:
                for number in range(25):
                    own.append(sample_event(f"{writer}-{number}"))

        with self.open(tmp_path) as log, ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, writer) for writer in range(4)]
            position, seen = 0, list[str]()
            while not all(writer.done() for writer in writers) or log.read_after(position, limit=1):
                for at, event in log.read_after(position, limit=5):
                    position = at
                    seen.append(event.id)
            for writer in writers:
                writer.result()
        assert sorted(seen) == sorted(f"{writer}-{number}" for writer in range(4) for number in range(25))
