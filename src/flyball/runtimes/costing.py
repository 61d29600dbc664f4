"""What asking a model costs: of one row alone, and of each row of many at once. Medians, so that a neighbour on the core does not count."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from flyball.core.clock import Timer
from flyball.runtimes.model import Predictor

ROWS = 256
_WARM, _MOST, _SECONDS = 3, 60, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of a call with one row, and of a call with `rows` rows divided by them."""

    call_seconds: float
    row_seconds: float
    rows: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Measured:
        """The value that `to_json` gave."""
        return Measured(**data)


def measure(model: Predictor, frame: pl.DataFrame, *, timer: Timer) -> Measured:
    """What `model` costs, asked with the first row of `frame` and with `ROWS` rows like it; a few seconds at most."""
    one, many = frame.head(1), pl.concat([frame] * -(-ROWS // frame.height)).head(ROWS)
    return Measured(
        call_seconds=_median(model, one, timer=timer), row_seconds=_median(model, many, timer=timer) / many.height, rows=many.height
    )


def _median(model: Predictor, frame: pl.DataFrame, *, timer: Timer) -> float:
    found: list[float] = []
    begun = timer.seconds()
    while len(found) < _MOST and (len(found) <= _WARM or timer.seconds() - begun < _SECONDS):
        before = timer.seconds()
        model.predict(frame)
        found.append(timer.seconds() - before)
    return statistics.median(found[_WARM:] or found)
