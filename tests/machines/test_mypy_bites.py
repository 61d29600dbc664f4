"""mypy, as configured here, is strict, and no tree of the repository stands outside."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from mypy import api

FORGOTTEN = """
from typing import Literal, assert_never

def f(x: Literal["a", "b"]) -> int:
    match x:
        case "a":
            return 1
    assert_never(x)
"""
BREAKS = {
    "a function without types": ("no-untyped-def", "def f(x):\n    return x\n"),
    "the wrong type": ("assignment", 'x: int = "1"\n'),
    "a list of nobody knows what": ("type-arg", "def f(x: list) -> None: ...\n"),
    "a word that flyball has not": ("attr-defined", "import flyball as fb\nx = fb.Modle\n"),
    "a wrong argument to flyball": ("arg-type", "import flyball as fb\nx = fb.every(90)\n"),
    "a suppression without code": ("ignore-without-code", 'x: int = "1"  # type: ignore\n'),
    "a suppression without need": ("unused-ignore", "x: int = 1  # type: ignore[assignment]\n"),
    "a name that may not be there": ("possibly-undefined", "def f(b: bool) -> int:\n    if b:\n        x = 1\n    return x\n"),
    "code that cannot be reached": ("unreachable", "def f() -> int:\n    return 1\n    return 2\n"),
    "a state forgotten": ("arg-type", FORGOTTEN),
}


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> str:
    """What mypy says of all breaks, one module each, in one run."""
    directory = tmp_path_factory.mktemp("broken")
    for number, (_, source) in enumerate(BREAKS.values()):
        (directory / f"break_{number}.py").write_text(source)
    (directory / "clean.py").write_text("x: int = 1\n")
    out, err, code = api.run([
        "--config-file", str(repository / "pyproject.toml"), "--cache-dir", str(repository / ".mypy_cache"), str(directory),
    ])  # fmt: skip
    assert code == 1, err
    return out


@pytest.mark.parametrize("name", BREAKS)
def test_break_is_caught(verdict: str, name: str) -> None:
    number, code = list(BREAKS).index(name), BREAKS[name][0]
    lines = [line for line in verdict.splitlines() if f"break_{number}.py" in line]
    assert [line for line in lines if f"[{code}]" in line], lines


def test_clean_module_passes(verdict: str) -> None:
    assert "clean.py" not in verdict


def test_tests_are_typed_too(repository: Path) -> None:
    settings = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert {"src", "tests", "bench", "examples", "tools"} <= set(settings["files"])
    assert "overrides" not in settings
    assert settings["exclude"] == ["^tests/clients/"]  # run by the stock clients' environments, whose packages ours has not
