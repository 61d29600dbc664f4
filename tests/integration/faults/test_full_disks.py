"""A disk that is full at any moment of a backtest: exit 5, and once there is room the run continues to the same bytes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flyball.core.canonical import digest_bytes
from flyball.core.errors import UnavailableError
from flyball.core.ids import Digest
from flyball.pipelines import ProcessExecutor, Step, StepRunner
from flyball.pipelines._sqlstore import SqlStepCache
from flyball.pipelines.errors import StepFailedError
from flyball.storage._localblobs import LocalBlobs
from flyball.storage.database import Database
from flyball.storage.errors import DiskFullError

# In a mount namespace of its own: a small disk at the home, a run on it, room made, and a second run.
SMALL_DISK = """
mount -t tmpfs -o size="$1" none "$2" || exit 99
shift
home=$1
shift
"$@" 2>"$home.first"
echo "first $?"
mount -o remount,size=200m none "$home" || exit 99
"$@" 2>"$home.second"
echo "second $?"
"""


def in_namespace(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `script` where it may mount; skips where the machine does not grant that."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "--mount", "--map-root-user", "sh", "-c"]
    if unshare is None or subprocess.run([*command, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode:
        pytest.skip("a disk of one's own needs a mount namespace, which this machine does not grant; the injected faults still run")
    return subprocess.run([*command, script, "sh", *words], capture_output=True, text=True, check=False, timeout=200)


@pytest.mark.parametrize("size", ["200k", "1200k", "1800k"])
def test_a_run_on_a_full_disk_ends_with_5_and_continues_when_there_is_room(fresh: Callable[..., Any], made: Any, size: str) -> None:
    place = fresh()
    place.home.mkdir()
    done = in_namespace(SMALL_DISK, size, str(place.home), *place.command("backtest"))
    first, second = (Path(f"{place.home}.{name}").read_text(encoding="utf-8") for name in ("first", "second"))
    assert done.stdout.splitlines()[-1] == "second 0", second
    assert "first 5" in done.stdout, done.stdout + first
    assert "Traceback" not in first
    assert "Disk full at" in first.splitlines()[-1]
    assert place.figures() == made.figures()


def without_room(task: Any) -> dict[str, Any]:
    """A step's function that meets a full disk, in a library that says so in words of its own."""
    del task
    message = "cannot be saved"
    raise RuntimeError(message) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.bin")


def test_a_step_without_room_is_no_failure_of_the_step(tmp_path: Path) -> None:
    database, executor = Database.open(tmp_path / "home.db"), ProcessExecutor({"PYTHONPATH": str(Path(__file__).parent)})
    runner = StepRunner(
        SqlStepCache(database),
        LocalBlobs(tmp_path / "blobs"),
        executor=executor,
        fingerprint=lambda name: Digest(digest_bytes(name.encode())),
        scratch=tmp_path / "scratch",
    )
    step = Step(name="train", function="test_full_disks:without_room")
    with pytest.raises(DiskFullError, match="Disk full at"):
        runner.run(step)
    assert runner.find(step) is None
    with pytest.raises(StepFailedError, match="has no function"):
        runner.run(Step(name="train", function="test_full_disks:nothing"))
    executor.close()
    database.close()


def test_scratch_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flyball.storage import scratch

    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    place = scratch.Scratch(tmp_path)
    monkeypatch.setattr("flyball.storage.scratch.tempfile.mkdtemp", full)  # the operating system's answer, not ours
    with pytest.raises(UnavailableError, match="Disk full"), place.directory():
        pass


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99
shift
"$@"
"""


def test_a_read_only_home_is_told(place: Any) -> None:
    done = in_namespace(READ_ONLY, str(place.home), *place.command("backtest"))
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert "read-only" in done.stderr.splitlines()[-1]


def test_a_home_where_a_file_lies_is_told(place: Any) -> None:
    shutil.rmtree(place.home)
    place.home.write_text("in the way", encoding="utf-8")
    place.refuses(2, str(place.home), "is a file")
