"""A small project of real flights: one airport, two months, trained after three weeks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/flights"
SMALLER = {
    'history="59d"': 'history="21d", holdout="7d", cool_down="5d"',
    "trials=8": "trials=2",
    'fb.every("90d")': 'fb.every("10d")',
}


@pytest.fixture(scope="session")
def small_flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project file; its data lie beside it."""
    folder = tmp_path_factory.mktemp("small") / "flights"
    folder.mkdir()
    prepare = [sys.executable, str(EXAMPLE / "prepare.py"), "--into", str(folder / "data"), "--airport", "JFK", "--months", "1-2"]
    subprocess.run(prepare, check=True, capture_output=True)
    text = (EXAMPLE / "flights.py").read_text(encoding="utf-8")
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "flights.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def start_backtest() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts ``flyball backtest`` as a process group of its own."""

    def start(project: Path, home: Path, *, result: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flyball", "backtest", str(project), "--home", str(home), "--json", str(result)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    return start
