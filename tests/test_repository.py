"""What must stand in no file of the repository: a machine's paths, a registry's address, a secret."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

WORDS = {
    "a path of a machine": r"(?<![\w.])/(?:home|root|work|Users|private)/\w",
    "a package registry": r"pypi\.[a-z]|python" + r"hosted\.|deb\.debian\.|registry\.npm",
    "a secret": r"-----BEGIN [A-Z ]*PRIVATE|\bAKIA[0-9A-Z]{16}\b|\bgh[ps]_\w{30}|\bsk-[A-Za-z0-9]{20}",
    "work left for later": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
}


def text_files(repository: Path) -> list[Path]:
    """Every file that git tracks or would add, if it is text."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of what belongs to the repository")
    found = [repository / name for name in listed.stdout.splitlines()]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


@pytest.mark.parametrize("what", WORDS)
def test_no_file_holds(what: str, repository: Path) -> None:
    pattern = re.compile(WORDS[what])
    found = [
        f"{path.relative_to(repository)}:{number}"
        for path in text_files(repository)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of a machine", "cd /" + "home/me/flyball"),
        ("a path of a machine", '"/' + 'work/main"'),
        ("a package registry", "https://" + "pypi." + "org/simple"),
        ("a secret", "-----BEGIN RSA " + "PRIVATE KEY-----"),
        ("work left for later", "# TO" + "DO later"),
    ],
)
def test_break_is_caught(what: str, line: str) -> None:
    assert re.search(WORDS[what], line)


def test_ci_runs_what_a_person_runs(repository: Path) -> None:
    assert "make test" in (repository / ".ci/run").read_text()
