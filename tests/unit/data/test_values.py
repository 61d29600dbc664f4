"""A column's type is the narrowest that its cells have, and a cell that has no value of it is null."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from flyball.data.values import ColumnType, as_type, infer_type


def value(cell: object, wanted: ColumnType) -> Any:
    frame = pl.DataFrame({"cell": [cell]})
    return frame.select(as_type(pl.col("cell"), frame.schema["cell"], wanted=wanted)).item()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3"], ColumnType.INTEGER),
        (["1.0", "2"], ColumnType.INTEGER),
        (["1.5", "2"], ColumnType.NUMBER),
        (["1e-3"], ColumnType.NUMBER),
        (["007"], ColumnType.TEXT),
        (["0", "0.5"], ColumnType.NUMBER),
        (["12345678901234567890"], ColumnType.TEXT),
        (["true", "False", "T"], ColumnType.BOOLEAN),
        (["2013-01-31"], ColumnType.DATE),
        (["2013-01-31", "2013-01-31T01:00"], ColumnType.TIME),
        (["2013-01-31 01:00:00.5+02:00"], ColumnType.TIME),
        (["2013-02-31"], ColumnType.TEXT),
        (["a", "1"], ColumnType.TEXT),
        ([None, None], None),
        ([], None),
    ],
)
def test_the_narrowest_type_that_all_cells_have(cells: list[str | None], kind: ColumnType | None) -> None:
    assert infer_type(pl.Series(cells, dtype=pl.String), exactly=True) is kind


def test_one_cell_in_a_hundred_does_not_decide_but_two_do() -> None:
    cells = [str(n) for n in range(1, 100)]
    assert infer_type(pl.Series([*cells, "oops"]), exactly=False) is ColumnType.INTEGER
    assert infer_type(pl.Series([*cells, "oops"]), exactly=True) is ColumnType.TEXT
    assert infer_type(pl.Series([*cells, "oops", "oops"]), exactly=False) is ColumnType.TEXT


@pytest.mark.parametrize(
    ("cell", "wanted", "expected"),
    [
        (" 12 ", ColumnType.INTEGER, 12),
        ("12.0", ColumnType.INTEGER, 12),
        ("12.5", ColumnType.INTEGER, None),
        ("9007199254740993", ColumnType.INTEGER, 9007199254740993),
        ("1e400", ColumnType.NUMBER, None),
        ("inf", ColumnType.NUMBER, None),
        ("x", ColumnType.NUMBER, None),
        (12.5, ColumnType.INTEGER, None),
        (12.0, ColumnType.INTEGER, 12),
        (3, ColumnType.NUMBER, 3.0),
        (3, ColumnType.TEXT, "3"),
        (True, ColumnType.NUMBER, 1.0),
        (1, ColumnType.BOOLEAN, True),
        (2, ColumnType.BOOLEAN, None),
        ("YES", ColumnType.BOOLEAN, True),
        ("maybe", ColumnType.BOOLEAN, None),
        (1, ColumnType.TIME, None),
        ("2013-07-01T12:00:00-04:00", ColumnType.TIME, datetime(2013, 7, 1, 16, tzinfo=UTC)),
        ("2013-07-01 12:00", ColumnType.TIME, datetime(2013, 7, 1, 12, tzinfo=UTC)),
        ("2013-07-01 12:00:00 UTC", ColumnType.TIME, datetime(2013, 7, 1, 12, tzinfo=UTC)),
        ("2013-07-01", ColumnType.TIME, datetime(2013, 7, 1, tzinfo=UTC)),
        (date(2013, 7, 1), ColumnType.TIME, datetime(2013, 7, 1, tzinfo=UTC)),
        ("2013-07-01T23:00Z", ColumnType.DATE, date(2013, 7, 1)),
        ("01/07/2013", ColumnType.TIME, None),
    ],
)
def test_a_cell_has_the_value_of_its_type_or_none(cell: object, wanted: ColumnType, expected: object) -> None:
    assert value(cell, wanted) == expected
