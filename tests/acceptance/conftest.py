"""Projects of real flights, the command as a stranger types it, and what of it is still alive."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/flights"
SMALLER = {
    r'history="\w+"': 'history="21d", holdout="7d"',
    r'cool_down="\w+"': 'cool_down="5d"',
    r"trials=\d+": "trials=2",
    r'fb\.every\("\w+"\)': 'fb.every("10d")',
}


@pytest.fixture(scope="session")
def small_flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One airport, two months, first trained after three weeks: the project file; its data lie beside it."""
    folder = tmp_path_factory.mktemp("small") / "flights"
    folder.mkdir()
    prepare = [sys.executable, str(EXAMPLE / "prepare.py"), "--into", str(folder / "data"), "--airport", "JFK", "--months", "1-2"]
    subprocess.run(prepare, check=True, capture_output=True)
    text = (EXAMPLE / "flights.py").read_text(encoding="utf-8")
    for old, new in SMALLER.items():
        text, times = re.subn(old, new, text)
        assert times == 1, old
    path = folder / "flights.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def start_backtest() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts ``flyball backtest``; `mark` goes to its environment and its children's, by which `marked` finds them."""

    def start(project: Path, home: Path, *, result: Path, mark: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flyball", "backtest", str(project), "--home", str(home), "--json", str(result)]
        environment = {**os.environ, "FLYBALL_TEST_MARK": mark}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    return start


@pytest.fixture(scope="session")
def marked() -> Callable[[str], list[int]]:
    """The living processes that were started with a mark, and all that these have started."""

    def find(mark: str) -> list[int]:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _lives(entry, mark)]

    return find


def _lives(entry: Path, mark: str) -> bool:
    try:
        state = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        return state not in {"Z", "X"} and f"FLYBALL_TEST_MARK={mark}\0".encode() in (entry / "environ").read_bytes()
    except OSError:  # it has just ended, or is another person's
        return False


@pytest.fixture(scope="session")
def figures() -> Callable[[Path], bytes]:
    """The result's bytes without its timings."""

    def read(path: Path) -> bytes:
        found = json.loads(path.read_bytes())
        del found["timings"]
        return json.dumps(found, sort_keys=True).encode()

    return read
