"""What differs between serving and training is found and named, and what does not differ is said to be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flyball.core.clock import VirtualClock
from flyball.core.ids import DerivedIds
from flyball.monitoring.parity import ParityService, ParityTask, check_parity, parity_subject
from flyball.monitoring.parity_report import ParityReport
from flyball.storage._sqlstore import SqlEventLog
from flyball.storage.database import Database
from flyball.storage.recorder import Recorder

START = datetime(2013, 11, 1, tzinfo=UTC)
END = START + timedelta(hours=72)


def task(airport: Any, **given: Any) -> ParityTask:
    facts: dict[str, Any] = {"features": airport.trained, "lead": timedelta(hours=1), "rows": 10_000}
    return ParityTask(model="late", endpoint="late", start=START, end=END, **{**facts, **given})


def check(airport: Any, served: pl.DataFrame, **given: Any) -> ParityReport:
    return check_parity(task(airport, **given), served, histories=airport.histories)


def causes(report: ParityReport) -> dict[str, str | None]:
    return {found.name: found.cause for found in report.features if found.agreeing < found.compared}


def test_without_a_skew_everything_agrees(airport: Any) -> None:
    served = airport.serve()
    report = check(airport, served)
    assert causes(report) == {}
    assert (report.rows, report.population, report.left_out, report.alarmed) == (served.height, served.height, 0, False)
    assert served["feature.sky.temp"].null_count() == 0
    assert served["feature.punctuality.landed"].min() > 10  # the world is not empty
    rules = Counter(found.rule for found in report.features)
    assert rules == {"exact": 9, "relative": 2}
    assert report.why == f"All 11 features agree in all {served.height} rows."


def test_another_time_zone_is_named(airport: Any) -> None:
    report = check(airport, airport.serve(zone="UTC"))
    assert causes(report) == {"calendar.hour": "time zone", "calendar.weekday": "time zone"}
    assert report.alarmed
    hour = next(found for found in report.features if found.name == "calendar.hour")
    assert (hour.agreeing, len(hour.examples)) == (0, 5)
    assert "calendar.hour agrees in 0 of" in report.why
    assert "another time zone" in report.why


def test_a_changed_helper_is_named_and_what_is_computed_from_it(airport: Any) -> None:
    report = check(airport, airport.serve(factor=1.8))
    assert causes(report) == {"sky.temp": "different code", "chill.index": "different code"}
    temp = next(found for found in report.features if found.name == "sky.temp")
    assert temp.largest_difference == pytest.approx(0.8 / 1.8)


def test_a_stale_store_is_named(airport: Any) -> None:
    report = check(airport, airport.serve(until=START + timedelta(hours=60)))
    names = ("sky.temp", "sky.gusts", "punctuality.delay", "punctuality.worst", "punctuality.landed", "chill.index")
    assert causes(report) == dict.fromkeys(names, "stale store")
    assert all(found.agreeing > 0 for found in report.features)
    assert "an earlier time than was due" in report.why


def test_a_correction_that_the_store_missed_is_stale_too(airport: Any) -> None:
    served = airport.serve(lacking=pl.col("temp") > 50)
    assert causes(check(airport, served)) == {"sky.temp": "stale store", "chill.index": "stale store"}


def test_a_dropped_entity_is_named(airport: Any) -> None:
    sky = causes(check(airport, airport.serve(lacking=pl.col("observed_at").is_not_null() & (pl.col("origin") == "LGA"))))
    assert sky == dict.fromkeys(("sky.temp", "sky.gusts", "chill.index"), "missing in store")
    report = check(airport, airport.serve(lacking=pl.col("carrier") == "UA"))
    names = ("punctuality.delay", "punctuality.worst", "punctuality.landed")
    assert causes(report) == dict.fromkeys(names, "missing in store")


def test_values_of_a_later_time_are_named(airport: Any) -> None:
    served = airport.serve().with_columns(pl.col("time") - timedelta(hours=2))
    assert {"sky.temp": "not yet known", "punctuality.delay": "not yet known"}.items() <= causes(check(airport, served)).items()


def test_null_nan_and_what_was_not_served(airport: Any) -> None:
    served = airport.serve()
    for feature, value, cause in (("sky.temp", float("nan"), "different code"), ("sky.gusts", None, "different code")):
        column = f"feature.{feature}"
        wrong = served.with_columns(pl.lit(value, dtype=served.schema[column]).alias(column)).drop("value_time.sky")
        assert causes(check(airport, wrong))[feature] == cause
    report = check(airport, served.drop("feature.punctuality.landed").cast({"feature.calendar.hour": pl.Int64}))
    assert list(causes(report)) == ["punctuality.landed"]  # the width of a number is no difference


def test_the_tolerance_is_for_sums_alone(airport: Any) -> None:
    served = airport.serve()
    near = served.with_columns(pl.col("feature.punctuality.delay", "feature.punctuality.worst", "feature.chill.index") * (1 + 5e-10))
    assert list(causes(check(airport, near))) == ["punctuality.worst"]
    far = served.with_columns(pl.col("feature.punctuality.delay") * (1 + 2e-9))
    assert list(causes(check(airport, far))) == ["punctuality.delay"]


def test_samples_are_seeded_and_failed_or_other_rows_left_out(airport: Any) -> None:
    served = airport.serve()
    one, again, other = (check(airport, served, rows=40, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert (one.rows, one.population) == (40, served.height)
    assert one.seed != other.seed
    mixed = served.with_columns(
        pl.when(pl.int_range(pl.len()) < 10).then(pl.lit("raised")).otherwise("error").alias("error"),
        pl.when(pl.int_range(pl.len()) < 30).then(pl.lit("others")).otherwise("features_digest").alias("features_digest"),
    )
    found = check(airport, mixed)
    assert (found.rows, found.left_out) == (served.height - 30, 20)
    nothing = check(airport, served.clear())
    assert (nothing.rows, nothing.alarmed, nothing.features, nothing.leads) == (0, False, (), None)
    assert nothing.why == "No served row could be compared."


def test_real_leads_are_held_against_the_declared_one(airport: Any) -> None:
    served = airport.serve()
    report = check(airport, served)
    assert report.leads is not None
    assert (report.leads.median_seconds, report.leads.beyond, report.leads.skewed) == (0.0, 0.0, False)
    late = check(airport, served, lead=timedelta(hours=3))
    assert late.leads is not None
    assert (late.leads.least_seconds, late.leads.most_seconds, late.leads.beyond, late.leads.skewed) == (-7200.0, -7200.0, 1.0, True)
    assert not late.alarmed
    assert "Leads differ from the declared 3h by -7,200 to -7,200 s" in late.why


class Served:
    """A log that holds one frame."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows

    def read(self, endpoint: str, start: datetime, *, end: datetime) -> pl.DataFrame:
        assert endpoint == "late"
        return self._rows.filter(pl.col("time") >= start, pl.col("time") < end)


