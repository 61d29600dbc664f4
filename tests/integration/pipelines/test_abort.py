"""What was told to end starts nothing more: a waiter for a step that was ended must not compute it anew."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flyball.pipelines import ExecutorPool, ProcessExecutor, Work
from flyball.pipelines.errors import StepAbortedError
from flyball.testing import pipelines as functions


def test_no_step_runs_after_an_abort(tmp_path: Path) -> None:
    pool = ExecutorPool([ProcessExecutor()])
    work = Work(
        step="answer", function=f"{functions.__name__}:answer", parameters={}, context={},
        inputs={}, outputs=str(tmp_path), log=str(tmp_path / "log"),
    )  # fmt: skip
    try:
        pool.abort()
        with pytest.raises(StepAbortedError, match="finished steps are kept"):
            pool.execute(work)
    finally:
        pool.close()


def test_the_step_under_way_is_ended_and_does_not_look_like_a_failure_of_its_code(tmp_path: Path) -> None:
    """Whoever records failures of models must not record one because everything was told to end."""
    pool = ExecutorPool([ProcessExecutor()])
    work = Work(
        step="hang", function=f"{functions.__name__}:hang", parameters={}, context={},
        inputs={}, outputs=str(tmp_path), log=str(tmp_path / "log"),
    )  # fmt: skip
    abort = threading.Timer(1.0, pool.abort)
    abort.start()
    try:
        with pytest.raises(StepAbortedError):
            pool.execute(work)
    finally:
        abort.join()
        pool.close()


def test_idle_processes_are_ended_without_waiting_for_a_step_that_runs(tmp_path: Path) -> None:
    busy, idle = ProcessExecutor(), ProcessExecutor()
    pool = ExecutorPool([busy, idle])
    work = Work(
        step="hang", function=f"{functions.__name__}:hang", parameters={}, context={},
        inputs={}, outputs=str(tmp_path), log=str(tmp_path / "log"),
    )  # fmt: skip

    def hang() -> None:
        with pytest.raises(StepAbortedError):
            pool.execute(work)

    hanging = threading.Thread(target=hang)
    hanging.start()
    try:
        pool.rest()
        assert hanging.is_alive()
    finally:
        pool.abort()
        hanging.join()
        pool.close()
