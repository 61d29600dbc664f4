"""A training's material is what stands in its files, also where no gate slices."""

from __future__ import annotations

import numpy as np
import polars as pl

from flyball.training.rows import Material, Rows


def test_without_slicing_columns_there_are_no_slices() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0]})
    rows = Rows(frame, np.zeros(2), np.arange(2), np.arange(2))
    assert Material(frame, pl.DataFrame(), ("x",)).slices(rows).is_empty()
