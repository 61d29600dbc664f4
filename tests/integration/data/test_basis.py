"""What a contract is inferred from: the rows known in the first history, and no row that became known later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flyball.app.sources import open_source
from flyball.data import Dataset, files
from flyball.data.batch import Batch
from flyball.data.sources.port import Surroundings
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


def test_without_a_known_time_the_event_time_counts(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(LINES, encoding="utf-8")
    dataset = Dataset("sales", files("rows.csv"), key="id", event_time="at", known_after="1h")
    assert found(dataset, tmp_path).infer(timedelta(days=5)).columns["amount"].maximum == 4.5
