"""What was told to end starts nothing more: a waiter for a step that was ended must not compute it anew."""

from __future__ import annotations

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
