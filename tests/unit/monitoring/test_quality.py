"""Data quality against the reference: simple bounds, each finding a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest

from flyball.monitoring import AlarmRate, QualityReport, Reference, check_quality
from flyball.monitoring.errors import MissingSeriesError

Weeks = Callable[..., tuple[pl.DataFrame, pl.Series]]


@pytest.fixture
def reference(weeks: Weeks) -> Reference:
    return Reference.fit(*weeks(8), window=timedelta(days=7), rate=AlarmRate.parse("1 per 90d"))


def test_a_usual_week_has_no_findings(reference: Reference, weeks: Weeks) -> None:
    assert check_quality(reference, weeks(1, seed=9)[0]).findings == ()


def test_every_fault_is_found_and_named(reference: Reference, weeks: Weeks) -> None:
    frame = weeks(1, seed=9)[0].with_row_index("i")
    bad = frame.with_columns(
        temp=pl.when(pl.col("i") < 100).then(None).otherwise(pl.col("temp")),
        rain=pl.when(pl.col("i") < 100).then(-5.0).otherwise(pl.col("rain")),
        carrier=pl.when(pl.col("i") < 200).then(pl.lit("ZZ")).otherwise(pl.col("carrier")),
    )
    report = check_quality(reference, bad)
    assert report.findings == (
        "temp is null in 25.0% of the rows; up to 2.5% is usual.",
        "rain is outside the reference's range in 25.0% of the rows.",
        "carrier has categories in 50.0% of the rows that the reference does not know.",
    )
    assert QualityReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_nulls_that_were_usual_are_no_finding(weeks: Weeks) -> None:
    frame, times = weeks(8)
    holes = frame.with_row_index("i").with_columns(temp=pl.when(pl.col("i") % 4 == 0).then(None).otherwise(pl.col("temp"))).drop("i")
    reference = Reference.fit(holes, times, window=timedelta(days=7), rate=AlarmRate.parse("1 per 90d"))
    assert check_quality(reference, holes.head(400)).findings == ()


@pytest.mark.parametrize(("rows", "found"), [(0, True), (199, True), (200, False), (800, False), (801, True)])
def test_too_few_and_too_many_rows_are_a_finding(reference: Reference, weeks: Weeks, rows: int, *, found: bool) -> None:
    findings = check_quality(reference, weeks(1, rows=max(rows, 1))[0].head(rows)).findings
    sentence = f"The window has {rows} rows; reference windows have 400 to 400, 400 in the middle."
    assert (sentence in findings) is found


def test_with_few_rows_only_their_number_is_judged(reference: Reference, weeks: Weeks) -> None:
    bad = weeks(1, rows=100)[0].with_columns(temp=pl.lit(None, pl.Float64))
    report = check_quality(reference, bad)
    assert len(report.findings) == 1
    assert report.columns[0].null_share == 1.0


def test_rows_without_a_watched_column_are_refused(reference: Reference, weeks: Weeks) -> None:
    with pytest.raises(MissingSeriesError, match="'carrier'"):
        check_quality(reference, weeks(1)[0].drop("carrier"))
