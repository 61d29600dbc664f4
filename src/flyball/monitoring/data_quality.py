"""Data quality of a window against the reference: nulls, unknown categories, values out of range, rows. Simple bounds, said aloud.

A finding is worth a look and never a retraining: bad data is mended at its source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import polars as pl

from flyball.monitoring.errors import MissingSeriesError
from flyball.monitoring.reference import MIN_ROWS, Reference
from flyball.monitoring.series import SeriesReference

TOLERANCE = 0.01
"""A share may exceed what the reference windows showed by one per cent of the rows, and by three standard errors of their number."""

ROWS_FACTOR = 2.0
"""A window with fewer than half the least, or more than twice the most rows of a reference window, is a finding."""


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """Shares of a column's rows: null, of unknown category, outside the reference's range; None where that cannot be asked.

    `null_bound` is the share of nulls up to which nothing is found.
    """

    name: str
    null_share: float
    null_bound: float
    unknown_share: float | None
    outside_share: float | None

    def findings(self, bound: float) -> tuple[str, ...]:
        """One sentence per share beyond its bound; `bound` is the tolerance for shares that the reference does not have at all."""
        found = []
        if self.null_share > self.null_bound:
            found.append(f"{self.name} is null in {self.null_share:.1%} of the rows; up to {self.null_bound:.1%} is usual.")
        if self.unknown_share is not None and self.unknown_share > bound:
            found.append(f"{self.name} has categories in {self.unknown_share:.1%} of the rows that the reference does not know.")
        if self.outside_share is not None and self.outside_share > bound:
            found.append(f"{self.name} is outside the reference's range in {self.outside_share:.1%} of the rows.")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return {
            "name": self.name, "null_share": self.null_share, "null_bound": self.null_bound,
            "unknown_share": self.unknown_share, "outside_share": self.outside_share,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The shares of every column, and one sentence per finding; with fewer than 200 rows only the row count is judged."""

    rows: int
    columns: tuple[ColumnQuality, ...]
    findings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {"rows": self.rows, "columns": [column.to_json() for column in self.columns], "findings": list(self.findings)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QualityReport:
        """The report that `to_json` wrote."""
        return cls(data["rows"], tuple(ColumnQuality(**column) for column in data["columns"]), tuple(data["findings"]))


def check_quality(reference: Reference, frame: pl.DataFrame) -> QualityReport:
    """The quality of one window's rows against the reference; pure.

    Raises:
        MissingSeriesError: a series of the reference is missing.
    """
    missing = [name for name in reference.names if name not in frame.columns]
    if missing:
        raise MissingSeriesError(missing, frame.columns)
    rows = len(frame)
    columns = tuple(_column(series, frame[series.name]) for series in reference.series) if rows else ()
    findings = list(_row_findings(reference, rows))
    if rows >= MIN_ROWS:
        bound = _with_noise(TOLERANCE, rows)
        findings += [sentence for column in columns for sentence in column.findings(bound)]
    return QualityReport(rows, columns, tuple(findings))


def _with_noise(share: float, rows: int) -> float:
    """The share that rows drawn at `share` stay below, but for one time in 700 (three standard errors)."""
    return min(1.0, share + 3 * math.sqrt(share * (1 - share) / rows))


def _column(series: SeriesReference, column: pl.Series) -> ColumnQuality:
    rows = len(column)
    nulls = int(series.count(column)[-1])
    usual = max((counts[-1] / sum(counts) for counts in series.windows), default=series.total[-1] / max(sum(series.total), 1))
    unknown, outside = series.unknown(column), series.outside(column)
    return ColumnQuality(
        name=series.name,
        null_share=nulls / rows,
        null_bound=_with_noise(min(1.0, usual + TOLERANCE), rows),
        unknown_share=None if unknown is None else unknown / rows,
        outside_share=None if outside is None else outside / rows,
    )


def _row_findings(reference: Reference, rows: int) -> tuple[str, ...]:
    if not reference.rows:
        return ()
    least, most = min(reference.rows), max(reference.rows)
    if least / ROWS_FACTOR <= rows <= most * ROWS_FACTOR:
        return ()
    usual = f"reference windows have {least:,} to {most:,}, {median(reference.rows):,.0f} in the middle"
    return (f"The window has {rows:,} rows; {usual}.",)
