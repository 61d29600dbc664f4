"""The profile of a dataset version: what its columns hold, as small JSON that a page or a later check can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from flyball.core.canonical import canonical
from flyball.data.model import EVENT_TIME, KNOWN_TIME

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 10


def profile(frame: pl.DataFrame) -> Mapping[str, Any]:
    """Per user column: type, nulls, distinct values, extremes, quantiles of numbers, most frequent values of texts and booleans.

    Ties among the most frequent go by value, so that equal rows give an equal profile in any order.
    """
    columns = [name for name in frame.columns if not name.startswith("__")]
    times = {name: _extremes(frame[name]) for name in (EVENT_TIME, KNOWN_TIME) if name in frame.columns}
    return {"rows": frame.height, "times": times, "columns": {name: _column(frame[name]) for name in columns}}


def encode(frame: pl.DataFrame) -> bytes:
    """The canonical JSON of the frame's profile."""
    return canonical(profile(frame)).encode()


def _column(values: pl.Series) -> Mapping[str, Any]:
    facts: dict[str, Any] = {"type": str(values.dtype), "nulls": values.null_count(), "distinct": values.drop_nulls().n_unique()}
    if values.null_count() == values.len():
        return facts
    if values.dtype in {pl.String, pl.Boolean}:
        return {**facts, "top": _top(values)}
    facts |= _extremes(values)
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64)
        facts["mean"] = numbers.mean()
        facts["quantiles"] = {str(share): numbers.quantile(share, "nearest") for share in QUANTILES}
    return facts


def _extremes(values: pl.Series) -> dict[str, Any]:
    return {"minimum": values.min(), "maximum": values.max()}


def _top(values: pl.Series) -> list[list[Any]]:
    cell = values.name
    counts = values.drop_nulls().to_frame().group_by(cell).len("__rows").sort(["__rows", cell], descending=[True, False]).head(TOP)
    return [list(row) for row in counts.rows()]
