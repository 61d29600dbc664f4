"""What cannot be written is refused before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.cli.outputs import OutputFileError, check_outputs, write_whole


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OutputFileError, match=r"--html .* it is a directory"):
        check_outputs({"--json": None, "--html": tmp_path})


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputFileError, match="--json"):
        check_outputs({"--json": tmp_path / "file" / "figures.json"})
    assert (tmp_path / "file").read_text() == "mine"


def test_two_options_do_not_name_one_file(tmp_path: Path) -> None:
    with pytest.raises(OutputFileError, match="--json names the same file"):
        check_outputs({"--json": tmp_path / "x", "--html": tmp_path / "." / "x"})


def test_a_check_leaves_nothing_and_a_write_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    check_outputs({"--html": path})
    assert list(path.parent.iterdir()) == []
    write_whole(path, "é")
    assert path.read_text(encoding="utf-8") == "é"
    assert list(path.parent.iterdir()) == [path]
