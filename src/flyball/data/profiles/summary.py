"""Sketches as small JSON that a page, a person or a later check can read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from flyball.data.model import EVENT_TIME, KNOWN_TIME
from flyball.data.profiles.columns import ColumnSketch, Kind

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 10
BARS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def summarise(rows: int, columns: Mapping[str, ColumnSketch]) -> Mapping[str, Any]:
    """Per user column its facts, and the extremes of the rows' two times.

    Always: type, kind, rows, nulls, distinct; `approximate` names the facts that are estimates. Numbers and times: minimum, maximum,
    mean, quantiles with `rank_error` (the greatest share by which a quantile's rank may be wrong), histogram; of texts the same of
    their `lengths`. `top` are [value, rows], most frequent first, of equally frequent ones the smaller first; each may have up to
    `top_error` rows more.
    """
    users = {name: column for name, column in columns.items() if not name.startswith("__")}
    times = {name: _extremes(columns[name]) for name in (EVENT_TIME, KNOWN_TIME) if name in columns}
    return {"rows": rows, "times": times, "columns": {name: _column(column) for name, column in users.items()}}


def shown(column: ColumnSketch, value: float | None) -> Any:
    """A number of the column's as people read it: a time for a time, else itself; None stays."""
    if value is None or column.kind is not Kind.TIME:
        return value
    time = _EPOCH + timedelta(microseconds=int(value))
    return time.date() if column.type == "Date" else time


def _column(column: ColumnSketch) -> Mapping[str, Any]:
    facts: dict[str, Any] = {"type": column.type, "kind": column.kind.value, "rows": column.rows, "nulls": column.nulls}
    if column.kind is Kind.OTHER:
        return facts
    facts |= {
        "distinct": column.distinct.number,
        "approximate": [] if column.distinct.exact else ["distinct"],
        "examples": _examples(column),
    }
    if column.nans or any(column.infinities):
        facts |= {"nan": column.nans, "infinite": list(column.infinities)}
    if column.rows == column.nulls:
        return facts
    if column.kind in {Kind.NUMBER, Kind.TIME}:
        facts |= {**_extremes(column), **_spread(column)}
    if column.kind is Kind.TEXT:
        facts["lengths"] = {"minimum": column.low, "maximum": column.high, **_spread(column)}
    if not column.quantiles.exact:
        facts["approximate"].append("quantiles")
    if column.frequent.slack:
        facts["approximate"].append("top")
        facts["top_error"] = column.frequent.slack
    facts["top"] = top(column)
    return facts


def top(column: ColumnSketch, most: int = TOP) -> list[list[Any]]:
    """The most frequent values with their numbers of rows."""
    keys, counts = column.frequent.keys.tolist(), column.frequent.counts.tolist()
    pairs = [(column.names[key], count) for key, count in zip(keys, counts, strict=True) if count > column.frequent.slack]
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    return [[shown(column, value) if column.kind is Kind.TIME else value, count] for value, count in pairs[:most]]


def _examples(column: ColumnSketch) -> list[Any]:
    return [shown(column, value) if column.kind is Kind.TIME else value for value in column.examples]


def _extremes(column: ColumnSketch) -> dict[str, Any]:
    return {"minimum": shown(column, column.low), "maximum": shown(column, column.high)}


def _spread(column: ColumnSketch) -> dict[str, Any]:
    sketch, moments = column.quantiles, column.moments
    if not moments.count:
        return {}
    facts: dict[str, Any] = {"mean": shown(column, moments.mean)}
    if column.kind is not Kind.TIME:
        facts["deviation"] = moments.deviation
    facts["quantiles"] = {str(share): shown(column, float(value)) for share, value in zip(QUANTILES, sketch.at(QUANTILES), strict=True)}
    return {**facts, "rank_error": sketch.slack / sketch.count, "histogram": _histogram(column)}


def _histogram(column: ColumnSketch) -> Mapping[str, Any]:
    """Rows in bars of equal width between the extremes; the last one has its upper edge as well."""
    if column.low is None or column.high is None:
        return {}
    low, high = float(column.low), float(column.high)
    if low == high:
        return {"edges": [shown(column, low)], "rows": [column.quantiles.count]}
    edges = low * (1 - np.arange(BARS + 1) / BARS) + high * (np.arange(BARS + 1) / BARS)
    below = column.quantiles.below(edges[1:-1])
    counts = np.diff(below, prepend=0, append=column.quantiles.count)
    return {"edges": [shown(column, float(edge)) for edge in edges], "rows": counts.tolist()}
