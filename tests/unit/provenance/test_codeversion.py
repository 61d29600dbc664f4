"""The code version names the commit, and tells apart every change that is not committed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from flyball.provenance import code_version, environment


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("data/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        pytest.skip("git is not installed")
    person = {f"GIT_{role}_{part}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        [program, *arguments], cwd=root, env={**os.environ, **person, **settings}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    assert code_version(repository) == f"git:{git(repository, 'rev-parse', 'HEAD')}"


def test_every_change_gives_another_version_and_undoing_it_the_old_one(repository: Path) -> None:
    clean = code_version(repository)
    (repository / "model.py").write_text("x = 2\n")
    changed = code_version(repository)
    (repository / "new.py").write_text("y = 1\n")
    added = code_version(repository)
    assert changed.startswith(f"{clean}+")
    assert len({clean, changed, added}) == 3
    (repository / "new.py").unlink()
    (repository / "model.py").write_text("x = 1\n")
    assert code_version(repository) == clean


def test_ignored_files_do_not_count(repository: Path) -> None:
    (repository / "data").mkdir()
    (repository / "data" / "rows.csv").write_text("1\n")
    assert "+" not in code_version(repository)


def test_without_git_the_sources_count_and_data_do_not(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("x = 1\n")
    before = code_version(tmp_path)
    (tmp_path / "rows.csv").write_text("1\n")
    assert code_version(tmp_path) == before
    (tmp_path / "model.py").write_text("x = 2\n")
    assert code_version(tmp_path) != before
    assert before.startswith("tree:")


def test_the_environment_names_what_is_installed() -> None:
    found = environment()
    assert found.packages["polars"]
    assert list(found.packages) == sorted(found.packages)
    assert found.digest == environment().digest
