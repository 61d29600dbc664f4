"""A process that pulls a dataset from files, as `flyball ingest` does in a home: for tests that end it at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from flyball.data import Dataset, files
from flyball.testing.data_home import opened_data_home

SALES = Dataset("sales", files("data"), key="id", event_time="sold_at", known_after="1h")


def say(word: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def pull(place: Path, times: int = 1) -> None:
    """Ingest so often into the data home at `place`; says "ready" when it begins, and each version's number."""
    with opened_data_home(place) as home:
        say("ready")
        for _ in range(times):
            found = home.service.ingest(SALES, root=place / "project", history=timedelta(days=59), cause=None)
            say(str(found.number))


def start(place: Path, *, times: int = 1) -> subprocess.Popen[str]:
    """The process; its standard output is a pipe."""
    words = [sys.executable, "-m", "tests.pulls", str(place), str(times)]
    root = Path(__file__).parents[1]
    return subprocess.Popen(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    pull(Path(sys.argv[1]), int(sys.argv[2]))
