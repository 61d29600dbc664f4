"""Reading a project file: whatever is wrong with it becomes one sentence with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flyball.loop.errors import ProjectFileError
from flyball.loop.projectfile import load_project

GOOD = """
import polars as pl
from flyball.data import Dataset, files, label
from flyball.loop.model import Model, Project

rows = Dataset("rows", files("rows.csv"), key="id", event_time="at")
ends = Dataset("ends", files("ends.csv"), key="id", event_time="at")
model = Model("late", rows=rows, label=label(ends, pl.col("x") > 1), features=[rows["size"]], train=print, history="10d")
project = Project("demo", models=[model])
"""


def _write(folder: Path, text: str, *, name: str = "project.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_gives_its_project_and_leaves_the_import_path_alone(tmp_path: Path) -> None:
    before = list(sys.path)
    project = load_project(_write(tmp_path, GOOD))
    assert project.name == "demo"
    assert project.models[0].serves_at == "late"
    assert sys.path == before


def test_a_helper_beside_the_file_can_be_imported(tmp_path: Path) -> None:
    _write(tmp_path, "LEAD = '1h'\n", name="helper_of_the_test.py")
    project = load_project(_write(tmp_path, "import helper_of_the_test\n" + GOOD))
    assert project.get("late").lead == "0s"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x = (\n", 1, "syntax error"),
        ("import polars\nimport no_such_module_here\n", 2, "No module named 'no_such_module_here'"),
        ("from flyball.data import Datasett\n", 1, "import error"),
        ("a = 1\nb = 2\nraise RuntimeError('mine')\n", 3, "RuntimeError: mine"),
        (GOOD.replace('"10d"', '"ten days"'), 8, "'ten days' is not a duration"),
        (GOOD.replace('history="10d"', 'histroy="10d"'), 8, "histroy"),
        (GOOD.replace('features=[rows["size"]]', "features=[]"), 8, "`features` is empty"),
        (GOOD.replace('Model("late"', 'Model("Late arrival"'), 8, "a name is 1 to 63"),
        (GOOD.replace("models=[model]", "models=[model, model]"), 9, "two models are named 'late'"),
        (GOOD.replace("models=[model]", "models=[]"), 9, "it has no models"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(ProjectFileError, match=r"project\.py") as caught:
        load_project(path)
    assert words in str(caught.value)
    assert caught.value.line == line


@pytest.mark.parametrize(("text", "words"), [("x = 1\n", "no project"), (GOOD + "other = Project('b', models=[model])\n", "2 projects")])
def test_a_file_declares_exactly_one_project(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ProjectFileError, match=words):
        load_project(_write(tmp_path, text))


def test_a_missing_file_is_told_with_the_near_name(tmp_path: Path) -> None:
    _write(tmp_path, GOOD, name="flights.py")
    with pytest.raises(ProjectFileError, match=r"Did you mean 'flights.py'"):
        load_project(tmp_path / "flight.py")


def test_an_unknown_model_is_told_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Did you mean 'late'"):
        load_project(_write(tmp_path, GOOD)).get("latte")
