"""What a contract is inferred from: the rows known in the first history, and no row that became known later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flyball.app.sources import open_source
from flyball.data import Dataset, files
from flyball.data.batch import Batch
from flyball.data.inferring import infer_contract
from flyball.data.sources.port import Surroundings
from flyball.data.spill import Spill
from flyball.data.values import ColumnType

LINES = "id,at,known,amount\n" + "".join(f"k{n},2024-01-{n + 1:02}T00:00Z,2024-01-{n + 1:02}T06:00Z,{n}.5\n" for n in range(20))


def found(dataset: Dataset, root: Path) -> Batch:
    scratch = root / "scratch"
    return Batch.find(dataset, open_source(dataset.source, Surroundings(root=root, scratch=scratch)), scratch=scratch)


LATE = "old,1999-01-01T00:00Z,2024-06-01T00:00Z,many\n"


@pytest.mark.parametrize("late", ["", LATE], ids=["alone", "with a row known later of an event long before"])
def test_a_row_known_later_has_no_say_however_far_back_it_reaches(tmp_path: Path, late: str) -> None:
    (tmp_path / "rows.csv").write_text(LINES + late, encoding="utf-8")
    dataset = Dataset("sales", files("rows.csv"), key="id", event_time="at", known_time="known")
    contract = found(dataset, tmp_path).infer(timedelta(days=10))
    assert contract.columns["amount"].type is ColumnType.NUMBER
    assert (contract.columns["amount"].minimum, contract.columns["amount"].maximum) == (0.5, 9.5)
    assert contract.inferred_from is not None
    assert contract.inferred_from.rows == 10


def spilled(folder: Path, frame: pl.DataFrame, *, chunk: int = 37) -> Spill:
    spill = Spill(folder, held_bytes=0)
    for part in frame.iter_slices(chunk):
        spill.add(part)
    return spill


@pytest.mark.parametrize("history", [None, timedelta(days=20)], ids=["all", "the first days"])
def test_of_many_cells_a_sample_and_a_second_look_tell_the_same(tmp_path: Path, history: timedelta | None) -> None:
    dataset = Dataset("sales", files("rows.csv"), key="id", event_time="at")
    odd = {701: "zip", 903: None}
    frame = pl.DataFrame({
        "id": [str(n) for n in range(1000)], "at": [f"2024-{1 + n // 84:02}-{1 + n // 3 % 28:02}T00:00Z" for n in range(1000)],
        "amount": [odd.get(n, f"{n}.5") for n in range(1000)], "shop": ["ab"[n % 2] for n in range(1000)],
        "note": [f"note {n}" for n in range(1000)], "code": [f"{n}" if n != 55 else "x" for n in range(1000)],
    })  # fmt: skip
    parts = {"one.csv": spilled(tmp_path / "1", frame.head(500)), "two.csv": spilled(tmp_path / "2", frame.tail(500))}
    whole = infer_contract(dataset, parts, history=history)
    sampled = infer_contract(dataset, parts, history=history, most_cells=600)
    assert sampled.columns == whole.columns
    assert sampled.inferred_from == whole.inferred_from


def test_a_key_that_the_sample_missed_makes_its_column_text(tmp_path: Path) -> None:
    dataset = Dataset("sales", files("rows.csv"), key="id", event_time="at")
    frame = pl.DataFrame({"id": ["x" if n == 501 else str(n) for n in range(1000)], "at": ["2024-01-01"] * 1000})
    found = infer_contract(dataset, {"one.csv": spilled(tmp_path, frame)}, history=None, most_cells=100)
    assert found.columns["id"].type is ColumnType.TEXT


def test_without_a_known_time_the_event_time_counts(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(LINES, encoding="utf-8")
    dataset = Dataset("sales", files("rows.csv"), key="id", event_time="at", known_after="1h")
    assert found(dataset, tmp_path).infer(timedelta(days=5)).columns["amount"].maximum == 4.5
