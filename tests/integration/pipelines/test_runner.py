"""A step runs once, whole or not at all, and its child never outlives us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.pipelines import InlineExecutor, ProcessExecutor, Step, StepFailedError, StepRunner, Work
from flyball.pipelines._sqlstore import SqlStepCache
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.testing import pipelines as functions

ANSWER = f"{functions.__name__}:answer"
Make = Callable[..., StepRunner]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    database = Database.open(tmp_path / "home.db")

    def runner(code: str = "v1") -> StepRunner:
        cache, blobs = SqlStepCache(database), LocalBlobs(tmp_path / "blobs")
        fingerprint: Callable[[str], Digest] = lambda module: digest([module, code])  # noqa: E731 - typed for the port
        return StepRunner(cache, blobs, executor=InlineExecutor(), fingerprint=fingerprint, scratch=tmp_path / "scratch")

    yield runner
    database.close()


@pytest.fixture
def step(tmp_path: Path) -> Step:
    text = LocalBlobs(tmp_path / "blobs").put(b"content")
    return Step(name="try", function=ANSWER, parameters={"length": timedelta(hours=1)}, inputs={"text": text}, context={"where": "here"})


def test_the_second_run_finds_what_the_first_left(make: Make, step: Step) -> None:
    first = make().run(step)
    assert not first.cached
    assert first.summary == {"given": {"length": 3_600_000_000}, "where": {"where": "here"}}
    assert make().run(step) == replace(first, cached=True) == make().find(step)


def test_code_parameters_and_inputs_count_and_the_context_does_not(make: Make, step: Step) -> None:
    key = make().key(step)
    assert make().key(replace(step, context={"where": "there"}, timeout=timedelta(1))) == key
    others = {
        make("v2").key(step), make().key(replace(step, parameters={})), make().key(replace(step, name="other")),
        make().key(replace(step, inputs={"text": Digest("0" * 64)})), make().key(replace(step, function=f"{functions.__name__}:fail")),
    }  # fmt: skip
    assert len(others - {key}) == 5


def test_a_failed_step_leaves_nothing(make: Make, step: Step, tmp_path: Path) -> None:
    failing = replace(step, function=f"{functions.__name__}:fail", parameters={"kind": "ValueError"})
    with pytest.raises(StepFailedError, match="ValueError: on purpose"):
        make().run(failing)
    assert make().find(failing) is None
    assert [path.name for path in (tmp_path / "scratch").glob("*/step-*")] == []


def test_a_step_whose_output_was_deleted_runs_again(make: Make, step: Step, tmp_path: Path) -> None:
    first = make().run(step)
    LocalBlobs(tmp_path / "blobs").delete(first.outputs["copy"])
    again = make().run(step)
    assert (again.cached, again.outputs, again.diverged) == (False, first.outputs, False)


def test_scratch_of_the_dead_is_cleaned_and_of_the_living_is_not(make: Make, tmp_path: Path) -> None:
    living = make()
    (tmp_path / "scratch" / "owner-dead" / "step-1").mkdir(parents=True)
    make()
    assert living is not None
    assert len([path for path in (tmp_path / "scratch").iterdir() if path.is_dir()]) == 2
    assert not (tmp_path / "scratch" / "owner-dead").exists()


_PARENT = """
import sys, threading
from flyball.pipelines import ProcessExecutor, Work
executor = ProcessExecutor()
place = sys.argv[1]
given = {"parameters": {}, "context": {"pipe": sys.argv[2]}, "inputs": {}}
work = Work(step="s", function="child_code:hang", outputs=place, log=place + "/log", **given)
executor.execute(work)
"""

_CHILD = """
import os, time
def hang(task):
    held = os.open(task.context["pipe"], os.O_WRONLY)
    os.write(held, b"x")
    while True:
        time.sleep(3600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_child_goes_with_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "child_code.py").write_text(_CHILD)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-c", _PARENT, str(tmp_path), str(pipe)]
    parent = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, stderr=subprocess.DEVNULL)
    try:
        select.select([reader], [], [], 60)
        assert os.read(reader, 1) == b"x"
        parent.send_signal(how)
        parent.wait(60)
        # The pipe ends when the last process that holds its other side is gone.
        assert select.select([reader], [], [], 60)[0]
        assert os.read(reader, 1) == b""
    finally:
        parent.kill()
        parent.wait()
        os.close(reader)


def test_a_second_caller_waits_for_its_turn(tmp_path: Path) -> None:
    executor = ProcessExecutor()
    found: list[int] = []

    def call(number: int) -> None:
        place = tmp_path / str(number)
        (place / "outputs").mkdir(parents=True)
        (place / "text").write_text("x")
        work = Work(
            step="s", function=ANSWER, parameters={"number": number}, context={}, inputs={"text": str(place / "text")},
            outputs=str(place / "outputs"), log=str(place / "log"),
        )  # fmt: skip
        found.append(executor.execute(work)["given"]["number"])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    executor.close()
    executor.close()
    assert sorted(found) == [0, 1, 2, 3]
