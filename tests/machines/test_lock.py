"""The lock: every requirement pinned and hashed, no address in it, nothing that the project does not ask for, no licence we refuse."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.install import blocks

PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==[0-9][^\s;]*(?: ; [^\\\n]+?)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+")
REFUSED = re.compile(r"\b(?:AGPL|Affero|BSL|BUSL|Business Source|SSPL|Server Side Public)\b", re.IGNORECASE)


@pytest.fixture
def locked(repository: Path) -> list[str]:
    """The requirements of the lock, each with its hashes."""
    return blocks((repository / "requirements.lock").read_text())


def names(locked: list[str]) -> set[str]:
    """Their names, normalised."""
    return {re.split(r"[=\s;]", block, maxsplit=1)[0] for block in locked}


def test_every_requirement_is_pinned_and_hashed(locked: list[str]) -> None:
    assert [block for block in locked if not PINNED.fullmatch(block)] == []
    assert len(locked) > 40


def test_nothing_else_stands_in_it(repository: Path, locked: list[str]) -> None:
    text = (repository / "requirements.lock").read_text()
    rest = [line for line in text.splitlines() if line and not line.startswith("#") and not any(line in block for block in locked)]
    assert rest == []
    assert not re.search(r"https?:|index|--find-links|file:", text)


def test_it_holds_what_the_project_asks_for(repository: Path, locked: list[str]) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    asked = [Requirement(line) for lines in [project["dependencies"], *project["optional-dependencies"].values()] for line in lines]
    # What stands for xgboost here has no libraries of graphics cards; MLflow's client and PyTorch have environments of their own.
    elsewhere = {"flyball", "xgboost", "mlflow-skinny", "torch"}
    assert {re.sub(r"[-_.]+", "-", requirement.name.lower()) for requirement in asked} - elsewhere <= names(locked)
    assert "xgboost-cpu" in names(locked)


def test_it_holds_nothing_that_drags_pandas(locked: list[str]) -> None:
    assert names(locked) & {"pandas", "pyarrow", "torch"} == set()


def test_no_licence_that_we_refuse(locked: list[str]) -> None:
    for name in sorted(names(locked)):
        try:
            metadata = distribution(name).metadata
        except PackageNotFoundError:  # of another Python or system
            continue
        licence = (metadata["License"] or "")[:200]  # some put whole texts there, with those of bundled libraries
        said = " ".join([*metadata.get_all("License-Expression", []), *metadata.get_all("Classifier", []), licence])
        assert not REFUSED.search(said), name


@pytest.mark.parametrize("broken", ["numpy>=2.0", "numpy==2.4.6", "numpy==2.4.6 \\\n    --hash=md5:00"])
def test_a_loose_requirement_is_caught(broken: str) -> None:
    assert not PINNED.fullmatch(blocks(broken + "\n")[0])
