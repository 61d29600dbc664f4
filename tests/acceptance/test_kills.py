"""Killed at any moment, a backtest that is run again continues and comes to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flyball.core.rand import SeededRandom

KILLS = 50
Start = Callable[..., subprocess.Popen[bytes]]


def figures(path: Path) -> bytes:
    """The result without its timings."""
    found = json.loads(path.read_bytes())
    del found["timings"]
    return json.dumps(found, sort_keys=True).encode()


def finish(process: subprocess.Popen[bytes]) -> None:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, (out + err).decode()


@pytest.mark.timeout(900)
def test_fifty_kills_change_no_byte(small_flights: Path, tmp_path: Path, start_backtest: Start) -> None:
    honest, result, home = tmp_path / "honest.json", tmp_path / "killed.json", tmp_path / "killed"
    finish(start_backtest(small_flights, tmp_path / "undisturbed", result=honest))
    draws, kills, rounds = SeededRandom(20131201), 0, 0
    while kills < KILLS:
        process = start_backtest(small_flights, home, result=result)
        try:
            # Early moments are likelier: that is where files are read and tables written, before the first step is kept.
            process.communicate(timeout=0.3 + 7 * draws.uniform("kill", str(kills + rounds)) ** 2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0
        assert figures(result) == figures(honest)
        rounds += 1
        shutil.rmtree(home)  # all steps are kept by now: begin again, or the kills would find nothing under way
    finish(start_backtest(small_flights, home, result=result))
    assert figures(result) == figures(honest)
    assert json.loads(result.read_bytes())["policies"][2]["retrains"] >= 2
