"""A home's tables stay quick and small by themselves."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flyball.app.tending import VACUUM_SECONDS, Tended, Tending, tend_after
from flyball.core.clock import ManualTimer
from flyball.core.errors import IntegrityError
from flyball.data.model import ARRIVAL
from flyball.storage._delta import DeltaTables
from flyball.storage.tableerrors import TableLogError


def push(tables: DeltaTables, first: int, *, count: int, table: str = "dataset.d") -> None:
    for number in range(first, first + count):
        tables.append_next(table, pl.DataFrame({"value": [-number], ARRIVAL: [number]}), stream="s", position=number + 1)


def age(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))


def test_rows_are_merged_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    tables, timer = DeltaTables(tmp_path), ManualTimer()
    tending = Tending(tables, timer)
    push(tables, 0, count=15)
    assert tending.run() == Tended(0, 0)
    push(tables, 15, count=5)
    assert tending.run() == Tended(20, 0)
    assert tables.read("dataset.d").collect()[ARRIVAL].to_list() == list(range(20))
    assert tending.run() == Tended(0, 0)


def test_what_killed_writers_left_goes_at_the_next_hour(tmp_path: Path) -> None:
    tables, timer = DeltaTables(tmp_path), ManualTimer()
    tending = Tending(tables, timer)
    push(tables, 0, count=2)
    tending.run()
    (tmp_path / "dataset.d" / "part-left.parquet").write_bytes(b"half")
    age(tmp_path)
    assert tending.run() == Tended(0, 0)
    timer.sleep(VACUUM_SECONDS)
    assert tending.run() == Tended(0, 1)
    assert tables.read("dataset.d").collect().height == 2


def test_thousands_of_small_pushes_become_few_files(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    tending = Tending(tables, ManualTimer())
    for batch in range(20):
        push(tables, 30 * batch, count=30)
        tending.run()
    found = tables.statistics("dataset.d")
    assert (found.rows, found.files < 32) == (600, True)
    assert DeltaTables(tmp_path).read("dataset.d").collect()[ARRIVAL].sort().to_list() == list(range(600))


def test_a_damaged_table_does_not_stop_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = DeltaTables(tmp_path)
    for table in ("dataset.a", "dataset.b", "dataset.c"):
        push(tables, 0, count=20, table=table)
    (tmp_path / "dataset.b" / "_delta_log" / "00000000000000000003.json").write_text("{")
    fresh = DeltaTables(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert tend_after(fresh, ["dataset.a", "dataset.b", "nothing"], keep=timedelta(hours=1)) == Tended(20, 0)
    assert "dataset.b" in caplog.text
    with pytest.raises(TableLogError, match=r"damaged at dataset\.b/_delta_log/0+3\.json"):
        fresh.read("dataset.b")
    push(fresh, 20, count=20, table="dataset.c")
    with pytest.raises(TableLogError):
        Tending(fresh, ManualTimer()).run()
    assert fresh.statistics("dataset.c").small_files == 0
    assert issubclass(TableLogError, IntegrityError)
