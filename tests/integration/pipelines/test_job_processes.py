"""Workers in processes of their own on one home: raced, killed and stopped past their lease, each outcome is committed once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flyball.core.clock import MonotonicTimer
from flyball.core.ids import RandomIds
from flyball.storage._sqljobs import SqlJobs
from flyball.storage._sqlstore import SqlPositions
from tests.databases import Databases

_WORKER = """
import logging, sys, threading, time
from flyball.core.clock import MonotonicTimer
from flyball.core.ids import RandomIds
from flyball.pipelines.jobs import JobWorker
from flyball.storage._sqlstore import SqlPositions
from flyball.storage._sqljobs import SqlJobs
from flyball.storage.database import open_database
from flyball.storage.errors import JobLostError

url, name, lanes = sys.argv[1:4]
database = open_database(url)
queue = SqlJobs(database, ids=RandomIds(), timer=MonotonicTimer(), lease_seconds=float(sys.argv[4]))
positions = SqlPositions(database)

class Out:
    def prepare(self, job):
        positions.set(f"prepared {job.key}", positions.get(f"prepared {job.key}") + 1)
        print("preparing", job.key, job.attempt, flush=True)
        time.sleep(job.payload["seconds"] if job.attempt == 1 else 0.0)
        def commit():
            positions.set(f"out {job.key}", positions.get(f"out {job.key}") + 1)
            return {"by": name}
        return commit
    def failed(self, job, error):
        positions.set(f"failed {job.key}", 1)

class Telling(logging.Handler):
    def emit(self, record):
        print(record.getMessage(), flush=True)

logging.getLogger("flyball").setLevel(logging.INFO)
logging.getLogger("flyball").addHandler(Telling())
worker = JobWorker(queue, {"out": Out()}, transactions=database, timer=MonotonicTimer(), lanes=lanes.split(","), name=name)
print("ready", flush=True)
worker.run(threading.Event())
"""


class Home:
    """A home's jobs, as the test sees them."""

    def __init__(self, databases: Databases, place: Path) -> None:
        self.url = databases.url(place)
        self.database = databases.open(place)
        self.queue = SqlJobs(self.database, ids=RandomIds(), timer=MonotonicTimer())
        self.positions = SqlPositions(self.database)

    def given(self, count: int, *, lanes: str, seconds: float) -> list[str]:
        for number in range(count):
            lane = lanes[number % len(lanes)]
            self.queue.create("out", lane=lane, payload={"seconds": seconds}, key=f"{lane}{number}")
        return [job.key for job in self.queue.list()]

    @contextmanager
    def worker(self, name: str, *, lanes: str, lease_seconds: float = 1.0) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", _WORKER, self.url, name, ",".join(lanes), str(lease_seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            try:
                yield child
            finally:
                child.send_signal(signal.SIGCONT)
                child.kill()

    def outputs(self, keys: list[str]) -> list[int]:
        return [self.positions.get(f"out {key}") for key in keys]

    def wait_until_done(self) -> None:
        _wait(lambda: self.queue.pending() == 0)


def _wait(until: Callable[[], object], *, seconds: float = 60.0) -> None:
    timer = MonotonicTimer()
    begin = timer.seconds()
    while not until():
        assert timer.seconds() - begin < seconds
        time.sleep(0.01)


@pytest.fixture
def home(databases: Databases, tmp_path: Path) -> Iterator[Home]:
    home = Home(databases, tmp_path)
    yield home
    home.database.close()


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_two_workers_race_for_a_hundred_jobs_and_commit_each_once(home: Home) -> None:
    with home.worker("ann", lanes="abcd", lease_seconds=15), home.worker("bob", lanes="abcd", lease_seconds=15):
        keys = home.given(100, lanes="abcd", seconds=0.002)
        home.wait_until_done()
    assert home.outputs(keys) == [1] * 100
    jobs = home.queue.list()
    assert {(job.state, job.attempt) for job in jobs} == {("succeeded", 1)}
    assert {job.worker for job in jobs} == {"ann", "bob"}, "both had work"


def test_a_worker_that_is_killed_in_the_middle_leaves_its_job_to_its_successor_at_once(home: Home) -> None:
    (key,) = home.given(1, lanes="a", seconds=30.0)
    with home.worker("ann", lanes="a") as child:
        assert _line(child) == f"preparing {key} 1"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert home.outputs([key]) == [0]
    (job,) = home.queue.recover_of("ann")  # who starts as ann knows that the earlier ann is dead
    assert (job.key, job.state) == (key, "queued")
    with home.worker("ann", lanes="a") as child:
        assert _line(child) == f"preparing {key} 2"
        home.wait_until_done()
    assert home.outputs([key]) == [1]


def test_a_killed_workers_job_is_taken_over_by_one_that_saw_it_silent(home: Home) -> None:
    keys = home.given(2, lanes="a", seconds=30.0)
    with home.worker("ann", lanes="a") as ann:
        assert _line(ann) == f"preparing {keys[0]} 1"
        with home.worker("bob", lanes="a") as bob:
            os.kill(ann.pid, signal.SIGKILL)
            assert "queued again: ann, which had it, is silent" in _line(bob)
            assert _line(bob) == f"preparing {keys[0]} 2"
            _wait(lambda: home.outputs(keys)[0] == 1)
    assert home.queue.list()[0].worker == "bob"


def test_a_worker_that_was_stopped_past_its_lease_is_fenced_when_it_wakes_up(home: Home) -> None:
    (key,) = home.given(1, lanes="a", seconds=15.0)  # longer than it takes to stop it on a busy machine
    with home.worker("ann", lanes="a") as ann, home.worker("bob", lanes="a") as bob:
        first, other = (ann, bob) if _line_of_either(home, key) == "ann" else (bob, ann)
        assert _line(first) == f"preparing {key} 1"
        os.kill(first.pid, signal.SIGSTOP)
        assert "is silent" in _line(other)
        assert _line(other) == f"preparing {key} 2"
        home.wait_until_done()
        os.kill(first.pid, signal.SIGCONT)
        assert _line(first).startswith("Work is dropped. Attempt 1")
        keys = home.given(3, lanes="a", seconds=0.0)
        home.wait_until_done()
    assert home.outputs(keys) == [1, 1, 1]
    assert home.positions.get(f"prepared {key}") == 2
    assert [job.attempt for job in home.queue.list()] == [2, 1, 1]


def _line_of_either(home: Home, key: str) -> str:
    """Who has the job."""
    _wait(lambda: home.positions.get(f"prepared {key}"))
    job = home.queue.find(key)
    assert job is not None
    assert job.worker is not None
    return job.worker


def test_kills_at_any_moment_double_nothing(home: Home) -> None:
    keys = home.given(60, lanes="ab", seconds=0.01)
    for milliseconds in (3, 90, 40, 150, 7, 60, 20, 110):
        with home.worker("ann", lanes="ab") as child:
            time.sleep(milliseconds / 1000)
            os.kill(child.pid, signal.SIGKILL)
        home.queue.recover_of("ann")
    with home.worker("ann", lanes="ab"):
        home.wait_until_done()
    assert home.outputs(keys) == [1] * 60
