"""`make install`: done once, instant the second time, clean after an interruption, and plain about what is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import install


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """A checkout whose environment stands, made from what lies beside it."""
    shutil.copy(repository / "requirements.lock", tmp_path)
    shutil.copy(repository / "pyproject.toml", tmp_path)
    shutil.copy(repository / "Makefile", tmp_path)
    shutil.copytree(repository / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    environment = install.Environment(tmp_path)
    (tmp_path / ".venv/.made-from.json").write_text(json.dumps(environment.wanted()))
    return tmp_path


def test_finished_environment_is_left_alone(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in (checkout / ".venv").rglob("*"))
    install.Environment(checkout).make()
    assert "up to date" in capsys.readouterr().out
    assert sorted(path.name for path in (checkout / ".venv").rglob("*")) == before


@pytest.mark.parametrize(("name", "part"), [("requirements.lock", "lock"), ("pyproject.toml", "project")])
def test_change_is_noticed(checkout: Path, name: str, part: str) -> None:
    with (checkout / name).open("a") as file:
        file.write("\n# changed\n")
    environment = install.Environment(checkout)
    assert environment.usable()
    assert {key for key, value in environment.wanted().items() if environment.found()[key] != value} == {part}


def test_interrupted_environment_is_not_built_on(checkout: Path) -> None:
    (checkout / ".venv/.unfinished").touch()
    assert not install.Environment(checkout).usable()


def test_environment_without_its_python_is_not_built_on(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()
    assert not install.Environment(checkout).usable()


def test_moved_environment_is_not_built_on(checkout: Path) -> None:
    stamp = checkout / ".venv/.made-from.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "place": "elsewhere"}))
    assert not install.Environment(checkout).usable()


def test_half_written_stamp_is_none(checkout: Path) -> None:
    (checkout / ".venv/.made-from.json").write_text('{"lock": ')
    assert install.Environment(checkout).found() == {}


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_other_pythons_are_refused(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(install.InstallError, match=r"needs 3\.11, 3\.12 or 3\.13"):
        install.check_python()


def test_missing_venv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(install.InstallError, match="apt install python3-venv"):
        install.check_python()


def test_missing_python_is_named(repository: Path, tmp_path: Path) -> None:
    for name in ("make", "sh", "test", "echo", "uname"):
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        [shutil.which("make") or "make", "install"],
        cwd=repository,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no Python 3.11, 3.12 or 3.13 found" in done.stderr


def test_second_make_install_is_instant_and_needs_no_network(checkout: Path) -> None:
    done = subprocess.run(
        ["make", "install"], cwd=checkout, env={**os.environ, "PIP_NO_INDEX": "1"}, capture_output=True, text=True, check=True, timeout=20
    )
    assert "up to date" in done.stdout
