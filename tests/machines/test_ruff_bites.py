"""ruff, as configured here, finds a deliberate break of each habit that it is trusted with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = '"""Why it exists."""\n\n'
BREAKS = {
    "the wall clock read directly": ("TID251", "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n"),
    "real time read directly": ("TID251", "import time\n\nNOW = time.monotonic()\n"),
    "ids made directly": ("TID251", "import uuid\n\nID = uuid.uuid4()\n"),
    "chance without a seed": ("TID251", "import random\n\nX = random.random()\n"),
    "a mock": ("TID251", "from unittest import mock\n\nX = mock.Mock()\n"),
    "a naive time": ("DTZ001", "from datetime import datetime\n\nX = datetime(2013, 1, 1)\n"),
    "a broad except": ("BLE001", "try:\n    X = 1\nexcept Exception:\n    X = 2\n"),
    "a bare except": ("E722", "try:\n    X = 1\nexcept:\n    X = 2\n"),
    "an error without its cause": ("B904", 'try:\n    X = 1\nexcept ValueError:\n    raise TypeError("x")\n'),
    "a public function without a law": ("D103", "def f() -> None:\n    pass\n"),
    "a public class without a law": ("D101", "class C:\n    pass\n"),
    "a flag argument": ("FBT001", 'def f(flag: bool) -> bool:\n    """Law."""\n    return flag\n'),
    "a print": ("T201", 'print("x")\n'),
    "commented-out code": ("ERA001", "X = 1\n# Y = X + 1\n"),
    "work left for later": ("FIX002", f"X = 1  # {'todo'.upper()}: more\n"),
    "a relative import": ("TID252", "from . import x\n\nX = x\n"),
    "a shell": ("S602", 'import subprocess\n\nsubprocess.run("ls", shell=True, check=True)\n'),
    "unpickling": ("S301", 'import pickle\n\nX = pickle.loads(b"")\n'),
    "an unused suppression": ("RUF100", "X = 1  # noqa: E501  no reason at all\n"),
    "a line too long": ("E501", f"X = {'1' * 140}\n"),
}


def ruff(repository: Path, *arguments: str, source: str) -> subprocess.CompletedProcess[str]:
    """The linter's verdict on `source`, as if it stood in the package."""
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", "src/flyball/core/sample.py", "-"]
    return subprocess.run(command, cwd=repository, input=source, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("code", "source"), BREAKS.values(), ids=BREAKS)
def test_break_is_caught(repository: Path, code: str, source: str) -> None:
    done = ruff(repository, "check", "--output-format=concise", source=HEAD + source)
    assert done.returncode == 1, done.stderr
    assert f" {code} " in done.stdout


def test_clean_module_passes(repository: Path) -> None:
    source = f"{HEAD}X = 1\n"
    assert ruff(repository, "check", source=source).returncode == 0
    assert ruff(repository, "format", "--check", source=source).returncode == 0


def test_another_form_is_caught(repository: Path) -> None:
    assert ruff(repository, "format", "--check", source=f"{HEAD}X=  {{'a' :1}}\n").returncode == 1


def test_every_ignore_has_its_reason(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text()
    section = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.pydocstyle]")[0]
    bare = [
        line for line in section.splitlines() if line.strip().startswith('"') and line.rstrip().endswith(("]", ",")) and "#" not in line
    ]
    assert bare == []
