"""The worker ends each job once, whatever its kind does, and never dies of one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flyball.core.clock import ManualTimer, MonotonicTimer
from flyball.core.errors import FlyballError, UnavailableError
from flyball.core.ids import RandomIds
from flyball.pipelines import JobWorker, Retry
from flyball.pipelines.errors import StepAbortedError
from flyball.pipelines.jobs import Commit
from flyball.storage._sqljobs import SqlJobs
from flyball.storage._sqlstore import SqlPositions
from flyball.storage.database import Database
from flyball.storage.jobs import Job
from tests.databases import Databases, opened


@dataclass
class Told:
    """A kind whose work is given by the test, and whose commit moves a position of the job's key by one."""

    positions: SqlPositions
    work: Callable[[Job], object] = lambda _: None
    committing: Callable[[Job], Mapping[str, Any] | None] = lambda _: None
    failing: Callable[[Job], object] = lambda _: None
    failures: list[tuple[str, Exception]] = field(default_factory=list)

    def prepare(self, job: Job) -> Commit:
        self.work(job)

        def commit() -> Mapping[str, Any] | None:
            self.positions.set(job.key, self.positions.get(job.key) + 1)
            return self.committing(job)

        return commit

    def failed(self, job: Job, error: Exception) -> None:
        self.failures.append((job.key, error))
        self.positions.set(f"failed {job.key}", self.positions.get(f"failed {job.key}") + 1)
        self.failing(job)


class Bench:
    """A home with a queue, a kind and a worker on a timer that the test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.timer = ManualTimer()
        self.queue = SqlJobs(self.database, ids=RandomIds(), timer=self.timer, lease_seconds=10)
        self.kind = Told(SqlPositions(self.database))
        self.worker = self.another("ann")

    def another(self, name: str, queue: SqlJobs | None = None) -> JobWorker:
        worker = JobWorker(
            queue or self.queue, {"told": self.kind}, transactions=self.database, timer=self.timer, lanes=["a", "b"], name=name
        )
        worker.retry = Retry(attempts=3, first_seconds=2.0, longest_seconds=3.0, claims=5)
        return worker

    def given(self, *keys: str) -> list[Job]:
        return [self.queue.create("told", lane=key[0], payload={}, key=key) for key in keys]

    def outputs(self, key: str) -> tuple[int, int]:
        """How often the job's outcome, and its failure, were committed."""
        return self.kind.positions.get(key), self.kind.positions.get(f"failed {key}")


@pytest.fixture
def bench(databases: Databases, tmp_path: Path) -> Iterator[Bench]:
    with opened(databases, tmp_path) as database:
        yield Bench(database)


def test_a_job_is_prepared_and_committed_with_its_end(bench: Bench) -> None:
    bench.kind.committing = lambda job: {"of": job.key}
    bench.given("a1", "b1")
    assert [bench.worker.run_once() for _ in range(3)] == [True, True, False]
    assert [(job.key, job.state, job.result) for job in bench.queue.list()] == [
        ("a1", "succeeded", {"of": "a1"}),
        ("b1", "succeeded", {"of": "b1"}),
    ]
    assert bench.outputs("a1") == bench.outputs("b1") == (1, 0)


def test_it_runs_while_it_is_prepared(bench: Bench) -> None:
    states = []
    bench.kind.work = lambda job: states.append(bench.queue.get(job.id).state)
    bench.given("a1")
    bench.worker.run_once()
    assert states == ["running"]


@pytest.mark.parametrize("error", [ValueError("no rows"), FlyballError("no rows"), KeyError("x" * 1000)])
def test_a_job_that_raises_fails_once_and_is_told(bench: Bench, error: Exception) -> None:
    def work(_: Job) -> None:
        raise error

    bench.kind.work = work
    bench.given("a1", "a2")
    assert bench.worker.run_once()
    job = bench.queue.list()[0]
    assert (job.state, bench.outputs("a1"), bench.kind.failures) == ("failed", (0, 1), [("a1", error)])
    assert job.error is not None
    assert len(job.error) <= 500
    assert ("no rows" in job.error) == ("no rows" in str(error))
    bench.kind.work = lambda _: None
    assert bench.worker.run_once()
    assert bench.outputs("a2") == (1, 0)


def test_a_commit_that_raises_leaves_nothing_of_itself(bench: Bench) -> None:
    def committing(_: Job) -> None:
        raise ValueError("half-way")

    bench.kind.committing = committing
    bench.given("a1")
    bench.worker.run_once()
    assert (bench.outputs("a1"), bench.queue.list()[0].error) == ((0, 1), "ValueError: half-way")


