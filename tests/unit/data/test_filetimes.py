"""Declared times: epochs, patterns and local times, with the hour that the clocks skip and the one that they show twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from flyball.data.declared.files import files
from flyball.data.sources.files.times import with_times
from flyball.data.values import ColumnType, as_type

NEW_YORK = "America/New_York"
SKIPPED = f" (never shown by the clocks of {NEW_YORK})"
TWICE = f" (shown twice by the clocks of {NEW_YORK})"


def read(form: str, *cells: object) -> list[str | None]:
    frame = with_times(files("a", times={"at": form}), pl.DataFrame({"at": pl.Series(cells, strict=True)}))
    return frame["at"].to_list()


@pytest.mark.parametrize(
    ("unit", "cell", "time"),
    [
        ("s", "1357000000", "2013-01-01T00:26:40Z"),
        ("s", " 1357000000.25 ", "2013-01-01T00:26:40.250Z"),
        ("s", "-1", "1969-12-31T23:59:59Z"),
        ("s", "0", "1970-01-01T00:00:00Z"),
        ("ms", "1357000000123", "2013-01-01T00:26:40.123Z"),
        ("us", "1357000000123456", "2013-01-01T00:26:40.123456Z"),
        ("ns", "1357000000123456789", "2013-01-01T00:26:40.123456Z"),
        ("ms", "1.357e12", "2013-01-01T00:26:40Z"),
    ],
)
def test_an_epoch_is_read_in_its_unit(unit: str, cell: str, time: str) -> None:
    assert read(unit, cell) == [time]


@pytest.mark.parametrize("cell", ["", "soon", "nan", "inf", "-inf", "9" * 18, "-" + "9" * 18, "9" * 40, "1e300"])
def test_a_number_that_is_no_time_stays_what_it_is(cell: str) -> None:
    assert read("s", cell) == [cell]


def test_numbers_and_nothing_are_read_as_texts_are() -> None:
    assert read("s", 1357000000, None) == ["2013-01-01T00:26:40Z", None]
    assert read("s", 1357000000.5, None) == ["2013-01-01T00:26:40.500Z", None]


def test_a_pattern_reads_what_fits_and_leaves_the_rest() -> None:
    assert read("%d.%m.%Y", "31.01.2013", " 01.02.2013", "2013-02-03", "32.01.2013") == [
        "2013-01-31", "2013-02-01", "2013-02-03", "32.01.2013",
    ]  # fmt: skip
    assert read("%m/%d/%Y %I:%M %p", "01/31/2013 05:04 PM") == ["2013-01-31T17:04:00Z"]
    assert read("%d/%b/%Y:%H:%M:%S %z", "31/Jan/2013:17:04:05 -0500") == ["2013-01-31T22:04:05Z"]


def test_dates_in_five_forms_are_told_apart_by_the_one_declared() -> None:
    cells = ["2013-01-31", "31.01.2013", "01/31/2013", "Jan 31 2013", "20130131"]
    read_as_they_are = pl.DataFrame({"day": cells}).select(as_type(pl.col("day"), pl.String(), wanted=ColumnType.DATE))
    assert read_as_they_are["day"].null_count() == 4, "nothing is guessed"
    for form, cell in zip(("%d.%m.%Y", "%m/%d/%Y", "%b %d %Y", "%Y%m%d"), cells[1:], strict=True):
        assert read(form, *cells) == [other if other != cell else "2013-01-31" for other in cells]


def local(*cells: str | None, ambiguous: str = "refuse") -> list[str | None]:
    source = files("a", time_zone=NEW_YORK, ambiguous=ambiguous)
    return with_times(source, pl.DataFrame({"at": pl.Series(cells, dtype=pl.String)}))["at"].to_list()


def test_a_time_without_a_zone_is_of_the_declared_one_and_others_are_left() -> None:
    assert local("2013-01-01 10:00", "2013-07-01T10:00:00.5", "2013-01-01T10:00:00Z", "2013-01-01", "x", None) == [
        "2013-01-01T15:00:00Z", "2013-07-01T14:00:00.500Z", "2013-01-01T10:00:00Z", "2013-01-01", "x", None,
    ]  # fmt: skip


def test_a_time_that_the_clocks_skip_is_no_time_and_says_why() -> None:
    assert local("2013-03-10 02:30", "2013-03-10 01:59:59", "2013-03-10 03:00") == [
        "2013-03-10 02:30" + SKIPPED, "2013-03-10T06:59:59Z", "2013-03-10T07:00:00Z",
    ]  # fmt: skip
    typed = pl.DataFrame({"at": local("2013-03-10 02:30")}).select(as_type(pl.col("at"), pl.String(), wanted=ColumnType.TIME))
    assert typed["at"].to_list() == [None]


@pytest.mark.parametrize(
    ("ambiguous", "time"),
    [("refuse", "2013-11-03 01:30" + TWICE), ("earlier", "2013-11-03T05:30:00Z"), ("later", "2013-11-03T06:30:00Z")],
)
def test_a_time_that_the_clocks_show_twice_is_the_one_that_was_declared(ambiguous: str, time: str) -> None:
    assert local("2013-11-03 01:30", ambiguous=ambiguous) == [time]
    assert local("2013-03-10 02:30", ambiguous=ambiguous) == ["2013-03-10 02:30" + SKIPPED]


def test_every_half_hour_of_a_year_is_what_the_zone_says_of_it() -> None:
    zone, start = ZoneInfo(NEW_YORK), datetime(2013, 1, 1)  # noqa: DTZ001  a local time is the case under test
    times = [start + timedelta(minutes=30 * step) for step in range(365 * 48)]
    found = local(*[f"{time:%Y-%m-%d %H:%M}" for time in times])
    for time, text in zip(times, found, strict=True):
        early, late = time.replace(tzinfo=zone, fold=0).timestamp(), time.replace(tzinfo=zone, fold=1).timestamp()
        if early == late:
            assert text is not None
            assert datetime.fromisoformat(text).timestamp() == early
        else:  # in the skipped hour the later fold comes earlier
            assert text == f"{time:%Y-%m-%d %H:%M}" + (SKIPPED if early > late else TWICE)


def test_naive_times_of_a_typed_file_are_local_as_well() -> None:
    naive = pl.Series("at", [datetime(2013, 1, 1, 10), datetime(2013, 3, 10, 2, 30), None])  # noqa: DTZ001  the case under test
    frame = with_times(files("a", time_zone=NEW_YORK), pl.DataFrame([naive, pl.Series("n", [1, 2, 3])]))
    assert frame["at"].to_list() == ["2013-01-01T15:00:00Z", "2013-03-10T02:30:00" + SKIPPED, None]
    assert frame["n"].to_list() == [1, 2, 3]


def test_a_declared_pattern_without_zone_is_local_too() -> None:
    source = files("a", time_zone=NEW_YORK, times={"at": "%d.%m.%Y %H:%M"})
    frame = with_times(source, pl.DataFrame({"at": ["31.01.2013 10:00", "10.03.2013 02:30"]}))
    assert frame["at"].to_list() == ["2013-01-31T15:00:00Z", "10.03.2013 02:30" + SKIPPED]
