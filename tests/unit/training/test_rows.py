"""A training's material is what stands in its files, also where no gate slices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from flyball.core.duration import microseconds
from flyball.data.model import KNOWN_TIME, KNOWN_UNTIL, PREDICTION_TIME, TIME
from flyball.training.rows import Material, Rows

START = datetime(2024, 1, 1, tzinfo=UTC)


def test_without_slicing_columns_there_are_no_slices() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0]})
    rows = Rows(frame, np.zeros(2), np.arange(2), np.arange(2))
    assert Material(frame, pl.DataFrame(), ("x",)).slices(rows).is_empty()


def test_what_is_known_at_a_time_are_rows_predicted_before_it_with_the_label_of_that_time() -> None:
    def at(hours: list[int | None]) -> pl.Series:
        return pl.Series([None if hour is None else START + timedelta(hours=hour) for hour in hours], dtype=TIME)

    frame = pl.DataFrame({PREDICTION_TIME: at([0, 1, 2, 3]), "x": [0.0, 1.0, 2.0, 3.0]})
    labels = pl.DataFrame({
        "row": pl.Series([0, 0, 1, 2, 3], dtype=pl.UInt32), "label": [1.0, 0.0, 1.0, 1.0, 1.0],
        KNOWN_TIME: at([1, 2, 3, 2, 0]), KNOWN_UNTIL: at([2, None, None, None, None]),
    })  # fmt: skip
    material = Material(frame, labels, ("x",))

    def known(hour: int, since: int | None = None) -> list[tuple[int, float]]:
        first = None if since is None else microseconds(START + timedelta(hours=since))
        rows = material.known(microseconds(START + timedelta(hours=hour)), first)
        return [(int(number), float(label)) for number, label in zip(rows.number, rows.label, strict=True)]

    assert known(1) == [(0, 1.0)]
    assert known(2) == [(0, 0.0)]  # corrected at that hour; row 2 is predicted only now
    assert known(3) == [(0, 0.0), (1, 1.0), (2, 1.0)]  # row 3 has long had its label, and is predicted only now
    assert known(3, since=1) == [(1, 1.0), (2, 1.0)]
