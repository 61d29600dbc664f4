"""The laws of `JobQueue` and of `Positions`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer, Timer
from flyball.core.ids import EventId
from flyball.storage.errors import JobLostError, JobNotFoundError
from flyball.storage.jobs import Job, JobQueue
from flyball.storage.positions import Positions
from flyball.storage.transactions import Transactions
from flyball.testing.suite import Suite


class JobQueueSuite(Suite):
    """A key is one job for ever, a lane runs one job at a time in order, and who lost a job commits nothing for it."""

    lease_seconds = 10.0

    @abstractmethod
    def open(self, place: Path, timer: Timer) -> AbstractContextManager[tuple[Transactions, JobQueue]]:
        """An observer of the jobs at `place`, with leases of `lease_seconds` by its own `timer`."""

    @contextmanager
    def queue(self, place: Path, timer: Timer | None = None) -> Iterator[JobQueue]:
        """The queue alone."""
        with self.open(place, timer or ManualTimer()) as (_, queue):
            yield queue

    def given(self, queue: JobQueue, *keys: str) -> list[Job]:
        """A job of each key; its lane is what stands before the key's hyphen."""
        return [queue.create("train", lane=key.partition("-")[0], payload={"of": key}, key=key) for key in keys]

    def claimed(self, queue: JobQueue, worker: str = "ann", *, lanes: tuple[str, ...] = ("a", "b")) -> Job:
        """The next job, which there must be."""
        job = queue.claim(lanes, worker)
        assert job is not None
        return job

    def test_a_new_job_is_queued_as_it_was_given(self, tmp_path: Path) -> None:
        payload = {"deep": {"é": [1, 2.5, None, True]}, "text": "\x00\n'\""}
        with self.queue(tmp_path) as queue, self.queue(tmp_path) as other:
            job = queue.create("train", lane="m/late", payload=payload, key="k", cause=EventId("why"))
            assert (job.kind, job.lane, job.payload, job.key, job.cause) == ("train", "m/late", payload, "k", "why")
            assert (job.state, job.attempt, job.worker, job.error, job.result) == ("queued", 0, None, None, None)
            assert other.get(job.id) == other.find("k") == job
            assert other.find("none") is None
            with pytest.raises(JobNotFoundError, match="none"):
                other.get("none")

    def test_a_key_is_one_job_for_ever(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            job = queue.create("train", lane="a", payload={"n": 1}, key="k")
            assert queue.create("other", lane="b", payload={"n": 2}, key="k") == job
            done = queue.finish(self.claimed(queue))
            assert queue.create("train", lane="a", payload={}, key="k") == done
            assert queue.claim(["a", "b"], "ann") is None
            assert queue.list() == [done]

    def test_a_lane_runs_in_order_and_one_at_a_time(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1", "a-2", "a-3")
            for key in ("a-1", "a-2", "a-3"):
                job = self.claimed(queue)
                assert (job.key, job.state, job.attempt, job.worker) == (key, "leased", 1, "ann")
                assert queue.claim(["a"], "bob") is None
                queue.renew(job)
                assert queue.claim(["a"], "bob") is None
                queue.finish(job)
            assert queue.claim(["a"], "bob") is None

    def test_lanes_do_not_wait_for_each_other(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1", "a-2", "b-1", "c-1")
            assert [self.claimed(queue).key, self.claimed(queue).key] == ["a-1", "b-1"]
            assert queue.claim(["a", "b"], "ann") is None
            assert queue.claim([], "ann") is None
            assert self.claimed(queue, lanes=("c",)).key == "c-1"

    def test_the_first_heartbeat_makes_it_run(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1")
            job = self.claimed(queue)
            queue.renew(job)
            assert queue.get(job.id).state == "running"
            queue.renew(job)
            queue.check(job)

    def test_every_end_is_kept_and_final(self, tmp_path: Path) -> None:
        ends: dict[str, Callable[[JobQueue, Job], Job]] = {
            "a-1": lambda queue, job: queue.finish(job, {"rows": 3}),
            "a-2": lambda queue, job: queue.finish(job),
            "a-3": lambda queue, job: queue.fail(job, "no rows"),
            "a-4": lambda queue, job: queue.cancel(job.id),
        }
        with self.queue(tmp_path) as queue:
            self.given(queue, *ends)
            for key, end in ends.items():
                job = self.claimed(queue)
                assert job.key == key
                ended = end(queue, job)
                for late in (queue.renew, queue.check, queue.finish, queue.release, lambda each: queue.fail(each, "x")):
                    with pytest.raises(JobLostError, match=ended.state):
                        late(job)
                assert queue.get(job.id) == ended == queue.cancel(job.id)
            assert [(job.state, job.error, job.result) for job in queue.list()] == [
                ("succeeded", None, {"rows": 3}), ("succeeded", None, None), ("failed", "no rows", None), ("cancelled", None, None),
            ]  # fmt: skip
            assert [job.key for job in queue.list("failed")] == ["a-3"]

    def test_what_is_released_is_first_in_its_lane_again_with_an_attempt_more(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1", "a-2")
            first = self.claimed(queue)
            assert queue.release(first).state == "queued"
            again = self.claimed(queue, "bob")
            assert (again.key, again.attempt, again.worker) == ("a-1", 2, "bob")
            for late in (queue.renew, queue.check, queue.finish, queue.release, lambda each: queue.fail(each, "x")):
                with pytest.raises(JobLostError, match="attempt 2"):
                    late(first)
            queue.finish(again)

    def test_a_queued_job_can_be_cancelled_and_an_unknown_one_not(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            job, _ = self.given(queue, "a-1", "a-2")
            assert queue.cancel(job.id).state == "cancelled"
            assert self.claimed(queue).key == "a-2"
            with pytest.raises(JobNotFoundError):
                queue.cancel("none")

    def test_a_silent_worker_loses_its_job_after_the_length_that_the_observer_saw(self, tmp_path: Path) -> None:
        timer = ManualTimer()
        with self.queue(tmp_path, ManualTimer(1e9)) as one, self.queue(tmp_path, timer) as other:
            self.given(one, "a-1")
            job = self.claimed(one)
            assert other.recover() == []
            timer.sleep(self.lease_seconds - 0.1)
            assert other.recover() == []
            timer.sleep(0.2)
            (freed,) = other.recover()
            assert (freed.id, freed.state, freed.attempt) == (job.id, "queued", 1)
            assert other.recover() == []
            taken = self.claimed(other, "bob")
            assert taken.attempt == 2
            with pytest.raises(JobLostError):
                one.check(job)
            other.check(taken)

    def test_a_heartbeat_keeps_it(self, tmp_path: Path) -> None:
        timer = ManualTimer()
        with self.queue(tmp_path) as one, self.queue(tmp_path, timer) as other:
            self.given(one, "a-1")
            job = self.claimed(one)
            for _ in range(5):
                assert other.recover() == []
                timer.sleep(self.lease_seconds - 0.1)
                one.renew(job)
            one.finish(job)

    def test_only_the_observers_own_timer_counts(self, tmp_path: Path) -> None:
        workers = ManualTimer()
        with self.queue(tmp_path, workers) as one, self.queue(tmp_path, ManualTimer(1e9)) as other:
            self.given(one, "a-1")
            job = self.claimed(one)
            assert other.recover() == []
            workers.sleep(100 * self.lease_seconds)
            assert other.recover() == []
            one.renew(job)

    def test_the_next_attempt_has_a_whole_length_of_its_own(self, tmp_path: Path) -> None:
        timer = ManualTimer()
        with self.queue(tmp_path, timer) as queue:
            self.given(queue, "a-1")
            queue.release(self.claimed(queue))
            self.claimed(queue)
            assert queue.recover() == []
            timer.sleep(self.lease_seconds - 0.1)
            queue.release(queue.list("leased")[0])
            self.claimed(queue)
            timer.sleep(0.2)
            assert queue.recover() == []

    def test_a_dead_predecessors_jobs_are_free_at_once_and_no_others(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1", "b-1", "c-1")
            mine, other = self.claimed(queue, "ann"), self.claimed(queue, "bob")
            third = self.claimed(queue, "ann", lanes=("c",))
            queue.renew(mine)
            assert [job.id for job in queue.recover_of("ann")] == [mine.id, third.id]
            assert queue.recover_of("ann") == []
            queue.check(other)
            assert self.claimed(queue, "ann").attempt == 2

    def test_pending_counts_what_has_not_ended(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue:
            self.given(queue, "a-1", "a-2", "b-1")
            job = self.claimed(queue)
            queue.renew(job)
            assert (queue.pending(), queue.pending("a"), queue.pending("b"), queue.pending("c")) == (3, 2, 1, 0)
            queue.finish(job)
            assert (queue.pending(), queue.pending("a")) == (2, 1)

    def test_it_joins_the_open_transaction(self, tmp_path: Path) -> None:
        with self.open(tmp_path, ManualTimer()) as (transactions, queue):
            self.given(queue, "a-1")
            job = self.claimed(queue)
            with suppress(RuntimeError), transactions.write():
                queue.check(job)
                queue.finish(job)
                self.given(queue, "a-2")
                assert queue.claim(["a"], "ann") is not None
                raise RuntimeError
            assert [each.key for each in queue.list()] == ["a-1"]
            queue.check(job)

    def test_of_many_workers_one_gets_each_job(self, tmp_path: Path) -> None:
        with self.queue(tmp_path) as queue, ThreadPoolExecutor(8) as pool:
            self.given(queue, *(f"{lane}-{number}" for number in range(5) for lane in "abcd"))

            def work(number: int) -> list[str]:
                done = []
                while queue.pending():
                    job = queue.claim(["a", "b", "c", "d"], str(number))
                    if job is not None:
                        done.append(queue.finish(job).key)
                return done

            done = [key for keys in pool.map(work, range(8)) for key in keys]
            assert sorted(done) == sorted(job.key for job in queue.list("succeeded"))
            assert len(done) == len(set(done)) == 20


class PositionsSuite(Suite):
    """A name has one position, kept with what was made of it."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[tuple[Transactions, Positions]]:
        """A handle on the positions at `place`."""

    def test_a_name_is_at_zero_until_it_is_set(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as (_, one), self.open(tmp_path) as (_, other):
            assert one.get("a") == 0
            for value in (5, 6, 2**60, 0, 3):
                one.set("a", value)
                assert (other.get("a"), other.get("b")) == (value, 0)

    def test_it_joins_the_open_transaction(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as (transactions, positions):
            positions.set("a", 1)
            with suppress(RuntimeError), transactions.write():
                positions.set("a", 2)
                positions.set("b", 2)
                assert positions.get("a") == 2
                raise RuntimeError
            assert (positions.get("a"), positions.get("b")) == (1, 0)
