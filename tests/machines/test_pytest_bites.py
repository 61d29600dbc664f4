"""pytest, as configured here, turns red on a warning, an unknown mark, a test that passes against its own word, and a wrong docstring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BREAKS = {
    "a warning": "import warnings\n\ndef test_x():\n    warnings.warn('old', DeprecationWarning)\n",
    "a mark that nobody declared": "import pytest\n\n@pytest.mark.nonsense\ndef test_x():\n    pass\n",
    "a failure that does not come": "import pytest\n\n@pytest.mark.xfail\ndef test_x():\n    pass\n",
    "an example in a docstring": 'def f():\n    """Law.\n\n    >>> f()\n    2\n    """\n    return 1\n',
    "a file left open": "def test_x():\n    open(__file__)\n",
    "a thread that dies": "from threading import Thread\n\ndef test_x():\n    t = Thread(target=lambda: 1 / 0)\n    t.start(), t.join()\n",
}


def verdict(repository: Path, directory: Path, *, source: str) -> int:
    """The exit code of pytest on one file under our configuration."""
    (directory / "test_sample.py").write_text(source)
    command = [
        sys.executable, "-m", "pytest", "-c", str(repository / "pyproject.toml"), "--rootdir", str(directory),
        "-p", "no:cacheprovider", "-p", "no:xdist", str(directory / "test_sample.py"),
    ]  # fmt: skip
    return subprocess.run(command, cwd=directory, capture_output=True, check=False).returncode


@pytest.mark.parametrize("source", BREAKS.values(), ids=BREAKS)
def test_break_is_caught(repository: Path, tmp_path: Path, source: str) -> None:
    assert verdict(repository, tmp_path, source=source) in {1, 2}


def test_good_file_passes(repository: Path, tmp_path: Path) -> None:
    assert verdict(repository, tmp_path, source="def test_x():\n    assert True\n") == 0
