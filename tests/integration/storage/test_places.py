"""A home may lie in a folder of any name."""

from __future__ import annotations

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
