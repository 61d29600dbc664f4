"""Jobs move as a plain model of the table of legal moves says, whoever asks for what in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule, run_state_machine_as_test

from flyball.core.clock import ManualTimer
from flyball.core.ids import RandomIds
from flyball.storage._sqljobs import SqlJobs
from flyball.storage.errors import JobLostError
from flyball.storage.jobs import BUSY, MOVES, PENDING, Job, JobState
from tests.databases import Databases, PostgresDatabases, SqliteDatabases

_LEASE = 10.0
_lanes = st.sampled_from("ab")
_workers = st.sampled_from(["ann", "bob"])


@dataclass
class _Plain:
    """What a job should be; `silent` is for how long the observer has seen no heartbeat, or None before its first look."""

    key: str
    lane: str
    state: JobState = "queued"
    attempt: int = 0
    worker: str | None = None
    silent: float | None = None
    history: list[JobState] = field(default_factory=lambda: ["queued"])

    def move(self, state: JobState) -> None:
        self.state, self.silent = state, None
        self.history.append(state)


class JobsMachine(RuleBasedStateMachine):
    """Two workers and an observer on one queue; `claims` are what workers hold in hand, also when they have lost it long ago."""

    databases: Databases = SqliteDatabases()
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.database = self.databases.open(Path(self.directory.name))
        self.timer = ManualTimer()
        self.queue = SqlJobs(self.database, ids=RandomIds(), timer=ManualTimer(), lease_seconds=_LEASE)
        self.observer = SqlJobs(self.database, ids=RandomIds(), timer=self.timer, lease_seconds=_LEASE)
        self.plain: list[_Plain] = []

    def teardown(self) -> None:
        self.database.close()
        self.directory.cleanup()

    @rule(lane=_lanes, number=st.integers(0, 5))
    def create(self, lane: str, number: int) -> None:
        key = f"{lane}{number}"
        if all(plain.key != key for plain in self.plain):
            self.plain.append(_Plain(key, lane))
        assert self.queue.create("k", lane=lane, payload={}, key=key).key == key

    @rule(target=claims, lanes=st.sets(_lanes), worker=_workers)
    def claim(self, lanes: set[str], worker: str) -> object:
        busy = {plain.lane for plain in self.plain if plain.state in BUSY}
        expected = next((p for p in self.plain if p.state == "queued" and p.lane in lanes - busy), None)
        job = self.queue.claim(sorted(lanes), worker)
        if expected is None:
            assert job is None
            return multiple()
        expected.move("leased")
        expected.attempt, expected.worker = expected.attempt + 1, worker
        assert job is not None
        assert (job.key, job.attempt, job.worker) == (expected.key, expected.attempt, worker)
        return job

    def _fenced(self, job: Job, do: Callable[[Job], object], *, to: JobState | None) -> None:
        plain = next(plain for plain in self.plain if plain.key == job.key)
        owned = plain.attempt == job.attempt and plain.state in BUSY
        try:
            do(job)
        except JobLostError:
            assert not owned
            return
        assert owned
        if to is not None:
            plain.move(to)

    @rule(job=claims)
    def renew(self, job: Job) -> None:
        self._fenced(job, self.queue.renew, to="running")

    @rule(job=claims)
    def check(self, job: Job) -> None:
        self._fenced(job, self.queue.check, to=None)

    @rule(job=consumes(claims))
    def finish(self, job: Job) -> None:
        self._fenced(job, self.queue.finish, to="succeeded")

    @rule(job=claims)
    def fail(self, job: Job) -> None:
        self._fenced(job, lambda each: self.queue.fail(each, "no"), to="failed")

    @rule(job=claims)
    def release(self, job: Job) -> None:
        self._fenced(job, self.queue.release, to="queued")

    @rule(job=claims, attempt=st.integers(0, 3))
    def finish_with_a_forged_attempt(self, job: Job, attempt: int) -> None:
        self._fenced(replace(job, attempt=attempt), self.queue.finish, to="succeeded")

    @rule(number=st.integers(0, 11))
    def cancel(self, number: int) -> None:
        if number < len(self.plain):
            plain = self.plain[number]
            job = self.queue.find(plain.key)
            assert job is not None
            ended = self.queue.cancel(job.id)
            if plain.state in PENDING:
                plain.move("cancelled")
            assert ended.state == plain.state

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def time_passes_and_the_observer_looks(self, seconds: float) -> None:
        self.timer.sleep(seconds)
        expected = []
        for plain in self.plain:
            if plain.state in BUSY:
                plain.silent = 0.0 if plain.silent is None else plain.silent + seconds
                if plain.silent >= _LEASE:
                    plain.move("queued")
                    expected.append(plain.key)
        assert [job.key for job in self.observer.recover()] == expected

    @rule(worker=_workers)
    def a_predecessor_is_dead(self, worker: str) -> None:
        expected = [plain for plain in self.plain if plain.state in BUSY and plain.worker == worker]
        for plain in expected:
            plain.move("queued")
        assert [job.key for job in self.queue.recover_of(worker)] == [plain.key for plain in expected]

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        found = [(job.key, job.lane, job.state, job.attempt, job.worker) for job in self.queue.list()]
        assert found == [(plain.key, plain.lane, plain.state, plain.attempt, plain.worker) for plain in self.plain]
        assert self.queue.pending() == sum(plain.state in PENDING for plain in self.plain)
        assert self.queue.pending("a") == sum(plain.state in PENDING for plain in self.plain if plain.lane == "a")

    @invariant()
    def a_lane_has_one_busy_job_and_every_move_is_legal(self) -> None:
        busy = [job.lane for job in self.queue.list() if job.state in BUSY]
        assert len(busy) == len(set(busy))
        for plain in self.plain:
            assert all(after in MOVES[before] for before, after in zip(plain.history, plain.history[1:], strict=False))


TestJobs = JobsMachine.TestCase


def test_jobs_on_a_server(postgres_databases: PostgresDatabases) -> None:
    class OnServer(JobsMachine):
        databases = postgres_databases

    run_state_machine_as_test(OnServer, settings=settings(max_examples=15, deadline=None))
