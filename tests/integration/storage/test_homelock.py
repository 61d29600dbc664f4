"""A home has one owner, who is named, and who frees it by dying."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flyball.core.clock import VirtualClock
from flyball.core.errors import HeldError
from flyball.storage._filelock import FileLock
from flyball.storage.homelock import HomeLock

_HOLD = """
import os, sys
from pathlib import Path
from flyball.storage.homelock import HomeLock
lock = HomeLock.acquire(Path(sys.argv[1]), "flyball backtest flights.py")
if sys.argv[2] == "fork" and os.fork() == 0:
    os.close(0)
    print("held", flush=True)
    os.read(int(sys.argv[3]), 1)
    os._exit(0)
if sys.argv[2] != "fork":
    print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_who_has_it_and_since_when(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2013, 1, 1, 7, 30, tzinfo=UTC))
    with HomeLock.acquire(tmp_path / "lock", "flyball up", clock=clock), pytest.raises(HeldError) as caught:
        HomeLock.acquire(tmp_path / "lock", "flyball backtest")
    assert caught.value.holder == f"flyball up (pid {os.getpid()}, since 2013-01-01T07:30:00+00:00)"
    assert str(tmp_path) in str(caught.value)


def test_released_is_free(tmp_path: Path) -> None:
    lock = HomeLock.acquire(tmp_path / "new" / "lock", "a longer command than the next one")
    lock.release()
    lock.release()
    with HomeLock.acquire(tmp_path / "new" / "lock", "short"), pytest.raises(HeldError, match=r"short \(pid"):
        HomeLock.acquire(tmp_path / "new" / "lock", "x")


def test_a_killed_owner_frees_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), "alone"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match=rf"flyball backtest flights.py \(pid {child.pid}, since 20"):
            HomeLock.acquire(path, "me")
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        HomeLock.acquire(path, "me").release()


def test_a_killed_owners_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    stay, go = os.pipe()
    command = [sys.executable, "-c", _HOLD, str(path), "fork", str(stay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[stay]) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        HomeLock.acquire(path, "me").release()
        os.close(go)
    os.close(stay)


def test_a_holder_that_has_not_written_yet_is_still_a_holder(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(HeldError, match="has just started"):
        HomeLock.acquire(tmp_path / "lock", "me")


def test_only_the_holder_writes_the_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="holder"):
        FileLock(tmp_path / "lock").write("me")
