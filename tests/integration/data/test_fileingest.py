"""What files say of times, columns and labels, as it stands in the home after an ingest."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flyball.core.errors import FlyballError
from flyball.data import Dataset, files, label, label_history, labels_as_of
from flyball.testing.data_home import DataHome

NEW_YORK = "America/New_York"


def visits(path: str = "data", **options: str) -> Dataset:
    return Dataset("visits", files(path, **options), key="id", event_time="at")  # type: ignore[arg-type]  # texts alone


def lines(first: int, last: int, *, header: str = "id,at,door", form: str = "v{n},{at:%Y-%m-%d %H:%M},a") -> str:
    start = datetime(2013, 3, 1)  # noqa: DTZ001  local times are the case under test
    return "\n".join([header, *(form.format(n=n, at=start + timedelta(hours=n)) for n in range(first, last)), ""])


def test_local_times_are_stored_as_moments_and_those_that_never_were_are_set_aside(home: DataHome) -> None:
    home.write("a.csv", lines(0, 24 * 20))
    version = home.ingest(visits(time_zone=NEW_YORK))
    assert (version.rows, version.quarantined) == (24 * 20 - 1, 1)
    assert version.earliest_event_time == datetime(2013, 3, 1, 5, tzinfo=UTC)
    assert version.latest_event_time == datetime(2013, 3, 21, 3, tzinfo=UTC)
    (broken,) = home.service.quarantined("visits").iter_rows(named=True)
    assert "2013-03-10 02:00 (never shown by the clocks of America/New_York)" in broken["raw"]


def test_packed_files_in_folders_are_taken_once(home: DataHome) -> None:
    for month in (1, 2):
        folder = home.source / f"m={month}"
        folder.mkdir(parents=True)
        (folder / "a.csv.gz").write_bytes(gzip.compress(lines(month * 100, month * 100 + 50).encode()))
    dataset = visits("data/**/*.csv.gz")
    version = home.ingest(dataset)
    assert ([file.name for file in version.files], version.rows) == (["m=1/a.csv.gz", "m=2/a.csv.gz"], 100)
    assert home.ingest(dataset) == version


def test_files_whose_columns_differ_are_matched_by_name(home: DataHome) -> None:
    home.write("a.csv", lines(0, 50))
    home.write("b.csv", lines(50, 60, header="door,at,id", form="b,{at:%Y-%m-%d %H:%M},v{n}"))
    home.write("c.csv", lines(60, 70, header="id,at", form="v{n},{at:%Y-%m-%d %H:%M}"))
    home.write("d.csv", lines(70, 80, header="id,new,at,door", form="v{n},1,{at:%Y-%m-%d %H:%M},d"))
    version = home.ingest(visits())
    assert (version.rows, version.quarantined) == (80, 0)
    history = home.service.history(visits())
    assert "new" not in history.columns
    assert history["door"].value_counts().sort("door", nulls_last=True).rows() == [("a", 50), ("b", 10), ("d", 10), (None, 10)]


@pytest.mark.parametrize("missing", ["id", "at"])
def test_a_file_without_a_declared_column_ends_the_pull(missing: str, home: DataHome) -> None:
    home.write("a.csv", lines(0, 50))
    first = home.ingest(visits())
    home.write("b.csv", lines(50, 60).replace(missing, "else", 1))
    with pytest.raises(FlyballError, match=missing):
        home.ingest(visits())
    assert home.service.list("visits") == [first]


FLIGHTS = Dataset("flights", files("flights"), key="id", event_time="departs")
LANDINGS = Dataset("landings", files("landings"), key="id", event_time="landed", known_after="1h")
LATE = label(LANDINGS, pl.col("late") > 0, timeout="3d")
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def put(home: DataHome, name: str, *text: str) -> None:
    place = home.source.parent / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.csv").write_text("\n".join([*text, ""]), encoding="utf-8")


def known(home: DataHome, at: datetime) -> list[tuple[object, ...]]:
    """The label of each flight as known by then, and whether it is resolved."""
    flights = home.service.history(FLIGHTS)
    labels = label_history(flights, LATE, history=home.service.history(LANDINGS), key=["id"])
    return labels_as_of(flights, labels, key=["id"], timeout=LATE.timeout, at=at).rows()


def test_labels_that_contradict_each_other_are_corrections_or_set_aside(home: DataHome) -> None:
    put(home, "flights", "id,departs", "corrected,2013-01-01T12:00Z", "contradicted,2013-01-01T12:00Z")
    put(
        home, "landings", "id,landed,late",
        "corrected,2013-01-01T14:00Z,0", "corrected,2013-01-01T16:00Z,1",
        "contradicted,2013-01-01T14:00Z,1", "contradicted,2013-01-01T14:00Z,0",
    )  # fmt: skip
    home.ingest(FLIGHTS)
    version = home.ingest(LANDINGS)
    assert (version.rows, version.quarantined) == (4, 0)
    assert known(home, NOON + timedelta(hours=4)) == [(False, True), (False, True)], "of two known at one moment the later row counts"
    assert known(home, NOON + timedelta(hours=5)) == [(True, True), (False, True)]
    put(home, "landings", "id,landed,late", *(f"f{n},2013-01-01T14:00Z,1" for n in range(40)), "contradicted,2013-01-01T14:00Z,2")
    version = home.ingest(LANDINGS)
    assert (version.added, version.quarantined) == (40, 1), "what was said once is not taken back under the same date"
    assert home.service.quarantined("landings")["row"].to_list() == [41]
    assert known(home, NOON + timedelta(hours=5)) == [(True, True), (False, True)]


def test_a_label_before_its_prediction_counts_from_when_it_was_known(home: DataHome) -> None:
    put(home, "flights", "id,departs", "f,2013-01-01T12:00Z")
    put(home, "landings", "id,landed,late", "f,2013-01-01T09:00Z,1")
    home.ingest(FLIGHTS)
    home.ingest(LANDINGS)
    assert known(home, NOON - timedelta(hours=2, minutes=1)) == [(None, False)]
    assert known(home, NOON - timedelta(hours=2)) == [(True, True)]


def test_a_label_long_after_its_time_is_up_is_still_a_label(home: DataHome) -> None:
    put(home, "flights", "id,departs", "f,2013-01-01T12:00Z")
    put(home, "landings", "id,landed,late", "f,2013-06-01T12:00Z,1")
    home.ingest(FLIGHTS)
    home.ingest(LANDINGS)
    assert known(home, NOON + timedelta(days=3)) == [(None, True)], "given up"
    assert known(home, datetime(2013, 6, 1, 13, tzinfo=UTC)) == [(True, True)]
