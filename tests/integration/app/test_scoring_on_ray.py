"""`flyball score --on ADDRESS`: a cluster of Ray scores; who may not use it, or was killed before, costs no row and makes none two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flyball.cli.main import app
from flyball.storage._delta import DeltaTables
from flyball.testing.serving_home import MODEL, ServingHome
from tests.integration.app.test_scoring import ROWS, check, home, rows, started

__all__ = ["home", "rows"]  # fixtures
SECONDS = 120
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"),  # Ray's own
    pytest.mark.timeout(280),
]


def test_what_a_killed_process_has_begun_a_cluster_ends(home: ServingHome, rows: Path, ray_here: str) -> None:
    job = started(home, rows)
    process = subprocess.Popen([sys.executable, "-m", "flyball.app.scoring", str(home.path), job.name, "0"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # a batch is done, and another has begun, or all are
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    command = ["score", MODEL, "--in", str(rows), "--out", "scores", "--on", ray_here, "--home", str(home.path)]
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert done.output == f"{ROWS:,} rows, scored by version 1, are in scores.\n"
        check(home)


def test_with_a_wrong_token_nothing_is_scored(home: ServingHome, rows: Path, ray_here: str) -> None:
    command = ["score", MODEL, "--in", str(rows), "--out", "scores", "--on", ray_here, "--home", str(home.path)]
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "w" * 64}
    done = subprocess.run(
        [sys.executable, "-m", "flyball", *command], capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
    assert (done.returncode, "RAY_AUTH_TOKEN" in done.stderr) == (5, True), done.stderr
    assert "Traceback" not in done.stderr
    assert DeltaTables(home.path / "tables").latest("scores") is None
