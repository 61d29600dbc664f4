"""Processes and threads that log at once: no error, no lost entry; and what was acknowledged outlives kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flyball.core.errors import FlyballError
from flyball.testing.trackingservices import point, tracking_in
from flyball.tracking.errors import RunNotFoundError
from flyball.tracking.hot import Cursor
from flyball.tracking.hotengines import hot_writes
from tests.databases import Databases

PROCESSES, ENTRIES, BATCH = 8, 400, 50  # bench/tracking/points.py has 32 processes with 1,000 entries each

_FOREVER = """
import itertools, sys
from flyball.storage.database import open_database
from flyball.testing.trackingservices import point, tracking_in
tracking = tracking_in(open_database(sys.argv[1]))
run = tracking.runs.create("0").head.id
print(run, flush=True)
for step in itertools.count():
    tracking.runs.log_batch(run, metrics=[point(key, step, step=step) for key in "abc"], params={f"p{step}": str(step)})
    print(step, flush=True)
"""


def test_processes_lose_nothing_and_never_fail(databases: Databases, tmp_path: Path) -> None:
    program = Path(__file__).with_name("many_loggers.py")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(program), databases.url(tmp_path), str(PROCESSES), str(ENTRIES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    database = databases.open(tmp_path)
    tracking = tracking_in(database)
    runs = {run.head.name: run for run in tracking.runs.search(["0"]).items}
    assert len(runs) == PROCESSES + 1
    shared = {(metric.time_ms, metric.step) for metric in tracking.metrics.history(runs["shared"].head.id, "single").items}
    assert shared == {(writer, step) for writer in range(PROCESSES) for step in range(1, ENTRIES // 2, 2)}
    batches = ENTRIES // 2 // BATCH
    for writer in range(PROCESSES):
        run = runs[f"writer-{writer}"]
        assert len(tracking.metrics.history(run.head.id, "single").items) == ENTRIES // 4
        assert len(tracking.metrics.history(run.head.id, "m7").items) == batches
        assert run.params == {f"p{batch}": str(writer) for batch in range(batches)}
        assert run.tags["last"] == str(batches - 1)
    database.close()


def test_threads_share_transactions_and_each_gets_its_own_answer(databases: Databases, tmp_path: Path) -> None:
    database = databases.open(tmp_path)
    tracking = tracking_in(database)
    run = tracking.runs.create("0").head.id

    def log(at: int) -> str:
        try:
            tracking.runs.log_metric(run if at % 3 else "none", point("a", at, step=at))
        except RunNotFoundError:
            return "none"
        return "logged"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(log, range(300)))
    assert said == ["logged" if at % 3 else "none" for at in range(300)]
    assert [metric.step for metric in tracking.metrics.history(run, "a").items] == [at for at in range(300) if at % 3]
    database.close()


class _BrokenError(Exception):
    pass


def test_an_act_that_breaks_its_word_takes_nothing_from_the_others(databases: Databases, tmp_path: Path) -> None:
    database = databases.open(tmp_path)
    hot = hot_writes(database)

    def act(at: int) -> int:
        def write(cursor: Cursor) -> int:
            cursor.execute("INSERT INTO names (kind, name) VALUES (?, ?)", ("tag", f"n{at}"))
            if at % 5 == 0:
                raise _BrokenError
            return at

        return hot.run(write)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(act, at) for at in range(100)]
    for at, future in enumerate(futures):
        if at % 5 == 0:
            with pytest.raises(_BrokenError):
                future.result()
        else:
            assert future.result() == at
    with database.read() as connection:
        kept = {row[0] for row in connection.exec_driver_sql("SELECT name FROM names")}
    assert kept == {f"n{at}" for at in range(100) if at % 5}
    database.close()


def test_what_is_logged_inside_a_transaction_is_a_part_of_it(databases: Databases, tmp_path: Path) -> None:
    database = databases.open(tmp_path)
    tracking = tracking_in(database)
    run = tracking.runs.create("0").head.id

    def log_and_fail() -> None:
        with database.write():
            tracking.runs.log_batch(run, metrics=[point("new", 1)], tags={"new": "1"})
            raise FlyballError

    with pytest.raises(FlyballError):
        log_and_fail()
    assert tracking.runs.get(run).metrics == ()
    tracking.runs.log_batch(run, metrics=[point("other", 1)], tags={"another": "1"})
    tracking.runs.log_metric(run, point("new", 2))
    assert tracking.runs.get(run).metrics == (point("new", 2), point("other", 1))
    database.close()


def test_kill_takes_nothing_that_was_acknowledged(databases: Databases, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _FOREVER, databases.url(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(60)]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.read().split()
        child.wait()
    database = databases.open(tmp_path)
    tracking = tracking_in(database)
    tracking.runs.set_tag(told[0], "seen", value="after")  # waits for what the dead one had under way
    run, last = told[0], int(told[-1])
    found = tracking.runs.get(run)
    steps = [metric.step for metric in tracking.metrics.history(run, "a").items]
    assert steps in (list(range(last + 1)), list(range(last + 2)))  # the one that was under way is whole or absent
    assert [len(tracking.metrics.history(run, key).items) for key in "bc"] == [len(steps)] * 2
    assert found.params == {f"p{step}": str(step) for step in steps}
    assert {metric.step for metric in found.metrics} == {steps[-1]}
    database.close()