def test_a_failure_that_cannot_be_told_stands(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def work(_: Job) -> None:
        raise ValueError("first")

    def failing(_: Job) -> None:
        raise RuntimeError("second")

    bench.kind.work, bench.kind.failing = work, failing
    bench.given("a1")
    assert bench.worker.run_once()
    assert (bench.outputs("a1"), bench.queue.list()[0].error) == ((0, 0), "ValueError: first")
    assert "could not be told" in caplog.text


def test_a_kind_that_nobody_bound_fails(bench: Bench) -> None:
    bench.queue.create("tolt", lane="a", payload={}, key="a1")
    assert bench.worker.run_once()
    assert bench.queue.list()[0].error == "There is no job kind 'tolt'. Did you mean 'told'?"


def test_what_is_unavailable_is_tried_again_later_and_other_lanes_go_on(bench: Bench) -> None:
    def work(job: Job) -> None:
        if job.key == "a1" and job.attempt < 3:
            raise UnavailableError("no disk")

    bench.kind.work = work
    bench.given("a1", "a2", "b1")
    assert [bench.worker.run_once() for _ in range(3)] == [True, True, False]
    assert bench.outputs("b1") == (1, 0)
    bench.timer.sleep(1.9)
    assert not bench.worker.run_once()
    bench.timer.sleep(0.2)
    assert bench.worker.run_once()
    bench.timer.sleep(2.9)
    assert not bench.worker.run_once()
    bench.timer.sleep(0.2)
    assert [bench.worker.run_once() for _ in range(3)] == [True, True, False]
    assert (bench.outputs("a1"), bench.outputs("a2"), bench.queue.list()[0].attempt) == ((1, 0), (1, 0), 3)


def test_what_stays_unavailable_fails_in_the_end(bench: Bench) -> None:
    def work(_: Job) -> None:
        raise UnavailableError("no disk")

    bench.kind.work = work
    bench.given("a1")
    for _ in range(3):
        assert bench.worker.run_once()
        bench.timer.sleep(3.1)
    assert not bench.worker.run_once()
    job = bench.queue.list()[0]
    assert (job.state, job.error, job.attempt, bench.outputs("a1")) == ("failed", "no disk", 3, (0, 1))


def test_a_job_that_kills_its_workers_fails_in_the_end(bench: Bench) -> None:
    bench.given("a1")
    for number in range(5):
        assert bench.queue.claim(["a"], f"dies {number}") is not None
        bench.queue.recover_of(f"dies {number}")
    assert bench.worker.run_once()
    job = bench.queue.list()[0]
    assert (job.state, bench.outputs("a1")) == ("failed", (0, 1))
    assert "begun 5 times" in (job.error or "")


def test_who_lost_its_job_commits_nothing_and_goes_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def work(job: Job) -> None:
        if (job.key, job.attempt) == ("a1", 1):  # silent for a lease, as its observer saw it; another takes over and is done
            other.run_once()
            bench.timer.sleep(10.1)
            assert other.run_once()

    observers = SqlJobs(bench.database, ids=RandomIds(), timer=bench.timer, lease_seconds=10)
    other = bench.another("bob", observers)
    bench.kind.work = work
    bench.given("a1", "a2")
    with caplog.at_level(logging.INFO):
        assert bench.worker.run_once()
    assert "Work is dropped. Attempt 1" in caplog.text
    job = bench.queue.list()[0]
    assert (job.state, job.attempt, job.worker, bench.outputs("a1")) == ("succeeded", 2, "bob", (1, 0))
    assert bench.worker.run_once()
    assert bench.outputs("a2") == (1, 0)


def test_a_job_that_was_cancelled_while_it_ran_commits_nothing(bench: Bench) -> None:
    bench.kind.work = lambda job: bench.queue.cancel(job.id)
    bench.given("a1")
    assert bench.worker.run_once()
    assert (bench.queue.list()[0].state, bench.outputs("a1")) == ("cancelled", (0, 0))


def test_a_job_that_lost_itself_and_then_raised_is_not_failed(bench: Bench) -> None:
    def work(job: Job) -> None:
        bench.queue.release(job)
        raise ValueError("too late")

    bench.kind.work = work
    bench.given("a1")
    assert bench.worker.run_once()
    assert (bench.queue.list()[0].state, bench.outputs("a1")) == ("queued", (0, 0))


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_a_worker_that_is_ended_gives_its_job_back(bench: Bench, interruption: type[BaseException]) -> None:
    def work(_: Job) -> None:
        raise interruption

    bench.kind.work = work
    bench.given("a1")
    with pytest.raises(interruption):
        bench.worker.run_once()
    assert (bench.queue.list()[0].state, bench.outputs("a1")) == ("queued", (0, 0))


def test_a_step_that_was_told_to_end_is_no_failure(bench: Bench) -> None:
    def work(_: Job) -> None:
        raise StepAbortedError("fit")

    bench.kind.work = work
    bench.given("a1")
    assert bench.worker.run_once()
    assert (bench.queue.list()[0].state, bench.outputs("a1")) == ("queued", (0, 0))


def _wait(until: Callable[[], object], *, seconds: float = 60.0) -> float:
    timer = MonotonicTimer()
    begin = timer.seconds()
    while not until():
        assert timer.seconds() - begin < seconds
        time.sleep(0.001)
    return timer.seconds() - begin


def test_a_running_worker_takes_what_comes_is_woken_and_stops(bench: Bench) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=bench.worker.run, args=(stop,))
    thread.start()
    try:
        for number in range(5):
            bench.given(f"a{number}")
            bench.worker.wake()
            _wait(lambda: bench.queue.pending() == 0)
            assert bench.outputs(f"a{number}") == (1, 0)
        bench.given("b1")
        _wait(lambda: bench.outputs("b1") == (1, 0))  # not woken: it looks by itself
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not thread.is_alive()


