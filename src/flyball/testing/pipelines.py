"""The laws of `StepCache` and `Executor`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from flyball.core.ids import Digest
from flyball.pipelines.errors import StepFailedError, StepTimeoutError
from flyball.pipelines.executor import Executor, Work
from flyball.pipelines.model import Manifest, StepTask
from flyball.pipelines.store import StepCache
from flyball.testing.suite import Suite

_KEY, _OTHER = Digest("a" * 64), Digest("b" * 64)


def _manifest(rows: int = 1) -> Manifest:
    return Manifest(step="train", outputs={"model.bin": Digest("c" * 64)}, summary={"rows": rows, "é": [None, 0.1, True]})


class StepCacheSuite(Suite):
    """Under a key there is one manifest, the first that was committed."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[StepCache]:
        """A handle on the cache at `place`, as another process would have it."""

    def test_what_was_committed_is_found_as_it_was(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as cache, self.open(tmp_path) as other:
            assert cache.commit(_KEY, _manifest()) == _manifest()
            assert other.find(_KEY) == _manifest()

    def test_nothing_is_found_under_another_key(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as cache:
            cache.commit(_KEY, _manifest())
            assert cache.find(_OTHER) is None

    def test_the_first_commit_is_kept(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as cache:
            cache.commit(_KEY, _manifest(1))
            assert cache.commit(_KEY, _manifest(2)) == _manifest(1)
            assert cache.find(_KEY) == _manifest(1)

    def test_of_many_commits_all_see_one(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as cache, ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(lambda rows: cache.commit(_KEY, _manifest(rows)), range(16)))
            assert all(found == cache.find(_KEY) for found in kept)


def answer(task: StepTask) -> dict[str, Any]:
    """Print, read, write, and say what was given."""
    print("to the log")  # noqa: T201 - what is printed is what is tried
    task.output("copy").write_bytes(task.inputs["text"].read_bytes() * 2)
    return {"given": task.parameters, "where": task.context}


def fail(task: StepTask) -> dict[str, Any]:
    """Raise what the parameters name."""
    raise {"ValueError": ValueError, "SystemExit": SystemExit, "MemoryError": MemoryError}[task.parameters["kind"]]("on purpose")


def nothing(task: StepTask) -> None:
    """Return what is no summary."""
    del task


def die(task: StepTask) -> None:
    """End the interpreter: by exit, or by a fault in compiled code."""
    if task.parameters["kind"] == "exit":
        os._exit(3)
    ctypes.string_at(0)


def killed(task: StepTask) -> dict[str, Any]:
    """Be killed, as from outside, so often as the parameters say; then succeed."""
    calls = task.inputs["text"].parent / "calls"
    with calls.open("ab") as written:
        written.write(b"x")
    if calls.stat().st_size <= task.parameters["times"]:
        task.output("half").write_text("written")
        os.kill(os.getpid(), signal.SIGKILL)
    task.output("whole").write_text("written")
    return {"calls": calls.stat().st_size}


def hang(task: StepTask) -> None:
    """Never end."""
    del task
    while True:
        time.sleep(3600)


class ExecutorSuite(Suite):
    """Whatever the function does, the caller gets an answer."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Executor]:
        """A fresh executor."""

    def work(self, place: Path, function: str, **parameters: Any) -> Work:
        """Work on one of this module's functions."""
        (place / "outputs").mkdir(exist_ok=True)
        (place / "text").write_text("content")
        return Work(
            step="tried", function=f"{__name__}:{function}", parameters=parameters, context={"project": "x"},
            inputs={"text": str(place / "text")}, outputs=str(place / "outputs"), log=str(place / "log.txt"),
        )  # fmt: skip

    def test_the_summary_comes_back(self, tmp_path: Path) -> None:
        with self.open() as executor:
            found = executor.execute(self.work(tmp_path, "answer", a=[1, "é", None]))
        assert found == {"given": {"a": [1, "é", None]}, "where": {"project": "x"}}
        assert (tmp_path / "outputs" / "copy").read_text() == "contentcontent"

    def test_what_is_printed_goes_to_the_log(self, tmp_path: Path) -> None:
        with self.open() as executor:
            executor.execute(self.work(tmp_path, "answer"))
        assert (tmp_path / "log.txt").read_text() == "to the log\n"

    def test_what_it_raises_is_told_with_its_traceback(self, tmp_path: Path) -> None:
        with self.open() as executor:
            for kind in ("ValueError", "SystemExit", "MemoryError"):
                with pytest.raises(StepFailedError, match=f"{kind}: on purpose") as caught:
                    executor.execute(self.work(tmp_path, "fail", kind=kind))
                assert caught.value.kind == kind
                assert "in fail" in caught.value.detail

    def test_no_summary_is_a_failure(self, tmp_path: Path) -> None:
        with self.open() as executor, pytest.raises(StepFailedError, match="must return a JSON object, not NoneType"):
            executor.execute(self.work(tmp_path, "nothing"))

    def test_an_unknown_function_is_named(self, tmp_path: Path) -> None:
        with self.open() as executor, pytest.raises(StepFailedError, match="has no function 'nowhere'"):
            executor.execute(self.work(tmp_path, "nowhere"))

    def test_it_goes_on_after_a_failure(self, tmp_path: Path) -> None:
        with self.open() as executor:
            with pytest.raises(StepFailedError):
                executor.execute(self.work(tmp_path, "fail", kind="ValueError"))
            assert executor.execute(self.work(tmp_path, "answer"))["given"] == {}


class ProcessExecutorSuite(ExecutorSuite):
    """No end of the function is an end of the caller."""

    def test_a_death_is_told_and_the_next_step_runs(self, tmp_path: Path) -> None:
        with self.open() as executor:
            for kind, told in (("exit", "exit code 3"), ("fault", "SIGSEGV")):
                with pytest.raises(StepFailedError, match=told):
                    executor.execute(self.work(tmp_path, "die", kind=kind))
                assert executor.execute(self.work(tmp_path, "answer"))["given"] == {}

    def test_what_was_killed_from_outside_is_run_again_from_nothing(self, tmp_path: Path) -> None:
        with self.open() as executor:
            assert executor.execute(self.work(tmp_path, "killed", times=2)) == {"calls": 3}
        assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["whole"]

    def test_what_is_killed_each_time_fails(self, tmp_path: Path) -> None:
        with self.open() as executor:
            with pytest.raises(StepFailedError, match=r"SIGKILL\. Out of memory"):
                executor.execute(self.work(tmp_path, "killed", times=1_000))
            assert executor.execute(self.work(tmp_path, "answer"))["given"] == {}
        assert (tmp_path / "calls").stat().st_size < 10

    def test_what_never_ends_is_ended(self, tmp_path: Path) -> None:
        with self.open() as executor:
            with pytest.raises(StepTimeoutError, match="ran longer than"):
                executor.execute(self.work(tmp_path, "hang"), timeout_seconds=0.2)
            assert executor.execute(self.work(tmp_path, "answer"))["given"] == {}

    def test_our_stdout_stays_ours(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        with self.open() as executor:
            executor.execute(self.work(tmp_path, "answer"))
        sys.stdout.flush()
        assert capfd.readouterr().out == ""
