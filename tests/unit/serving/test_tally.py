"""Counts that stand beside a journal until that tells of them: whole after any cut, and nothing where nothing was lost."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from flyball.serving.tally import NAMES, Losing, Tally


def lost(rows: int, endpoint: str = "late") -> Losing:
    return Losing(endpoint=endpoint, how="shed", rows=rows, start=1, end=2, why="no room")


def test_nothing_is_written_before_anything_is_lost(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    assert tally.find(7) == []
    tally.close()
    assert list(tmp_path.iterdir()) == []


def test_a_successor_finds_what_was_set_last(tmp_path: Path) -> None:
    for rows in range(1, 6):
        tally = Tally(tmp_path)
        assert [found.rows for found in tally.find(0)] == ([rows - 1] if rows > 1 else [])
        tally.set([lost(1000)])
        tally.set([lost(rows)])
        tally.close()
    many = [lost(number, "é" * 100 + str(number)) for number in range(1000)]
    tally = Tally(tmp_path)
    tally.find(0)
    tally.set(many)
    assert Tally(tmp_path).find(0) == many
    tally.set([])
    tally.close()
    assert Tally(tmp_path).find(0) == []


def test_what_was_about_to_be_told_was_told_where_the_journal_has_the_position(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    tally.set([lost(3)], telling=8)
    tally.close()
    assert Tally(tmp_path).find(7) == [lost(3)]
    assert Tally(tmp_path).find(8) == Tally(tmp_path).find(20) == []


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "gone"])
def test_a_write_that_is_not_whole_leaves_the_one_before(tmp_path: Path, harm: str) -> None:
    tally = Tally(tmp_path)
    tally.set([lost(1)])
    tally.set([lost(2)])
    tally.close()
    last = tmp_path / NAMES[0]  # the second write
    data = last.read_bytes()
    if harm == "gone":
        last.unlink()
    else:
        last.write_bytes({"cut": data[:20], "changed": data[:18] + b"\xff" + data[19:], "empty": b""}[harm])
    assert Tally(tmp_path).find(0) == [lost(1)]


def test_without_a_place_it_is_said_once_and_nothing_else_happens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally(tmp_path / "gone")
    with caplog.at_level(logging.WARNING):
        tally.set([lost(1)])
        tally.set([lost(2)])
    tally.close()
    assert len(caplog.records) == 1