def test_a_job_that_is_stopped_with_its_worker_is_queued_again(bench: Bench) -> None:
    stop, begun = threading.Event(), threading.Event()

    def work(_: Job) -> None:
        begun.set()
        stop.wait(90)
        raise RuntimeError("ended from outside")

    bench.kind.work = work
    bench.given("a1")
    thread = threading.Thread(target=bench.worker.run, args=(stop,))
    thread.start()
    begun.wait(90)
    stop.set()
    thread.join(timeout=20)
    assert (bench.queue.list()[0].state, bench.outputs("a1")) == ("queued", (0, 0))


def _wait_for_more(count: Callable[[], int]) -> None:
    before = count()
    _wait(lambda: count() > before)


def test_a_heartbeat_keeps_a_long_job(bench: Bench) -> None:
    def beat() -> int:
        with bench.database.read() as connection:
            return int(connection.execute(text("SELECT beat FROM jobs")).scalar_one())

    def work(_: Job) -> None:
        for _look in range(5):
            assert bench.queue.recover() == []
            _wait_for_more(beat)
            bench.timer.sleep(9.9)

    worker = bench.another("ann", SqlJobs(bench.database, ids=RandomIds(), timer=MonotonicTimer(), lease_seconds=0.2))
    bench.kind.work = work
    bench.given("a1")
    assert worker.run_once()
    assert (bench.queue.list()[0].attempt, bench.outputs("a1")) == (1, (1, 0))


class _SlowObserver(SqlJobs):
    """Its worker gives a sign of life between its look and its verdict."""

    verdicts = 0

    def _free(self, busy: Iterable[Any], chosen: Callable[[Any], bool]) -> list[Job]:
        rows = list(busy)
        for row in filter(chosen, rows):
            self.renew(self.get(row.id))
            self.verdicts += 1
        return super()._free(rows, chosen)


def test_a_heartbeat_in_the_last_moment_keeps_a_job(bench: Bench) -> None:
    observer = _SlowObserver(bench.database, ids=RandomIds(), timer=bench.timer, lease_seconds=10)
    bench.given("a1")
    job = bench.queue.claim(["a"], "ann")
    assert job is not None
    for _ in range(4):
        assert observer.recover() == []
        bench.timer.sleep(10.1)
    bench.queue.check(job)
    assert observer.verdicts == 2


class _BrokenAtFirst(SqlJobs):
    """Gives these errors before it gives jobs."""

    def __init__(self, database: Database, timer: ManualTimer, *, errors: list[Exception]) -> None:
        super().__init__(database, ids=RandomIds(), timer=timer)
        self.errors = errors

    def claim(self, lanes: Sequence[str], worker: str) -> Job | None:
        if self.errors:
            raise self.errors.pop()
        return super().claim(lanes, worker)


def test_a_queue_that_fails_does_not_end_the_worker(bench: Bench) -> None:
    stop = threading.Event()
    bench.given("a1")
    worker = bench.another("ann", _BrokenAtFirst(bench.database, bench.timer, errors=[UnavailableError("locked"), RuntimeError("a bug")]))
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    _wait(lambda: bench.outputs("a1") == (1, 0))
    stop.set()
    thread.join(timeout=20)
