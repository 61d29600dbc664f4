"""Each import contract turns red when it is broken in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BREAKS = {
    "a room looks up": ("core/ids.py", "import flyball.storage", "layers"),
    "a room looks aside": ("training/__init__.py", "import flyball.monitoring", "layers"),
    "a package that nobody placed": ("surprise/__init__.py", "", "layers"),
    "a backend known to its neighbour": ("loop/model.py", "import flyball.data._sqlstore", "only the composition root"),
    "a backend known to its own room": ("storage/events.py", "import flyball.storage._delta", "only the composition root"),
    "a cycle of two modules": ("core/errors.py", "import flyball.core.clock", "no cycles"),
    "a cycle hidden in a function": ("core/errors.py", "def f():\n    import flyball.core.clock", "no cycles"),
    "core leans on a library": ("core/ids.py", "import numpy", "core stands on"),
    "kernels know frames": ("kernels/arrays.py", "import polars", "kernels take arrays"),
    "the loop knows a door": ("loop/state.py", "import typer", "the loop"),
    "the console knows a store": ("console/watch.py", "import flyball.storage.events", "the console"),
    "decide reads the disk": ("loop/commands.py", "import flyball.storage.events", "decide is pure"),
}


def lint(copy: Path) -> str:
    """The verdict of import-linter on a copy of the package."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "COLUMNS": "200"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def copy(tmp_path: Path, repository: Path) -> Path:
    """The package and its contracts, to be broken."""
    shutil.copytree(repository / "src/flyball", tmp_path / "src/flyball", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("module", "line", "contract"), BREAKS.values(), ids=BREAKS)
def test_break_is_caught(copy: Path, module: str, line: str, contract: str) -> None:
    path = copy / "src/flyball" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    broken = [name for name in lint(copy).splitlines() if name.endswith("BROKEN")]
    assert [name for name in broken if name.startswith(contract)]


def test_untouched_copy_keeps_all(copy: Path) -> None:
    verdict = lint(copy)
    assert "0 broken" in verdict, verdict
