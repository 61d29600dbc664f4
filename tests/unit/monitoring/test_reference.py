"""The reference: thresholds from the spread between windows, one alarm for all series, and honest doubt."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from flyball.kernels.distances import psi
from flyball.monitoring import AlarmRate, DriftReport, Reference
from flyball.monitoring.errors import MissingSeriesError, MonitorSpecError

Weeks = Callable[..., tuple[pl.DataFrame, pl.Series]]
WEEK = timedelta(days=7)
RATE = AlarmRate.parse("1 per 90d")


def fit(rows: tuple[pl.DataFrame, pl.Series], rate: AlarmRate = RATE) -> Reference:
    return Reference.fit(*rows, window=WEEK, rate=rate)


def test_reference_windows_are_aligned_weeks(weeks: Weeks) -> None:
    reference = fit(weeks(9))
    assert reference.starts[0] == datetime(2013, 1, 3, tzinfo=UTC)
    assert reference.starts == tuple(reference.starts[0] + number * WEEK for number in range(9))
    assert reference.rows == (400,) * 9
    assert [series.kind for series in reference.series] == ["numeric", "numeric", "categorical", "categorical"]
    assert all(sum(series.total) == 3600 and all(sum(counts) == 400 for counts in series.windows) for series in reference.series)


def test_a_usual_week_is_within_and_a_moved_one_alarms_and_is_named(weeks: Weeks) -> None:
    reference = fit(weeks(20))
    usual = reference.compare(weeks(1, seed=7)[0])
    moved = reference.compare(weeks(1, seed=7, shift=4.0)[0])
    assert not usual.alarmed
    assert usual.why.startswith("Within the reference; furthest is")
    assert moved.alarmed
    assert moved.statistic is not None
    assert moved.limit is not None
    assert moved.statistic > moved.limit
    assert [series.name for series in moved.series if series.alarmed] == ["temp"]
    assert moved.why.startswith("Further from the reference than 1 per 90d would be by chance: temp (PSI ")
    assert not moved.provisional


def test_a_short_reference_says_that_it_is_provisional(weeks: Weeks) -> None:
    report = fit(weeks(8)).compare(weeks(1, seed=7)[0])
    assert report.provisional
    assert "Provisional: 8 reference windows cannot confirm one false alarm in 12.9 windows; that takes 12." in report.why


def test_with_fewer_than_four_windows_there_is_no_threshold_but_distances(weeks: Weeks) -> None:
    report = fit(weeks(3)).compare(weeks(1, shift=9.0)[0])
    assert (report.alarmed, report.statistic, report.limit, report.provisional) == (False, None, None, True)
    assert report.why == "The reference has 3 whole windows of 7d, and a threshold takes 4."
    assert all(series.psi is not None and series.js is not None and series.threshold is None for series in report.series)


def test_a_window_with_few_rows_gives_no_alarm_and_says_so(weeks: Weeks) -> None:
    reference = fit(weeks(20))
    report = reference.compare(weeks(1, rows=199, shift=9.0)[0])
    assert not report.alarmed
    assert report.why == "199 rows are fewer than 200: no alarm is given."
    assert report.series[0].psi is not None
    empty = reference.compare(weeks(1)[0].clear())
    assert (empty.alarmed, empty.rows, {(series.psi, series.js) for series in empty.series}) == (False, 0, {(None, None)})


def test_windows_cut_short_are_in_the_totals_only(weeks: Weeks) -> None:
    whole, short = weeks(6), weeks(1, rows=199, first=6)
    reference = fit((pl.concat([whole[0], short[0]]), pl.concat([whole[1], short[1]])))
    assert len(reference.starts) == 6
    assert sum(reference.get("temp").total) == 6 * 400 + 199


def test_distances_are_those_of_the_kernels(weeks: Weeks) -> None:
    reference, frame = fit(weeks(8)), weeks(1, seed=3)[0]
    series = reference.get("carrier")
    expected = float(psi(np.array(series.total), series.count(frame["carrier"])))
    assert reference.compare(frame).series[2].psi == expected


def test_the_order_of_rows_does_not_matter(weeks: Weeks) -> None:
    frame, times = weeks(8)
    order = np.random.default_rng(1).permutation(len(frame))
    assert fit((frame[order], times[order])) == fit((frame, times))


def test_a_reference_and_its_report_come_back_from_json(weeks: Weeks) -> None:
    for count in (2, 8):
        reference = fit(weeks(count))
        again = Reference.from_bytes(reference.to_bytes())
        assert again == reference
        report = reference.compare(weeks(1, seed=5)[0])
        assert again.compare(weeks(1, seed=5)[0]) == report
        assert DriftReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_failing_sensors_are_drift_and_no_error(weeks: Weeks) -> None:
    reference, frame = fit(weeks(20)), weeks(1, seed=5)[0]
    dead = frame.with_columns(temp=pl.lit(None, pl.Float64), carrier=pl.lit("ZZ"), rain=pl.lit(float("inf")))
    report = reference.compare(dead)
    assert report.alarmed
    assert {series.name for series in report.series if series.alarmed} == {"temp", "rain", "carrier"}


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [None] * 3200, dtype=pl.Float64),
        pl.Series("x", [None] * 3200, dtype=pl.String),
        pl.Series("x", [7] * 3200, dtype=pl.Int8),
        pl.Series("x", ["one"] * 3200, dtype=pl.Categorical),
        pl.Series("x", ["one"] * 3200, dtype=pl.Enum(["one", "two"])),
        pl.Series("x", [float("nan")] * 3200),
        pl.Series("x", [datetime(2013, 1, 1, tzinfo=UTC)] * 3200),
        pl.Series("x", [True, False] * 1600),
        pl.Series("x", [str(number) for number in range(3200)]),
    ],
)
def test_columns_of_every_kind_can_be_watched(weeks: Weeks, column: pl.Series) -> None:
    reference = fit((column.to_frame(), weeks(8)[1]))
    assert not reference.compare(column.head(400).to_frame()).series[0].alarmed
    assert Reference.from_bytes(reference.to_bytes()) == reference


@pytest.mark.parametrize("name", ["n", "rows", "text", "count", ""])
def test_a_column_may_be_called_anything(weeks: Weeks, name: str) -> None:
    frame, times = weeks(8)
    assert fit((frame.select(pl.col("carrier").alias(name)), times)).get(name).levels == ("UA", "AA", "DL")


def test_a_column_that_changed_its_type_is_drift_and_no_error(weeks: Weeks) -> None:
    reference, frame = fit(weeks(20)), weeks(1, seed=5)[0]
    report = reference.compare(frame.with_columns(temp=pl.lit("warm"), carrier=pl.lit(7)))
    assert {series.name for series in report.series if series.alarmed} == {"temp", "carrier"}


def test_nothing_to_refer_to_is_no_threshold() -> None:
    empty = pl.DataFrame(schema={"a": pl.Float64, "b": pl.String, "c": pl.Null})
    reference = fit((empty, pl.Series("t", [], dtype=pl.Datetime("us", "UTC"))))
    report = reference.compare(pl.DataFrame({"a": [1.0] * 300, "b": ["x"] * 300, "c": [None] * 300}))
    assert (report.alarmed, report.provisional, {series.psi for series in report.series}) == (False, True, {None})
    assert Reference.from_bytes(reference.to_bytes()) == reference


def test_a_column_that_never_moved_alarms_when_it_does(weeks: Weeks) -> None:
    reference = fit((pl.Series("x", [7.0] * 3200).to_frame(), weeks(8)[1]))
    assert not reference.compare(pl.Series("x", [7.0] * 400).to_frame()).alarmed
    assert reference.compare(pl.Series("x", [7.0] * 300 + [8.0] * 100).to_frame()).alarmed


def test_rows_without_a_watched_column_are_refused(weeks: Weeks) -> None:
    reference = fit(weeks(8))
    with pytest.raises(MissingSeriesError, match="The rows lack 'rain', 'late'"):
        reference.compare(weeks(1)[0].select("temp", "carrier"))
    with pytest.raises(MissingSeriesError, match="'tmep'"):
        reference.get("tmep")


def test_a_rate_that_alarms_at_nothing_is_refused(weeks: Weeks) -> None:
    with pytest.raises(MonitorSpecError, match=r"must be less than 0\.5"):
        fit(weeks(8), AlarmRate.parse("1 per 14d"))


def test_scores_are_held_against_the_first_windows_served(weeks: Weeks) -> None:
    frame, times = weeks(12)
    scores = frame["temp"].alias("score")
    reference = Reference.fit_scores(scores, times, window=WEEK, rate=RATE)
    assert (reference.names, len(reference.starts)) == (("score",), 8)
    early = Reference.fit_scores(scores.head(8 * 400), times.head(8 * 400), window=WEEK, rate=RATE)
    assert reference == early
    assert Reference.fit_scores(scores.head(1200), times.head(1200), window=WEEK, rate=RATE).thresholds is None


def test_merged_reports_alarm_where_either_does(weeks: Weeks) -> None:
    frame, times = weeks(20)
    inputs = fit((frame.drop("temp"), times), RATE.share(2))
    scores = Reference.fit_scores(frame["temp"].alias("score"), times, window=WEEK, rate=RATE.share(2))
    moved = weeks(1, seed=4, shift=9.0)[0]
    usual, alarmed = inputs.compare(moved.drop("temp")), scores.compare(moved.select(score="temp"))
    report = usual.merged(alarmed)
    assert not usual.alarmed
    assert report.alarmed
    assert [series.name for series in report.series] == ["rain", "carrier", "late", "score"]
    assert (report.statistic, report.limit) == (alarmed.statistic, alarmed.limit)
    assert report.provisional
