"""Storage's backends keep their ports' laws, and the suites that say so catch a broken backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.clock import ManualTimer, Timer
from flyball.core.errors import HeldError
from flyball.core.events import Event
from flyball.core.ids import Digest, EventId, RandomIds
from flyball.storage._delta import DeltaTables
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._localjournal import LocalJournal
from flyball.storage._sqljobs import SqlJobs
from flyball.storage._sqlstore import SqlEventLog, SqlLeases, SqlPositions, SqlTimers
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import DuplicateEventError
from flyball.storage.events import EventLog
from flyball.storage.jobs import Job, JobQueue
from flyball.storage.journal import Entry, Journal
from flyball.storage.leases import Lease, Leases
from flyball.storage.positions import Positions
from flyball.storage.tables import Rewritten, TableStore
from flyball.storage.timers import TimerStore
from flyball.storage.transactions import Transactions
from flyball.testing.blobs import BlobStoreSuite
from flyball.testing.events import EventLogSuite
from flyball.testing.jobs import JobQueueSuite, PositionsSuite
from flyball.testing.journal import JournalSuite
from flyball.testing.leases import LeasesSuite
from flyball.testing.suite import failing_tests
from flyball.testing.tablecare import TableCareSuite
from flyball.testing.tables import TableStoreSuite
from flyball.testing.timers import TimerStoreSuite
from tests.databases import Databases, OnEveryEngine, opened


class TestLocalBlobs(BlobStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[BlobStore]:
        yield LocalBlobs(place)


class TestDeltaTables(TableStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TableStore]:
        yield DeltaTables(place)


class TestDeltaTablesKept(TableCareSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TableStore]:
        yield DeltaTables(place, least_keep=timedelta(0))


class TestSqlEventLog(OnEveryEngine, EventLogSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[EventLog]:
        with self.opened(place) as database:
            yield SqlEventLog(database)


class TestSqlTimers(OnEveryEngine, TimerStoreSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[TimerStore]:
        with self.opened(place) as database:
            yield SqlTimers(database)


class TestSqlLeases(OnEveryEngine, LeasesSuite):
    @contextmanager
    def open(self, place: Path, timer: Timer) -> Iterator[Leases]:
        with self.opened(place) as database:
            yield SqlLeases(database, timer=timer, length_seconds=self.length_seconds)


class TestSqlJobs(OnEveryEngine, JobQueueSuite):
    @contextmanager
    def open(self, place: Path, timer: Timer) -> Iterator[tuple[Transactions, JobQueue]]:
        with self.opened(place) as database:
            yield database, SqlJobs(database, ids=RandomIds(), timer=timer, lease_seconds=self.lease_seconds)


class TestSqlPositions(OnEveryEngine, PositionsSuite):
    @contextmanager
    def open(self, place: Path) -> Iterator[tuple[Transactions, Positions]]:
        with self.opened(place) as database:
            yield database, SqlPositions(database)


class TestLocalJournal(JournalSuite):
    @contextmanager
    def write(self, place: Path, limit_bytes: int | None = None) -> Iterator[Journal]:
        with closing(LocalJournal.write(place, segment_bytes=1000, limit_bytes=limit_bytes)) as journal:
            yield journal

    @contextmanager
    def read(self, place: Path) -> Iterator[Journal]:
        with closing(LocalJournal.read(place)) as journal:
            yield journal


class _TrustingBlobs(LocalBlobs):
    """Gives what stands there without looking."""

    def get(self, digest: Digest) -> bytes:
        return self._path(digest).read_bytes() if self.exists(digest) else super().get(digest)


class _ForgetfulTables(DeltaTables):
    """Takes a new attempt for a new job."""

    def append(self, table: str, rows: pl.DataFrame, *, job: str, attempt: int = 1) -> int:
        return super().append(table, rows, job=f"{job}/{attempt}", attempt=attempt)


class _CarelessTables(DeltaTables):
    """Takes rows out of what is read, and leaves them in the files."""

    def rewrite(self, table: str, drop: pl.DataFrame | pl.Expr, *, job: str) -> Rewritten:
        spared = {path: path.read_bytes() for path in map(Path, self.files(table))}
        found = super().rewrite(table, drop, job=job)
        for path, content in spared.items():
            path.write_bytes(content)
        return found


class _HastyJournal(LocalJournal):
    """Gives what follows the last read, whoever asks."""

    def read_after(self, position: int, limit: int = 1000) -> list[Entry]:
        found = super().read_after(max([position, *self._marks]), limit)
        return found or super().read_after(position, limit)


class _UnfencedJobs(SqlJobs):
    """Takes every attempt for the present one."""

    def check(self, job: Job) -> None:
        super().check(self.get(job.id))

    def finish(self, job: Job, result: Mapping[str, Any] | None = None) -> Job:
        return super().finish(self.get(job.id), result)


class _StickyPositions(SqlPositions):
    """Never goes back."""

    def set(self, name: str, value: int) -> None:
        super().set(name, max(value, self.get(name)))


class _LooseLog(SqlEventLog):
    """Appends one by one, so that a refused call leaves its first events behind."""

    def append(self, *new: Event) -> None:
        for event in new:
            super().append(event)


class _EagerTimers(SqlTimers):
    """Fires for everyone who asks."""

    def fire(self, name: str, at: datetime) -> bool:
        super().fire(name, at)
        return True


class _HastyLeases(SqlLeases):
    """Takes an owner that it sees for the first time for a dead one."""

    def acquire(self, name: str, holder: str) -> Lease:
        try:
            return super().acquire(name, holder)
        except HeldError:
            self._length = 0.0
            return super().acquire(name, holder)


def test_the_suite_catches_blobs_that_are_not_verified() -> None:
    class Broken(TestLocalBlobs):
        @contextmanager
        def open(self, place: Path) -> Iterator[BlobStore]:
            yield _TrustingBlobs(place)

    assert failing_tests(Broken) == ["test_damage_is_found_when_it_is_loaded"]


def test_the_suite_catches_tables_that_hold_a_job_twice() -> None:
    class Broken(TestDeltaTables):
        @contextmanager
        def open(self, place: Path) -> Iterator[TableStore]:
            yield _ForgetfulTables(place)

    assert {"test_a_lower_attempt_that_woke_up_late_commits_nothing", "test_a_higher_attempt_finds_what_the_lower_committed"} <= set(
        failing_tests(Broken)
    )


def test_the_suite_catches_tables_that_hold_what_was_erased() -> None:
    class Broken(TestDeltaTablesKept):
        @contextmanager
        def open(self, place: Path) -> Iterator[TableStore]:
            yield _CarelessTables(place, least_keep=timedelta(0))

    assert "test_a_version_that_held_what_was_erased_says_so" in failing_tests(Broken)


def test_the_suite_catches_a_journal_that_mixes_its_readers_up() -> None:
    class Broken(TestLocalJournal):
        @contextmanager
        def read(self, place: Path) -> Iterator[Journal]:
            with closing(_HastyJournal.read(place)) as journal:
                yield journal

    assert "test_readers_at_several_positions_do_not_disturb_each_other" in failing_tests(Broken)


def test_the_suite_catches_jobs_without_a_fence() -> None:
    class Broken(TestSqlJobs):
        @contextmanager
        def open(self, place: Path, timer: Timer) -> Iterator[tuple[Transactions, JobQueue]]:
            with self.opened(place) as database:
                yield database, _UnfencedJobs(database, ids=RandomIds(), timer=timer, lease_seconds=self.lease_seconds)

    assert failing_tests(Broken) == [
        "test_a_silent_worker_loses_its_job_after_the_length_that_the_observer_saw",
        "test_what_is_released_is_first_in_its_lane_again_with_an_attempt_more",
    ]


def test_the_suite_catches_positions_that_never_go_back() -> None:
    class Broken(TestSqlPositions):
        @contextmanager
        def open(self, place: Path) -> Iterator[tuple[Transactions, Positions]]:
            with self.opened(place) as database:
                yield database, _StickyPositions(database)

    assert failing_tests(Broken) == ["test_a_name_is_at_zero_until_it_is_set"]


def test_the_suite_catches_a_log_that_appends_half() -> None:
    class Broken(TestSqlEventLog):
        @contextmanager
        def open(self, place: Path) -> Iterator[EventLog]:
            with self.opened(place) as database:
                yield _LooseLog(database)

    assert failing_tests(Broken) == ["test_an_id_stands_once_and_a_refused_call_appends_nothing"]


def test_the_suite_catches_timers_that_fire_twice() -> None:
    class Broken(TestSqlTimers):
        @contextmanager
        def open(self, place: Path) -> Iterator[TimerStore]:
            with self.opened(place) as database:
                yield _EagerTimers(database)

    assert {"test_it_fires_once", "test_of_many_callers_one_fires"} <= set(failing_tests(Broken))


def test_the_suite_catches_leases_that_are_taken_from_the_living() -> None:
    class Broken(TestSqlLeases):
        @contextmanager
        def open(self, place: Path, timer: Timer) -> Iterator[Leases]:
            with self.opened(place) as database:
                yield _HastyLeases(database, timer=timer, length_seconds=self.length_seconds)

    assert "test_the_first_gets_it_and_the_second_is_told_who_has_it" in failing_tests(Broken)


def test_an_event_and_a_timer_are_one_transaction_with_what_is_around_them(databases: Databases, tmp_path: Path) -> None:
    noon = datetime.fromisoformat("2013-01-01T12:00:00+00:00")
    event = Event(EventId("e"), "a.b", "s", noon)
    with opened(databases, tmp_path) as database:
        log, timers = SqlEventLog(database), SqlTimers(database)
        try:
            with database.write():
                log.append(event)
                timers.set("hold", noon, cause=event.id)
                assert log.get(event.id) == event
                log.append(event)
        except DuplicateEventError:
            pass
        assert (log.list(), timers.next()) == ([], None)


def test_a_lease_outlives_the_handle_but_not_its_heartbeat(databases: Databases, tmp_path: Path) -> None:
    timer = ManualTimer()
    with opened(databases, tmp_path) as database:
        SqlLeases(database, timer=timer).acquire("loop", "ann")
    with opened(databases, tmp_path) as database:
        leases = SqlLeases(database, timer=timer, length_seconds=10)
        with pytest.raises(HeldError, match="ann"):
            leases.acquire("loop", "bob")
        timer.sleep(10)
        assert leases.acquire("loop", "bob").token == 2
