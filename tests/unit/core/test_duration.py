"""Durations: what is read and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flyball.core.duration import floor_time, format_duration, microseconds, parse_duration
from flyball.core.errors import DurationError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", timedelta()),
        ("10m", timedelta(minutes=10)),
        ("10ms", timedelta(milliseconds=10)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(days=14)),
        ("1w1d1h1m1s1ms", timedelta(weeks=1, days=1, hours=1, minutes=1, seconds=1, milliseconds=1)),
    ],
)
def test_reads_units_largest_first(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d",
        "3",
        "3 h",
        " 3h",
        "3h\n",
        "-3h",
        "1.5h",
        "3H",
        "12h1d",
        "1d1d",
        "1ms1s",
        "3x",
        "3h!",
        "\u0663h",
        "9" * 5000 + "d",
        "9999999999d",
        "5m3",
    ],
)
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(DurationError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("length", [timedelta(seconds=-1), timedelta(microseconds=1), timedelta(days=1, microseconds=999)])
def test_what_cannot_be_read_back_is_not_written(length: timedelta) -> None:
    with pytest.raises(DurationError):
        format_duration(length)


def test_floor_is_aligned_to_utc_also_before_1970() -> None:
    assert floor_time(datetime(2013, 3, 1, 7, 59, tzinfo=UTC), timedelta(hours=1)) == datetime(2013, 3, 1, 7, tzinfo=UTC)
    assert floor_time(datetime(1969, 12, 31, 23, 30, tzinfo=UTC), timedelta(hours=1)) == datetime(1969, 12, 31, 23, tzinfo=UTC)
    assert floor_time(datetime(2013, 3, 1, tzinfo=UTC), timedelta(days=1)) == datetime(2013, 3, 1, tzinfo=UTC)


def test_microseconds_are_exact() -> None:
    assert microseconds(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert microseconds(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == 253402300799999999
