"""A home whose blobs and tables lie in a bucket: the same figures, after a sweep and without the cache; nothing is left in the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.s3 import KEY, SECRET, S3Server, serving_s3
from tests.s3front import fronting

pytestmark = pytest.mark.slow
_PATIENCE_SECONDS = 280


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "s3").mkdir()
    with serving_s3(tmp_path / "s3") as server:
        yield server


class Project:
    """A project of little data, and what is typed there."""

    def __init__(self, place: Path, small: Path, *, environment: dict[str, str]) -> None:
        self.place, self._environment = place, {**os.environ, **environment}
        shutil.copytree(small.parent, place)

    def type(self, *words: str) -> str:
        """What the command prints."""
        command = [sys.executable, "-m", "flyball", *words]
        done = subprocess.run(
            command, cwd=self.place, env=self._environment, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def backtest(self) -> dict[str, Any]:
        """The figures without how long they took."""
        self.type("backtest", "flights.py", "--policy", "never", "--json", "figures.json")
        figures: dict[str, Any] = json.loads((self.place / "figures.json").read_text())
        del figures["timings"]
        return figures


def test_a_backtest_comes_to_the_same_in_a_bucket_and_after_a_sweep(server: S3Server, small_flights: Path, tmp_path: Path) -> None:
    bucket = server.create_bucket("bucket", "team/flights")
    url = f"{bucket}?endpoint={bucket.endpoint}&region=us-east-1"
    there = {"FLYBALL_BLOBS_URL": url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    remote = Project(tmp_path / "remote", small_flights, environment=there)
    figures = remote.backtest()
    assert figures == Project(tmp_path / "local", small_flights, environment={}).backtest()
    swept = json.loads(remote.type("gc", "--grace", "0s", "--json"))
    assert swept["freed"]["blobs"] > 0, "what a backtest held in its hands"
    shutil.rmtree(remote.place / ".flyball" / "blobs")
    shutil.rmtree(remote.place / ".flyball" / "backtests")
    assert remote.backtest() == figures
    remote.type("delete", "project", "flights", "--yes")
    assert [path for path in (server.root / "bucket").rglob("*") if path.is_file()] == []
    assert not (remote.place / ".flyball").exists()


def test_rows_in_a_bucket_come_to_the_same(server: S3Server, small_flights: Path, tmp_path: Path) -> None:
    with fronting(server) as front:
        url = f"{front.create_bucket('bucket', 'team/flights')}?endpoint={front.endpoint}&region=us-east-1"
        there = {"FLYBALL_BLOBS_URL": url, "FLYBALL_TABLES_URL": url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        remote = Project(tmp_path / "remote", small_flights, environment=there)
        figures = remote.backtest()
        assert not (remote.place / ".flyball" / "tables").exists()
        assert list((server.root / "bucket" / "team" / "flights" / "tables").glob("dataset.*"))
        assert figures == Project(tmp_path / "local", small_flights, environment={}).backtest()
        remote.type("delete", "project", "flights", "--yes")
        assert [path for path in (server.root / "bucket").rglob("*") if path.is_file()] == []
