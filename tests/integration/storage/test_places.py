"""A home may lie in a folder of any name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import polars as pl
import pytest

from flyball.storage._delta import DeltaTables


@pytest.mark.parametrize("name", ["with space", "a%20b", "a%2Fb", 'it\'s "quoted"; what?#&$d', "100%", "München 飛行 ✈"])
def test_a_table_is_read_wherever_it_lies(tmp_path: Path, name: str) -> None:
    tables = DeltaTables(tmp_path / name)
    for number in range(3):
        assert tables.append("t", pl.DataFrame({"number": [number]}), job=f"j{number}") == number
    assert sorted(tables.read("t").collect()["number"]) == [0, 1, 2]
    assert sorted(tables.read("t", version=1).collect()["number"]) == [0, 1]
    found = tables.find_commit("t", "j1")
    assert found is not None
    assert found.version == 1


@pytest.mark.parametrize("name", ["with space", "a%20b", "a%2Fb", "100%", "München 飛行 ✈", 'it\'s "quoted"; what?#&$d'])
def test_a_long_log_is_read_wherever_it_lies(tmp_path: Path, name: str) -> None:
    tables = DeltaTables(tmp_path / name)
    for number in range(101):
        tables.append_next("t", pl.DataFrame({"number": [number]}), stream="s", position=number + 1)
    kept = (tmp_path / name / "t" / "_delta_log" / f"{99:020}.checkpoint.parquet").exists()
    assert kept is not ("%20" in name or "%2F" in name), "the library, which writes them, takes that for another folder"
    again = DeltaTables(tmp_path / name)
    assert (again.position("t", "s"), again.read("t").collect().height) == (101, 101)


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)  # the operating system's answer, not ours
    tables, other = DeltaTables(tmp_path), DeltaTables(tmp_path)
    assert [store.append("t", pl.DataFrame({"number": [1]}), job=job) for job, store in (("a", tables), ("b", other), ("a", other))] == [
        0,
        1,
        0,
    ]
    assert DeltaTables(tmp_path).read("t").collect().height == 2