def test_a_check_is_an_event_and_its_report_comes_back(airport: Any, tmp_path: Path) -> None:
    served = airport.serve(zone="UTC")
    database = Database.open(tmp_path / "home.db")
    log = SqlEventLog(database)
    recorder = Recorder(log, clock=VirtualClock(END), ids=DerivedIds(0))
    service = ParityService(Served(served), events=log, transactions=database, recorder=recorder)
    assert service.find("late") is None
    wanted = replace(task(airport, rows=50), end=START + timedelta(hours=60))
    report, event = service.check(wanted, airport.histories)
    assert service.find("late") == report
    assert (event.type, event.subject, event.data["alarmed"]) == ("parity.checked", parity_subject("late"), True)
    assert report.population < served.height
    assert len(str(event.data)) < 5000
    database.close()


def test_the_causes_cost_no_more_than_the_check(airport: Any) -> None:
    """One look-up more per source, not one per row: a year's history is looked through twice, whatever disagrees."""
    calls: Counter[str] = Counter()
    features = replace(airport.trained)
    for lookup in features.lookups:
        _counted(lookup, calls)
    report = check(airport, airport.serve(until=START + timedelta(hours=40)), features=features)
    assert report.alarmed
    assert max(calls.values()) <= 2


def _counted(lookup: Any, calls: Counter[str]) -> None:
    compute: Callable[..., pl.DataFrame] = lookup.compute

    def counted(*given: Any) -> pl.DataFrame:
        calls[str(lookup.feature)] += 1
        return compute(*given)

    object.__setattr__(lookup, "compute", counted)


def test_what_follows_from_hidden_columns_is_not_compared(airport: Any) -> None:
    served = airport.serve()
    hashed = served.with_columns(pl.lit("0a1b").alias("request.departs_at"), pl.lit(None, dtype=pl.String).alias("request.origin"))
    report = check(airport, hashed, hidden=frozenset({"departs_at", "origin"}))
    names = {found.name for found in report.features}
    assert causes(report) == {}
    assert not any(name.startswith(("calendar.", "sky.", "chill.")) for name in names)  # chill is computed from what sky looks up
    assert "punctuality.landed" in names
    assert len(names) < 11
    assert report.rows == served.height
