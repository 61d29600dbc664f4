"""Weeks of rows to watch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

START = datetime(2013, 1, 3, tzinfo=UTC)  # a Thursday, where epoch-aligned weeks begin

Rows = tuple[pl.DataFrame, pl.Series]


@pytest.fixture
def weeks() -> Callable[..., Rows]:
    """Rows of whole weeks: a number, a zero-heavy number, a category and a boolean, each week a little different."""

    def make(count: int, *, seed: int = 0, rows: int = 400, shift: float = 0.0, first: int = 0) -> Rows:
        rng = np.random.default_rng(seed)
        frames, times = [], []
        for week in range(first, first + count):
            mood = rng.normal(0, 0.3)
            frames.append(
                pl.DataFrame(
                    {
                        "temp": rng.normal(mood + shift, 1, rows),
                        "rain": np.where(rng.random(rows) < 0.8, 0.0, rng.random(rows)),
                        "carrier": rng.choice(["UA", "AA", "DL"], rows, p=[0.5, 0.3, 0.2]),
                        "late": rng.random(rows) < 0.2,
                    }
                )
            )
            times += [START + timedelta(days=7 * week, minutes=20 * number) for number in range(rows)]
        return pl.concat(frames), pl.Series("t", times, dtype=pl.Datetime("us", "UTC"))

    return make
