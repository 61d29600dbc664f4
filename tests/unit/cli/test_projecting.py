"""Which project file a command means: the named one, or the only one where it stands; no file is run to find out."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.cli.projecting import PROJECT, ProjectNotFoundError, SeveralProjectsError, find_project_file

MINE = "import flyball as fb\nproject = fb.Project('mine', datasets=[])\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.resolve()


def test_the_only_file_that_declares_a_project_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = write(tmp_path / "mine.py", MINE)
    write(tmp_path / "bomb.py", "raise SystemExit('nobody runs this: Project()')  # fb.Project(\n")
    write(tmp_path / "broken.py", "fb.Project(\n")
    write(tmp_path / "words.py", "TEXT = 'fb.Project(1)'\n")
    (tmp_path / "binary.py").write_bytes(b"\0fb.Project(\xff")
    monkeypatch.chdir(tmp_path)
    assert find_project_file(None, None) == mine


def test_a_named_file_goes_before_what_lies_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine.py", MINE)
    monkeypatch.chdir(tmp_path)
    assert find_project_file(Path("other.py"), None) == (tmp_path / "other.py").resolve()
    monkeypatch.setenv(PROJECT, "third.py")
    assert find_project_file(None, None) == (tmp_path / "third.py").resolve()


def test_below_a_home_and_with_its_name_the_file_beside_it_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = write(tmp_path / "p" / "mine.py", MINE)
    (tmp_path / "p" / ".flyball").mkdir()
    (tmp_path / "p" / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "p" / "deep" / "er")
    assert find_project_file(None, None) == mine
    monkeypatch.chdir(tmp_path)
    assert find_project_file(None, tmp_path / "p" / ".flyball") == mine


def test_none_and_several_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectNotFoundError, match="--project"):
        find_project_file(None, None)
    for name in ("a.py", "b.py"):
        write(tmp_path / name, MINE)
    with pytest.raises(SeveralProjectsError, match=r"a\.py, b\.py"):
        find_project_file(None, None)
